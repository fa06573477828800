"""Formulas become text in CSV, and any text comes back."""

import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdiffus.traffic.tables.csv_cells import bare, guarded

LETTERS = st.sampled_from("'=+-@＝\t\r\n a1,\"")


@given(st.lists(st.text(LETTERS, min_size=1), min_size=1))
def test_any_text_comes_back(texts: list[str]) -> None:
    table = pl.DataFrame({"label": texts, "n": range(len(texts))})
    written = guarded(table).write_csv()
    assert bare(pl.read_csv(io.StringIO(written), infer_schema=False))["label"].to_list() == texts


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert guarded(pl.DataFrame({"label": [text]}))["label"][0] == "'" + text


def test_other_cells_are_left_alone() -> None:
    table = pl.DataFrame({"label": ["web", "a=b", "'quoted'", "", None], "size": [-1, 2, 3, 4, 5]})
    assert guarded(table).equals(table)
    assert bare(table).equals(table)
