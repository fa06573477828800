"""Bytes per time bin, of tables of packets and of captures."""

import numpy as np
import polars as pl
import pytest

from netdiffus import recordings
from netdiffus.errors import InputError
from netdiffus.traffic.flows.bin_reader import BinReader
from netdiffus.traffic.flows.bins import binned
from netdiffus.traffic.flows.reader import flows_of_capture
from netdiffus.traffic.traces import conform

MS = 10**6


def packets(**lists) -> pl.DataFrame:
    return conform(pl.DataFrame({"label": ["a"] * len(lists["size"])} | lists))


def test_by_hand() -> None:
    table = packets(
        size=[[10, 20, 30, 40], [5]], direction=[[0, 1, 1, 0], [1]], gap_ns=[[0, 9 * MS, 1 * MS, 25 * MS], [0]]
    )
    cut = binned(table, 10 * MS)
    assert cut["up_bytes"].to_list() == [[10, 0, 0, 40], [0]]
    assert cut["down_bytes"].to_list() == [[20, 30, 0, 0], [5]]
    assert cut["n_packets"].to_list() == [4, 1]
    assert binned(table, 10 * MS, 2)["down_bytes"].to_list() == [[20, 30], [5]]


def test_gaps_of_centuries_do_no_harm() -> None:
    table = packets(size=[[1] * 4], direction=[[0] * 4], gap_ns=[[0, 2**62, 2**62, 2**62]])
    assert binned(table, 1, 3)["up_bytes"].to_list() == [[1, 0, 0]]
    assert binned(table, 10**16, 5)["up_bytes"].to_list()[0][0] == 1


def test_channels_that_are_needed() -> None:
    table = conform(pl.DataFrame({"label": ["a"], "size": [[1]]}))
    with pytest.raises(InputError, match=r"packets with size, direction and gap .* for --bins; got the channels size"):
        binned(table, 1)


@pytest.mark.parametrize("label", ["web", "dns", "attack-scan"])
@pytest.mark.parametrize("batch_bytes", [1, 2**62])
def test_captures_are_binned_as_their_packets_would_be(label, batch_bytes) -> None:
    path = recordings.captures()[label][0]
    whole = flows_of_capture(path, packets=10**6)
    # What each packet's gaps add up to is its time, as the times of these captures never run backwards.
    expected = binned(conform(whole.flows.with_columns(label=pl.lit("a"))), 20 * MS, 50)
    reader = BinReader(path, bin_ns=20 * MS, limit=50)
    reader._batch_bytes = batch_bytes
    flows = pl.concat(batch.flows for batch in reader)
    assert reader.summary.flows == len(flows) == len(whole.flows)
    order = ["start_ns", "protocol", "client", "client_port", "server", "server_port"]
    theirs = expected.with_columns(whole.flows.select(order[1:])).sort(order)
    ours = flows.sort(order)
    assert ours["flow_id"].n_unique() == len(ours)
    for name in ("n_packets", "up_bytes", "down_bytes"):
        assert ours[name].to_list() == theirs[name].to_list(), name
    assert ours["up_bytes"].list.len().max() <= 50


def test_every_packet_counts_however_long_the_flow() -> None:
    path = recordings.captures()["web"][0]
    whole = flows_of_capture(path, packets=10**6).flows
    (batch,) = BinReader(path, bin_ns=100 * MS, limit=1 << 20)
    total = sum(int(batch.flows[name].list.sum().sum()) for name in ("up_bytes", "down_bytes"))
    assert total == whole["size"].list.sum().sum()
    longest = (whole["gap_ns"].list.sum() // (100 * MS) + 1).to_numpy()
    assert np.array_equal(batch.flows["up_bytes"].list.len().to_numpy(), longest)


def test_arguments_out_of_range() -> None:
    path = recordings.captures()["dns"][0]
    for wrong in ({"bin_ns": 0}, {"bin_ns": 1, "limit": 2**21}):
        with pytest.raises(InputError, match="bins of at least 1 ns, at most 1,048,576 a flow"):
            BinReader(path, **wrong)
