"""The table of traces: the contract's columns, and arrays both ways."""

import numpy as np
import polars as pl
import pytest

from netdiffus.errors import InputError
from netdiffus.traffic.traces import channel_names, conform, padded, ragged, series


def test_missing_columns_are_filled() -> None:
    traces = conform(pl.DataFrame({"label": ["a", "b"], "size": [[1, 2], []], "direction": [[0, 1], []]}))
    assert traces.columns == ["trace_id", "label", "split", "source", "start_ns", "n_packets", "size", "direction"]
    assert traces.schema["size"] == pl.List(pl.Int32)
    assert traces.schema["direction"] == pl.List(pl.Int8)
    assert traces["n_packets"].to_list() == [2, 0]
    assert channel_names(traces) == ["size", "direction"]


def test_padded_and_back_with_empty_traces() -> None:
    traces = conform(pl.DataFrame({"label": ["a"] * 4, "size": [[], [1, 2, 3], [4], []]}))
    array = padded(traces, "size", 2)
    nan = np.nan
    assert np.array_equal(array, [[nan, nan], [1, 2], [4, nan], [nan, nan]], equal_nan=True)
    assert ragged(array, "size").to_list() == [[], [1, 2], [4], []]
    assert series(traces, 3).shape == (4, 1, 3)


def test_gaps_keep_their_nanoseconds() -> None:
    gap = 86_400 * 10**9 + 1
    traces = conform(pl.DataFrame({"label": ["a"], "gap_ns": [[0, gap]]}))
    assert ragged(padded(traces, "gap_ns", 2), "gap_ns").to_list() == [[0, gap]]


def test_errors() -> None:
    with pytest.raises(InputError, match=r"at least one of the columns size, .*; got the columns label"):
        conform(pl.DataFrame({"label": ["a"]}))
    with pytest.raises(InputError, match="a column 'label'"):
        conform(pl.DataFrame({"size": [[1]]}))
    with pytest.raises(InputError, match="equal length"):
        conform(pl.DataFrame({"label": ["a"], "size": [[1, 2]], "direction": [[0]]}))
