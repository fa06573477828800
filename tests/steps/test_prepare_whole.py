"""prepare --packets all: flows are kept whole, however long; and what --packets may say."""

import numpy as np
import polars as pl
import pytest

from netdiffus import prepare
from netdiffus.cli.main import run
from netdiffus.errors import InputError
from netdiffus.store.dataset import read_dataset
from netdiffus.wire.files.reader import Packet
from netdiffus.wire.files.writer import write_pcap
from small_packets import ethernet, ipv4, udp

LONG = 70_000


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """A flow of LONG packets, and in the midst of it one of 3."""
    path = tmp_path_factory.mktemp("captures") / "voice" / "long.pcap"
    path.parent.mkdir()
    frames = [
        ethernet(ipv4(udp(bytes(size)), 17, source=host)) for size, host in ((10, "192.0.2.1"), (30, "192.0.2.9"))
    ]
    times = [(k * 1_000_000, frames[0]) for k in range(LONG)] + [(k * 7_000_001, frames[1]) for k in range(3)]
    write_pcap(path, (Packet(time, frame, len(frame)) for time, frame in sorted(times)))
    return path


def test_all_packets_of_a_flow_are_kept(capture, tmp_path) -> None:
    card, traces = read_dataset(prepare([capture], tmp_path / "dataset", packets="all", test=0))
    assert card.packets == "all"
    assert sorted(traces["n_packets"]) == [3, LONG]
    assert traces["size"].list.len().to_list() == traces["n_packets"].to_list()
    assert traces["gap_ns"].list.sum().sort(descending=True)[0] == (LONG - 1) * 1_000_000
    packets = pl.read_parquet(tmp_path / "dataset" / "packets.parquet")
    assert len(packets) == LONG + 3
    for _, flow in packets.group_by("trace_id"):
        assert np.array_equal(flow["index"].sort(), np.arange(len(flow)))
        assert flow["client"].is_not_null().sum() == 1


def test_the_default_is_64(capture, tmp_path) -> None:
    card, traces = read_dataset(prepare([capture], tmp_path / "dataset", test=0))
    assert card.packets == 64
    assert traces["size"].list.len().max() == 64
    assert traces["n_packets"].max() == LONG


def test_info_says_what_was_kept(capture, tmp_path, capsys) -> None:
    assert run(["prepare", str(capture), "--out", str(tmp_path / "dataset"), "--packets", "all"]) == 0
    assert "kept: all packets of each flow" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["every", "0", "-1", "1000001", "6.5", ""])
def test_other_numbers_of_packets_are_refused(text, capture, tmp_path, capsys) -> None:
    assert run(["prepare", str(capture), "--out", str(tmp_path / "dataset"), "--packets", text]) == 2
    said = capsys.readouterr().err
    assert "--packets from 1 to 1,000,000, or all" in said
    assert len(said.strip().splitlines()) == 1


def test_bins_have_a_number(capture, tmp_path) -> None:
    with pytest.raises(InputError, match="--packets N of bins; got all"):
        prepare([capture], tmp_path / "dataset", packets="all", bins=10)
