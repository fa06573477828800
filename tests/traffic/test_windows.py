"""Windows of long series and sums of neighbours."""

import polars as pl
import pytest

from netdiffus.errors import InputError
from netdiffus.traffic.traces import conform
from netdiffus.traffic.windows import summed, windows


def traces(**lists) -> pl.DataFrame:
    n = len(next(iter(lists.values())))
    return conform(pl.DataFrame({"label": ["a"] * n} | lists))


def test_sums_of_neighbours_without_the_rest() -> None:
    up, down = [[1, 2, 3, 4, 5], [7]], [[10, 20, 30, 40, 50], [0]]
    added = summed(traces(up_bytes=up, down_bytes=down), 2)
    assert added["up_bytes"].to_list() == [[3, 7], []]
    assert added["down_bytes"].to_list() == [[30, 70], []]
    assert added.schema == traces(up_bytes=up, down_bytes=down).schema
    assert summed(traces(size=[[1, 1, 1, 1]]), 4)["size"].to_list() == [[4]]


def test_what_cannot_be_summed() -> None:
    with pytest.raises(InputError, match="traces of bytes only, for --sum; got the channels size, direction"):
        summed(traces(size=[[1]], direction=[[0]]), 2)
    with pytest.raises(InputError, match="sums of sizes below 2 GiB"):
        summed(traces(size=[[2**31 - 1, 1]]), 2)


def test_windows_of_several_traces_share_their_trace_s_group() -> None:
    both = traces(up_bytes=[[0, 1, 2, 3, 4, 5, 6], [10, 11], [20, 21, 22]])
    cut, groups = windows(both, None, 3, 2, test=0.5, bin_ns=1000)
    assert cut["up_bytes"].to_list() == [[0, 1, 2], [2, 3, 4], [4, 5, 6], [20, 21, 22]]
    assert groups.to_list() == ["0", "0", "0", "2"]
    assert cut["start_ns"].to_list() == [0, 2000, 4000, 0]
    assert cut["n_packets"].to_list() == [3] * 4
    assert set(cut["split"]) == {""}
    _, named = windows(both, pl.Series(["x", "y", "x"]), 3, 2, test=0.5, bin_ns=None)
    assert named.to_list() == ["x", "x", "x", "x"]


def test_a_single_series_is_tested_on_its_end() -> None:
    one = traces(down_bytes=[list(range(10))])
    cut, _ = windows(one, None, 2, 2, test=0.4, bin_ns=None)
    assert cut["split"].to_list() == ["train", "train", "train", "test", "test"]
    assert cut["start_ns"].to_list() == [0] * 5


def test_no_position_of_a_single_series_is_on_both_sides() -> None:
    one = traces(down_bytes=[list(range(30))])
    for stride in (1, 2, 3, 5, 7):
        cut, _ = windows(one, None, 5, stride, test=0.3, bin_ns=None)
        train, test = (
            {value for row in cut.filter(pl.col("split") == part)["down_bytes"].to_list() for value in row}
            for part in ("train", "test")
        )
        assert train, stride
        assert test, stride
        assert max(train) < min(test), stride
    whole, _ = windows(one, None, 5, 1, test=0.0, bin_ns=None)
    assert set(whole["split"]) == {""}
    assert len(whole) == 26


def test_a_split_that_the_source_gave_stays() -> None:
    given = traces(up_bytes=[[1, 2, 3, 4]]).with_columns(split=pl.lit("test"))
    assert windows(given, None, 2, 2, test=0.5, bin_ns=None)[0]["split"].to_list() == ["test", "test"]
