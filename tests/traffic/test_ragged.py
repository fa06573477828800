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


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.float64])
def test_arrays_that_do_not_lie_in_one_piece(dtype):
    flat = np.arange(12, dtype=dtype)[::2]
    assert list_column("x", flat, np.array([2, 0, 4])).to_list() == [[0, 2], [], [4, 6, 8, 10]]
    flat = np.arange(12, dtype=np.uint8)[::2]
    assert binary_column("x", flat, np.array([2, 0, 4])).to_list() == [b"\0\2", b"", b"\4\6\x08\n"]


def test_columns_keep_their_arrays():
    flat = np.arange(1000, dtype=np.int64)
    column = list_column("x", flat, np.array([1000]))
    del flat
    noise = [np.zeros(1000, np.int64) for _ in range(100)]
    assert column.to_list() == [list(range(1000))]
    del noise
