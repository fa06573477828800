"""Columns of other people's tables as traces: names, units, signs, padding, and what cannot be used."""

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdiffus.errors import InputError
from netdiffus.traffic.labels.account import LeftOut
from netdiffus.traffic.tables.traces import traces_of_table
from netdiffus.traffic.traces import channel_names
from small_tables import of

ROWS = {"LABEL": ["web", "dns"], "PL": [[517, 1448, 0, 0], [40, 0, 0, 0]], "DIR": [[0, 1, 0, 0], [0, 0, 0, 0]]}


@pytest.mark.parametrize(("unit", "factor"), [("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)])
@pytest.mark.parametrize("number", [int, float])
def test_units_of_time(unit, factor, number) -> None:
    for kind, values in (("gap", [0, 250]), ("time", [1000, 1250])):
        table = {"label": ["a"], f"{kind}_{unit}": [[number(value) for value in values]]}
        assert of(table).traces["gap_ns"].to_list() == [[0, int(250 * factor)]]


def test_absolute_nanoseconds_stay_exact() -> None:
    times = [1_700_000_000_123_456_789, 1_700_000_000_123_456_790]
    assert of({"label": ["a"], "time_ns": [times]}).traces["gap_ns"].to_list() == [[0, 1]]


def test_time_that_runs_backwards_is_counted_and_its_gap_0() -> None:
    read = of({"label": ["a", "b"], "time_us": [[10, 30, 20, 40], [0, 1, 2, 3]]})
    assert read.traces["gap_ns"].to_list() == [[0, 20_000, 0, 10_000], [0, 1000, 1000, 1000]]
    assert read.faults == {"time runs backwards, gap taken as 0": 1}
    assert of({"label": ["a"], "gap_s": [[9, -1, 2]]}).traces["gap_ns"].to_list() == [[0, 0, 2 * 10**9]]


def test_signed_sizes_and_signs_of_directions() -> None:
    traces = of({"label": ["a"], "signed_size": [[-517, 1448, 0]]}).traces
    assert traces["size"].to_list() == [[517, 1448, 0]]
    assert traces["direction"].to_list() == [[0, 1, 1]]
    for directions in ([0, 1, 0], [-1, 1, -1], [False, True, False], [-1.0, 1.0, 0.0]):
        assert of({"label": ["a"], "direction": [directions]}).traces["direction"].to_list() == [[0, 1, 0]]


def test_bits_become_bytes_and_missing_bins_are_empty() -> None:
    read = of({"label": ["a"], "up_bits": [[8, 80, None, 800, None]], "down_bytes": [[1, None, 3, 4, None]]})
    assert read.traces["up_bytes"].to_list() == [[1, 10, 0, 100]]
    assert read.traces["down_bytes"].to_list() == [[1, 0, 3, 4]]
    assert read.faults == {"bytes of a bin are missing, taken as 0": 2}


def test_lists_in_text_may_be_written_in_several_ways() -> None:
    cells = ["[1, 2]", "1 2", "1;2", "(1,2)", "[1.0  2.0]"]
    assert of({"label": ["a"] * 5, "size": cells}).traces["size"].to_list() == [[1, 2]] * 5


def test_a_column_for_each_position_ends_where_cells_are_empty() -> None:
    wide = {"label": ["a", "b"], "PL_10": [3, None], "PL_9": [2, 5], "PL_2": [1, 4], "PL_x": ["no", "no"]}
    read = of(wide, "size=PL_*")
    assert read.traces["size"].to_list() == [[1, 2, 3], [4, 5]]
    assert read.traces["n_packets"].to_list() == [3, 2]
    assert of({"label": ["a"], "s1": [1.5], "s2": [math.nan]}, "gap_us=s*").traces["gap_ns"].to_list() == [[0]]


def test_one_row_a_position() -> None:
    long = {
        "flow": [7, 3, 7, 3, 3],
        "size": [1, 2, 3, 4, 5],
        "direction": [0, 0, 1, 1, 0],
        "label": list("abab") + ["b"],
    }
    read = of(long, "trace_id=flow")
    assert read.traces["label"].to_list() == ["b", "a"]
    assert read.traces["size"].to_list() == [[2, 4, 5], [1, 3]]
    assert of({" addr2_bytes": [5, 6, 7]}, "down_bytes=addr2_bytes", label="vid1").traces["down_bytes"].to_list() == [
        [5, 6, 7]
    ]
    with pytest.raises(
        InputError, match="one label where all rows are one series; got 2 in the column 'label'; say which"
    ):
        of(long)


def test_padding_is_stripped_where_every_series_is_0() -> None:
    read = of(ROWS, "size=PL,direction=DIR,label=LABEL", strip_padding=True)
    assert read.traces["size"].to_list() == [[517, 1448], [40]]
    assert read.traces["direction"].to_list() == [[0, 1], [0]]
    signed = {"label": ["a", "b"], "signed_size": [[-5, 0, 6, 0, 0], [0, 0, 0, 0, 0]], "n_packets": [9, 2]}
    traces = of(signed, strip_padding=True).traces
    assert traces["size"].to_list() == [[5, 0, 6], [0]]
    assert traces["n_packets"].to_list() == [9, 2]  # what the table says, before padding and cutting


def test_facts_come_along() -> None:
    table = {"label": ["a", "b"], "size": [[1], [2]], "SESSION": [7, 8], "when": [1.5, None], "part": ["valid", "TEST"]}
    read = of(table, "group=SESSION,start_s=when,split=part")
    assert read.groups is not None
    assert read.groups.to_list() == ["7", "8"]
    assert read.traces["start_ns"].to_list() == [1_500_000_000, 0]
    assert read.traces["split"].to_list() == ["train", "test"]
    with pytest.raises(InputError, match=r"a column split with test, synthetic, train, .* got left, right"):
        of(table | {"part": ["left", "right"]}, "split=part")


@pytest.mark.parametrize(
    ("reason", "column", "bad"),
    [
        ("trace has no label", "label", None),
        ("trace has no label", "label", " "),
        ("trace is empty", "size", []),
        ("trace is empty", "size", None),
        ("trace is empty", "size", [None, None]),
        ("series of a trace differ in length", "size", [1.0]),
        ("trace in which a value is missing or not a number", "size", [math.nan, 2.0]),
        ("trace in which a value is missing or not a number", "size", [None, 2.0]),
        ("trace in which a value is infinite", "size", [math.inf, 2.0]),
        ("trace in which a value is infinite", "gap_s", [1.0, math.inf]),
        ("trace in which a value is infinite", "gap_s", [1.0, 1.7e308]),
        ("trace in which a size or a number of bytes is negative", "size", [-1.0, 2.0]),
        ("trace in which a value is too large", "size", [2.0**31, 2.0]),
        ("trace in which a value is too large", "gap_s", [0.0, 1e18]),
    ],
)
def test_what_cannot_be_used_is_left_out_and_counted(reason, column, bad) -> None:
    good = {"label": "a", "size": [1.0, 2.0], "gap_s": [0.0, 1.0]}
    row = good | {column: bad}
    if column == "size" and (bad is None or len(bad) != 1) and reason == "trace is empty":
        row["gap_s"] = bad
    read = of(pl.DataFrame([good, row, good]))
    assert read.traces["size"].to_list() == [[1, 2]] * 2
    assert read.faults == {f"{reason}, left out": 1}
    with pytest.raises(InputError, match=f"at least one usable trace; got {reason}: 1"):
        of(pl.DataFrame([row], schema=pl.DataFrame([good, row]).schema))


def test_whole_numbers_that_are_too_large_and_fractions_of_bytes() -> None:
    read = of({"label": ["a", "b"], "gap_s": [[0, 2**62], [0, 1]], "size": [[1.0, 1.0], [2.4, 3.0]]})
    assert read.traces["label"].to_list() == ["b"]
    assert read.traces["size"].to_list() == [[2, 3]]
    assert read.faults == {
        "trace in which a value is too large, left out": 1,
        "size is not a whole number, rounded": 1,
    }


def test_errors_name_what_is_there() -> None:
    with pytest.raises(InputError, match=r"the column 'XX' .*; got the columns LABEL, PL"):
        of(ROWS, "size=XX")
    with pytest.raises(InputError, match=r"the column 'XX_\*' .*; got the columns LABEL, PL"):
        of(ROWS, "size=XX_*")
    with pytest.raises(InputError, match=r"--columns label=NAME, or choose --labels folder, --labels file or --unlab"):
        of(ROWS, "size=PL")
    with pytest.raises(InputError, match="at least one of the columns"):
        of(ROWS, "label=LABEL")
    with pytest.raises(InputError, match=r"--columns NAME=COLUMN"):
        of(ROWS, "sise=PL")
    with pytest.raises(InputError, match=r"lists of numbers in the column of size; got '\[z\]'"):
        of({"label": ["a", "b"], "size": ["[z]", "[x, y]"]})
    with pytest.raises(InputError, match=r"lists of numbers for size; got a column of List\(String\)"):
        of({"label": ["a"], "size": [["x"]]})
    with pytest.raises(InputError, match="numbers for size; got 'p1', a column of text such as 'x'; name another"):
        of({"label": ["a"], "p1": ["x"]}, "size=p*")
    with pytest.raises(InputError, match=r"directions 1 .* and 0 or -1 .*; got 2; map"):
        of({"label": ["a"], "direction": [[1, 2]]})
    with pytest.raises(InputError, match="at least one usable trace; got a table without rows"):
        of(pl.DataFrame(schema={"label": pl.String, "size": pl.List(pl.Int64)}))


def test_unlabelled_tables_get_one_label() -> None:
    assert of({"size": [[1], [2]]}, label="unlabelled").traces["label"].to_list() == ["unlabelled"] * 2


NUMBERS = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.integers(0, 1500))
CELLS = st.one_of(st.none(), st.lists(NUMBERS, max_size=4))


@given(
    st.sampled_from(["size", "signed_size", "up_bytes", "down_bits", "direction"]),
    st.sampled_from(["gap_s", "gap_ns", "time_us", "time_s", "down_bytes"]),
    st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=4),
    st.booleans(),
)
def test_whatever_numbers_there_are_traces_conform_or_one_line_says_why(first, second, rows, strip_padding) -> None:
    kinds = [
        pl.List(pl.Float64) if any(isinstance(v, float) for row in rows for v in row[k] or ()) else pl.List(pl.Int64)
        for k in (0, 1)
    ]
    table = pl.DataFrame(
        {"label": ["a"] * len(rows)}
        | {
            name: pl.Series([row[k] for row in rows], dtype=kinds[k], strict=False)
            for k, name in enumerate((first, second))
        }
    )
    try:
        read = traces_of_table(table, {}, strip_padding=strip_padding)
    except InputError:
        return
    left_out = sum(count for reason, count in read.faults.items() if reason.endswith("left out"))
    assert len(read.traces) + left_out == len(rows)
    for name in channel_names(read.traces):
        values = read.traces[name].explode()
        assert values.null_count() == 0, name
        assert values.min() >= 0, name
    if "gap_ns" in read.traces.columns:
        assert set(read.traces["gap_ns"].list.first()) == {0}


@pytest.mark.parametrize("number", [int, float])
def test_minus_one_in_all_series_is_where_a_trace_ends(number) -> None:
    table = {
        "size": [[517, 60, 9], [40, -1, -1]],
        "direction": [[0, 1, 0], [1, -1, -1]],
        "gap_ms": [[0, 4, 2], [0, -1, -1]],
    }
    table = {name: [[number(value) for value in row] for row in rows] for name, rows in table.items()}
    read = of({"label": ["a", "b"], **table})
    assert read.traces["size"].to_list() == [[517, 60, 9], [40]]
    assert read.traces["direction"].to_list() == [[0, 1, 0], [1]]
    assert read.faults == {}
    assert read.notes == ["-1 in all series ends 1 traces"]


def test_minus_one_elsewhere_is_what_it_was() -> None:
    wide = of({"label": ["a", "b"], "s1": [1, 4], "s2": [2, -1], "s3": [3, -1]}, "size=s*")
    assert wide.traces["size"].to_list() == [[1, 2, 3], [4]]
    middle = of({"label": ["a", "b"], "size": [[1, 2, 3], [4, -1, 5]], "gap_ms": [[0, 1, 2], [0, -1, 3]]})
    assert middle.faults["trace in which a size or a number of bytes is negative, left out"] == 1
    one_series = of({"label": ["a", "b"], "size": [[1, 2, 3], [4, 5, 6]], "direction": [[1, -1, -1], [1, 1, -1]]})
    assert one_series.traces["direction"].to_list() == [[1, 0, 0], [1, 1, 0]]
    assert of({"label": ["a"], "signed_size": [[5, -1, -1]]}).traces["size"].to_list() == [[5, 1, 1]]
    all_gone = of({"label": ["a", "b"], "size": [[-1, -1], [4, 5]]})
    assert all_gone.faults == {"trace is empty, left out": 1}


def test_what_became_of_every_label() -> None:
    read = of({"label": ["dns", "dns", "web", " "], "size": [[-5], [], [1], [2]]})
    assert read.account.labels == ["dns", "web"]
    assert read.account.left_out({"web": 1}) == {
        "dns": [
            LeftOut("rows", 1, 2, "trace in which a size or a number of bytes is negative"),
            LeftOut("rows", 1, 2, "trace is empty"),
        ]
    }
    empty = of({"label": ["dns"], "size": [[-5]]}, may_be_empty=True)
    assert (len(empty.traces), empty.account.labels) == (0, ["dns"])


def test_labels_lose_blanks_at_their_ends_with_a_note() -> None:
    read = of({"label": ["web", "web ", "\tweb", "a b"], "size": [[1, 2]] * 4})
    assert read.traces["label"].to_list() == ["web", "web", "web", "a b"]
    assert read.notes == [
        "label '\\tweb' has blanks at its ends; it is taken as 'web', 1 times",
        "label 'web ' has blanks at its ends; it is taken as 'web', 1 times",
    ]
    many = of({"label": [f"{n} " for n in range(9)], "size": [[1, 2]] * 9})
    assert (len(many.notes), many.notes[-1]) == (6, "4 more labels have blanks at their ends, which are not taken")


def test_a_table_with_one_row_a_flow_is_told_what_it_lacks() -> None:
    flows = {" Flow Duration": [120, 0], "Total Fwd Packets": [3, 2], " Label": ["BENIGN", "DoS"]}
    advice = "run 'netdiffus prepare' on the captures, with this table as --labels"
    with pytest.raises(
        InputError, match=rf"a series in at least one of the columns .*; if a row is a whole flow .* {advice}"
    ):
        of(flows, "label=Label")
    with pytest.raises(InputError, match=rf"one label where all rows are one series; got 2 .* {advice}"):
        of(flows, "size=Total Fwd Packets,label=Label")
    read = of(flows | {"id": [1, 2]}, "size=Total Fwd Packets,label=Label,trace_id=id")
    assert read.notes == [
        "every trace has one position, as in a table with one row a flow; there is no series to learn"
    ]


def test_labels_lose_nul_at_their_ends_as_they_lose_blanks() -> None:
    read = of({"label": ["web\0", "web", " \0web \0", "w\0eb"], "size": [[1], [2], [3], [4]]})
    assert read.traces["label"].to_list() == ["web", "web", "web", "w\0eb"]
    assert any("'web\\x00' has blanks at its ends" in note for note in read.notes)
