"""Captures read in segments, by any spread: the dataset is that of reading them from one end to the other."""

import gzip
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from netdiffus.spread import one_by_one
from netdiffus.steps.prepare import prepare
from netdiffus.steps.sources import segmented
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.traffic.flows.reader import FlowReader
from netdiffus.wire.files.writer import write_pcap
from netdiffus.wire.headers.packets import Packet
from pcapng_blocks import LITTLE
from wire_packets import ACK, FIN, PSH, RST, SYN, tcp, udp

SEGMENT, SECOND = 1 << 20, 1_000_000_000


@pytest.fixture(autouse=True)
def small_segments(monkeypatch) -> None:
    monkeypatch.setattr(segmented, "SEGMENT_BYTES", SEGMENT)
    monkeypatch.setattr("netdiffus.steps.sources.captures.FlowReader", partial(FlowReader, batch_bytes=SEGMENT))


@pytest.fixture
def refused(monkeypatch) -> list[str]:
    """Why segments were not joined."""
    found: list[str] = []
    finish = segmented.SegmentedSource.finish

    def watched(source: segmented.SegmentedSource) -> bool:
        found.extend([source.why] if source.why else [])
        return finish(source)

    monkeypatch.setattr(segmented.SegmentedSource, "finish", watched)
    return found


def packets_of(n: int, flags: tuple[int, ...] = (ACK, PSH | ACK), *, seed: int = 0) -> list[Packet]:
    """Conversations of 300 clients, with pauses, most of which last longer than a segment."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(np.where(rng.random(n) < 2e-4, 130 * SECOND, rng.integers(0, 9_000_000, n)))
    hosts, sides, kinds = (
        rng.integers(0, 300, n).tolist(),
        rng.integers(0, 2, n).tolist(),
        rng.integers(0, len(flags), n),
    )
    body, sizes, found = bytes(range(250)), rng.integers(0, 250, n).tolist(), list[Packet]()
    for k, (host, side, size) in enumerate(zip(hosts, sides, sizes, strict=True)):
        ports = (1000 + host, 80)
        if host % 3:
            data = tcp(7 * host, 0, flags[kinds[k]], body[:size], side, ports=ports, checksum=1)
        else:
            data = udp(body[:size], side, ports=ports, checksum=1)
        found.append(Packet(1_700_000_000 * SECOND + int(times[k]), data, len(data)))
    return found


def write_pcapng(path: Path, packets: list[Packet], again: int = -1) -> None:
    """Two interfaces; and a third one before the packet `again`."""
    with path.open("wb") as file:
        file.write(LITTLE.section() + LITTLE.interface(link=1, resolution=9) + LITTLE.interface(link=1, resolution=9))
        for k, packet in enumerate(packets):
            if k == again:
                file.write(LITTLE.interface(link=1, resolution=9))
            file.write(LITTLE.enhanced(packet.time_ns, packet.data, interface=k % 2, length=packet.length))


def same(tmp_path: Path, sources: list[Path], **options) -> None:
    """Prepare in segments and at once; compare all but the files that rows lie in."""
    config = PrepareConfig(seed=2, **options)
    found = []
    for name, spread in (("whole", None), ("parts", one_by_one)):
        out = tmp_path / name
        records = list(prepare(sources, out, config, spread))
        card, traces = read_dataset(out)
        found.append((card.model_dump(exclude={"hash"}), traces, read_packets(out) if not config.bin_ns else None))
        assert len(records) == len(card.sources)
    (card, traces, packets), (other, of_parts, other_packets) = found
    assert card == other
    assert traces.equals(of_parts)
    assert packets is None or packets.equals(other_packets)


@pytest.mark.parametrize(
    ("write", "options"),
    [
        (write_pcap, {}),
        (write_pcapng, {"packets": 8, "payload_shapes": True, "min_packets": 3}),
        (write_pcap, {"packets": "all"}),
        (write_pcap, {"flow_timeout": 0.5}),
    ],
    ids=("plain", "payload", "whole", "timeout"),
)
def test_flows_that_cross_borders_are_joined(tmp_path, refused, write, options) -> None:
    write(tmp_path / "a.pcap", packets_of(20_000))
    same(tmp_path, [tmp_path / "a.pcap"], **options)
    assert not refused
    assert len(list((tmp_path / "parts" / "traces").iterdir())) > 2


@pytest.mark.parametrize("flags", [(ACK, SYN), (SYN, FIN | ACK, ACK), (RST, SYN, SYN | ACK, ACK)], ids=str)
def test_connections_that_begin_and_end_at_any_place(tmp_path, flags) -> None:
    write_pcap(tmp_path / "a.pcap", packets_of(14_000, flags))
    same(tmp_path, [tmp_path / "a.pcap"], packets=8)


def test_a_handshake_that_a_border_cuts(tmp_path, refused) -> None:
    """Every client opens its connection, with a repeated SYN, at any place; ports are used again after both FINs."""
    found, rng = [], np.random.default_rng(3)
    talk = [(0, SYN), (0, SYN), (1, SYN | ACK), (0, ACK), (1, PSH | ACK), (0, FIN | ACK), (1, FIN | ACK)]
    for client in range(6000):
        begin = client * SECOND // 50
        for k, (side, flag) in enumerate(talk):
            data = tcp(
                client * 1000 + k // 2, 0, flag, bytes(200 * (flag & PSH)), side, ports=(client % 1500, 80), checksum=1
            )
            found.append(Packet(begin + k * int(rng.integers(1, 40_000_000)) + 10**18, data, len(data)))
    write_pcap(tmp_path / "a.pcap", sorted(found))
    same(tmp_path, [tmp_path / "a.pcap"], packets=4)


def test_the_files_of_a_tap(tmp_path, refused) -> None:
    packets = packets_of(16_000)
    cuts = [0, 9000, 9500, 9501, 12_000, len(packets)]
    (tmp_path / "tap").mkdir()
    for number, (begin, end) in enumerate(pairwise(cuts)):
        path = tmp_path / "tap" / f"{9 - number}.pcap"
        write_pcap(path, packets[begin:end])
        if number == 1:
            path.with_suffix(".pcap.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    same(tmp_path, [tmp_path / "tap"], rotated=True, packets="all")
    assert not refused


def test_sources_keep_their_order_and_labels(tmp_path, refused) -> None:
    for label, packets in (("a", packets_of(12_000)), ("b", packets_of(90, seed=1)), ("c", packets_of(12_000, seed=2))):
        (tmp_path / label).mkdir()
        write_pcap(tmp_path / label / "x.pcap", packets)
    table = tmp_path / "labels.csv"
    table.write_text("file,client_port,label\n" + "".join(f"x.pcap,{1000 + k},{'yz'[k % 2]}\n" for k in range(250)))
    sources = [tmp_path / label for label in "abc"]
    same(tmp_path, sources)
    for name in ("whole", "parts"):
        (tmp_path / name).rename(tmp_path / f"first-{name}")
    same(tmp_path, sources, labels=str(table), min_packets=2)
    assert not refused


def swapped(packets: list[Packet]) -> list[Packet]:
    """Out of order of time in one place."""
    half = len(packets) // 2
    return [*packets[:half], packets[half + 1], packets[half], *packets[half + 2 :]]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda packets: swapped(packets), "packets are out of order of time"),
        (lambda packets: packets[9000:] + packets[:9000], "packets are out of order of time"),
    ],
)
def test_what_cannot_be_joined_is_read_at_once(tmp_path, refused, make, why) -> None:
    write_pcap(tmp_path / "a.pcap", make(packets_of(15_000)))
    same(tmp_path, [tmp_path / "a.pcap"])
    assert refused == [why]


def test_interfaces_that_are_declared_late(tmp_path, refused) -> None:
    write_pcapng(tmp_path / "a.pcapng", packets_of(15_000), again=7000)
    same(tmp_path, [tmp_path / "a.pcapng"])
    assert refused == ["records do not go on where the segment before has ended"]


def test_damage_in_the_middle_ends_the_file_there(tmp_path, refused) -> None:
    path = tmp_path / "a.pcap"
    write_pcap(path, packets_of(20_000))
    content = bytearray(path.read_bytes())
    content[1_500_000:1_500_400] = b"\xff" * 400
    path.write_bytes(content[:-7])
    same(tmp_path, [path])
    assert refused == ["records do not go on where the segment before has ended"]


def test_a_file_that_ends_inside_a_record(tmp_path, refused) -> None:
    path = tmp_path / "a.pcap"
    write_pcap(path, packets_of(12_000))
    path.write_bytes(path.read_bytes()[:-7])
    same(tmp_path, [path])
    assert not refused


def test_captures_inside_packets_do_not_mislead(tmp_path, refused) -> None:
    """Payload that looks like records, wherever a segment begins."""
    inner = tmp_path / "inner.pcap"
    write_pcap(inner, packets_of(900))
    body = inner.read_bytes()[24:]
    packets = []
    for k in range(4000):
        data = udp(body[k * 7 % 3000 :][:1400], ports=(1000 + k % 50, 80), checksum=1)
        packets.append(Packet(1_700_000_000 * SECOND + k * 1_000_000, data, len(data)))
    write_pcap(tmp_path / "a.pcap", packets)
    same(tmp_path, [tmp_path / "a.pcap"])
    assert not refused
