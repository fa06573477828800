"""Columns of uneven rows, against the same columns made row by row."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdiffus.traffic import ragged
from netdiffus.traffic.ragged import binary_column, list_column


@given(st.lists(st.lists(st.integers(-5, 5), max_size=5), max_size=20))
def test_list_column(rows):
    flat = np.array([value for row in rows for value in row], np.int32)
    column = list_column("x", flat, np.array([len(row) for row in rows], np.int64))
    assert column.equals(pl.Series("x", rows, dtype=pl.List(pl.Int32)))
    assert (column.name, column.dtype) == ("x", pl.List(pl.Int32))


@pytest.mark.parametrize("most", [1, 7, 1 << 30])
@given(rows=st.lists(st.binary(max_size=20), max_size=20))
def test_binary_column(most, rows):
    flat = np.frombuffer(b"".join(rows), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ragged, "MAX_COLUMN_BYTES", most)  # several pieces, as with gigabytes
        column = binary_column("x", flat, np.array([len(row) for row in rows], np.int64))
    assert column.equals(pl.Series("x", rows, dtype=pl.Binary))
    assert column.name == "x"
