"""Tables with odd cells: the row or trace is left out and counted, and the first is named."""

import math

import polars as pl
import pytest

from netdiffus.traffic.labels.account import LeftOut
from small_tables import of

LONG = {
    "flow": ["1", "1", "2", "2", "3", "3"],
    "label": ["web", "web", "dns", "dns", "web", "web"],
    "time_s": ["0.00", "0.02", "0.00", "0.02", "0.35", "0.45"],
    "size": ["517", "1448", "40", "120", "1448", "48"],
}


def with_row(table: dict, place: int, **cells) -> dict:
    """A row more: that at `place` again, with other cells."""
    rows = pl.DataFrame(table).to_dicts()
    return pl.DataFrame([*rows[:place], rows[place] | cells, *rows[place:]], infer_schema_length=None).to_dict(
        as_series=False
    )


@pytest.mark.parametrize("cell", ["Infinity", "-inf", "-", "null", "NaN", "n/a", "x", "1,448", ""])
def test_a_row_of_a_packet_with_an_odd_cell_is_left_out_and_the_first_is_named(cell) -> None:
    table = with_row(with_row(LONG, 2, size=cell), 6, size="?")
    read = of(table, "trace_id=flow")
    assert read.traces["size"].to_list() == [[517, 1448], [40, 120], [1448, 48]]
    assert read.faults == {"row without a number in every series, left out": 2}
    said = f"size is {cell!r}" if cell else "size is empty"
    assert read.notes == [f"the first cell that cannot be used is in row 3: {said}"]


def test_rows_of_numbers_are_held_to_the_same() -> None:
    table = pl.DataFrame(with_row(with_row(LONG, 0, size=None), 3, size=None)).with_columns(
        pl.col("size").cast(pl.Float64), pl.col("time_s").cast(pl.Float64)
    )
    read = of(
        table.with_columns(pl.when(pl.int_range(pl.len()) == 5).then(math.inf).otherwise("size").alias("size")),
        "trace_id=flow",
    )
    assert read.faults == {"row without a number in every series, left out": 3}
    assert read.traces["size"].to_list() == [[517, 1448], [40], [1448, 48]]
    assert read.notes[0] == "the first cell that cannot be used is in row 1: size is empty"


def test_a_trace_all_of_whose_rows_are_left_out_is_counted_under_its_label() -> None:
    read = of(LONG | {"size": ["1", "2", "-", "-", "3", "4"]}, "trace_id=flow")
    assert read.faults["trace is empty, left out"] == 1
    assert read.account.left_out({}) == {"dns": [LeftOut("rows", 1, 1, "trace is empty")]}
    assert read.account.labels == ["dns", "web"]


def test_a_header_line_in_the_middle_is_left_out() -> None:
    head = {name: name for name in LONG}
    read = of(with_row(LONG, 3, **head), "trace_id=flow")
    assert read.traces["size"].to_list() == [[517, 1448], [40, 120], [1448, 48]]
    assert read.faults == {"row repeats the header line, left out": 1}
    assert read.notes == ["the first cell that cannot be used is in row 4: size is 'size'"]
    lists = {"label": ["a", "label", "b", "c"], "size": ["[1, 2]", "size", "3 4", "[x]"]}
    read = of(lists)
    assert read.traces["size"].to_list() == [[1, 2], [3, 4]]
    assert read.faults == {
        "row repeats the header line, left out": 1,
        "trace in which a cell is no number, left out": 1,
    }
    wide = of({"label": ["a", "label", "b"], "s1": ["1", "s1", "-"], "s2": ["2", "s2", "4"]}, "size=s*")
    assert wide.traces["size"].to_list() == [[1, 2]]
    assert wide.faults == {
        "row repeats the header line, left out": 1,
        "trace in which a value is missing or not a number, left out": 1,
    }


def test_an_odd_cell_of_a_bin_is_0_and_moves_nothing() -> None:
    read = of({"down_bits": ["8", "-", "Infinity", "80"]}, label="link")
    assert read.traces["down_bytes"].to_list() == [[1, 0, 0, 10]]
    assert read.faults == {"bytes of a bin are missing, taken as 0": 2}


def test_one_odd_direction_costs_its_trace_and_another_code_is_refused() -> None:
    read = of({"label": ["a"] * 3, "direction": [[0, 1], [0, 2], [1, 0]]})
    assert read.traces["direction"].to_list() == [[0, 1], [1, 0]]
    assert read.faults == {"trace in which a direction is none of 1, 0 and -1, left out": 1}
