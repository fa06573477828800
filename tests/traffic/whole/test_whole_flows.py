"""Whole flows of captures: volumes, delays and states that can be counted by hand."""

import struct
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from netdiffus import recordings
from netdiffus.api.verbs import prepare
from netdiffus.steps.inputs.load import load_traces
from netdiffus.steps.inputs.whole import whole_traffic
from netdiffus.traffic.labels.rules import OneLabel
from netdiffus.traffic.whole.answers import addresses
from netdiffus.traffic.whole.conn_state import STATES, conn_state, history_bits
from netdiffus.traffic.whole.flows import Whole, joined
from netdiffus.traffic.whole.reader import whole_of_capture
from netdiffus.wire.files.writer import write_pcap
from netdiffus.wire.headers.packets import Packet
from wire_packets import ACK, FIN, RST, START_NS, SYN, tcp, udp

MS = 1_000_000
SERVER = "198.51.100.2"


def read(folder: Path, *packets: tuple[float, bytes]) -> Whole:
    """The capture of frames at milliseconds."""
    path = folder / "capture.pcap"
    write_pcap(path, [Packet(START_NS + int(ms * MS), data, len(data)) for ms, data in packets])
    return whole_of_capture(path, 0, OneLabel())


def exchange(*more: tuple[float, bytes]) -> list[tuple[float, bytes]]:
    """Handshake in 10 ms, a request of 150 bytes in two segments, an answer of 300 after 39 ms, and what follows."""
    return [
        (0, tcp(1000, 0, SYN)),
        (10, tcp(5000, 1001, SYN | ACK, side=1)),
        (11, tcp(1001, 5001, ACK)),
        (20, tcp(1001, 5001, ACK, b"a" * 100)),
        (21, tcp(1101, 5001, ACK, b"a" * 50)),
        (45, tcp(5001, 1151, ACK, side=1)),
        (60, tcp(5001, 1151, ACK, b"b" * 300, side=1)),
        *more,
    ]


def test_volumes_delays_and_goodput_of_a_connection(tmp_path: Path):
    again = (80, tcp(5001, 1151, ACK, b"b" * 300, side=1))
    end = [(90, tcp(1151, 5301, FIN | ACK)), (95, tcp(5301, 1152, FIN | ACK, side=1)), (99, tcp(1152, 5302, ACK))]
    whole = read(tmp_path, *exchange(again, *end))
    flows = whole.flows
    assert flows.packets.tolist() == [[6, 5]]
    assert flows.payload.tolist() == [[150, 600]]
    assert flows.ip_bytes.tolist() == [[6 * 40 + 150, 5 * 40 + 600]]
    assert flows.duration_ns.tolist() == [99 * MS]
    assert (whole.responses.owner.tolist(), whole.responses.ns.tolist()) == ([0], [39 * MS])
    assert whole.round_trips.ns.tolist() == [10 * MS, 25 * MS, 5 * MS]  # SYN, the first data segment, FIN
    assert whole.arrivals.packets.sum() == 11
    assert whole.arrivals.throughput.sum() == 11 * 40 + 750
    assert whole.arrivals.goodput.sum() == 450  # the repeated answer is throughput, but no goodput
    assert state(whole) == ["SF"]
    assert history_bits(flows.history)[0].tolist() == [1, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 1, 0]


def test_a_segment_that_was_sent_again_is_not_timed(tmp_path: Path):
    lost = [(0, tcp(1000, 0, SYN)), (1000, tcp(1000, 0, SYN)), (1010, tcp(5000, 1001, SYN | ACK, side=1))]
    assert read(tmp_path, *lost).round_trips.ns.tolist() == []


def test_numbers_that_go_round_are_followed(tmp_path: Path):
    top = 2**32
    talk = [
        (0, tcp(top - 51, 0, SYN)),
        (4, tcp(9, top - 50, SYN | ACK, side=1)),
        (5, tcp(top - 50, 10, ACK, b"x" * 100)),
        (12, tcp(10, 50, ACK, b"y", side=1)),
    ]
    whole = read(tmp_path, *talk)
    assert whole.round_trips.ns.tolist() == [4 * MS, 7 * MS]
    assert whole.arrivals.goodput.sum() == 101


def state(whole: Whole) -> list[str]:
    flows = whole.flows
    return [STATES[number] for number in conn_state(flows.protocol, flows.packets, flows.history, flows.reset_by)]


@pytest.mark.parametrize(
    ("packets", "expected"),
    [
        ([tcp(1, 0, SYN)], "S0"),
        ([tcp(1, 0, SYN), tcp(0, 2, RST | ACK, side=1)], "REJ"),
        ([tcp(1, 0, SYN), tcp(2, 0, RST)], "RSTOS0"),
        ([tcp(1, 0, SYN), tcp(2, 0, FIN)], "SH"),
        ([data for _, data in exchange()], "S1"),
        ([data for _, data in exchange((70, tcp(1151, 5301, FIN | ACK)))], "S2"),
        ([data for _, data in exchange((70, tcp(5301, 1151, FIN | ACK, side=1)))], "S3"),
        ([data for _, data in exchange((70, tcp(1151, 5301, RST)))], "RSTO"),
        ([data for _, data in exchange((70, tcp(5301, 1151, RST, side=1)))], "RSTR"),
        ([tcp(5, 2, SYN | ACK, side=1), tcp(6, 2, FIN | ACK, side=1)], "SHR"),
        ([tcp(5, 2, SYN | ACK, side=1), tcp(6, 2, RST, side=1)], "RSTRH"),
        ([tcp(7, 9, ACK, b"middle")], "OTH"),
        ([udp(b"?")], "S0"),
        ([udp(b"?"), udp(b"!", side=1)], "SF"),
    ],
)
def test_states_are_zeeks(tmp_path: Path, packets: list[bytes], expected: str):
    assert state(read(tmp_path, *enumerate(packets))) == [expected]


def test_requests_over_udp_have_response_times(tmp_path: Path):
    talk = [(0, udp(b"?")), (30, udp(b"!!", side=1)), (40, udp(b"??")), (41, udp(b"??")), (61, udp(b"!", side=1))]
    whole = read(tmp_path, *talk)
    assert whole.responses.ns.tolist() == [30 * MS, 20 * MS]
    assert whole.arrivals.goodput.sum() == 8
    assert not len(whole.round_trips.ns)


def answer(*records: tuple[int, bytes]) -> bytes:
    """A DNS answer to a question for www.example, whose records point to the name."""
    question = b"\3www\7example\0" + struct.pack("!HH", 1, 1)
    found = b"".join(struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data for kind, data in records)
    return struct.pack("!HHHHHH", 7, 0x8180, 1, len(records), 0, 0) + question + found


def test_addresses_of_answers():
    alias = (5, b"\3cdn\xc0\x10")
    assert addresses(answer(alias, (1, bytes([198, 51, 100, 2])), (28, bytes(15) + b"\1"))) == [SERVER, "::1"]
    whole = answer((1, bytes([198, 51, 100, 2])))
    assert addresses(whole[:2] + b"\1\0" + whole[4:]) == []  # a question
    for cut in range(len(whole)):
        assert addresses(whole[:cut]) == []
    assert addresses(b"\0" * 4 + b"\xff" * 60) == []


@pytest.mark.parametrize(("given", "named"), [(SERVER, 1), ("198.51.100.3", 0)])
def test_a_connection_to_the_address_in_an_answer_follows_it(tmp_path: Path, given: str, named: int):
    data = answer((1, bytes(map(int, given.split(".")))))
    whole = read(tmp_path, (0, udp(b"?")), (5, udp(data, side=1)), (9, tcp(1, 0, SYN)))
    assert whole.flows.named.tolist() == [0, named]
    assert read(tmp_path, (0, udp(b"?")), (9, tcp(1, 0, SYN))).flows.named.tolist() == [-1, -1]


def test_a_dataset_of_whole_flows_says_what_its_captures_say(tmp_path: Path):
    source = recordings.folder()
    paths = [source / "mqtt", source / "attack-scan"]
    prepare(paths, tmp_path / "dataset", packets=100_000)
    dataset = whole_traffic(load_traces(tmp_path / "dataset"))
    captures = [
        whole_of_capture(next(path.glob("*.pcap.xz")), number, named(path.name)) for number, path in enumerate(paths)
    ]
    both = joined(captures)
    assert isinstance(dataset, Whole)
    order = [np.lexsort((w.flows.server_port, w.flows.packets[:, 0], w.flows.start_ns)) for w in (dataset, both)]
    for name in ("labels", "capture", "server_port", "start_ns", "end_ns", "packets", "payload", "history", "reset_by"):
        one, two = (getattr(w.flows, name)[rows] for w, rows in zip((dataset, both), order, strict=True))
        assert np.array_equal(one, two), name
    for name in ("ms", "packets", "throughput", "goodput"):
        assert np.array_equal(getattr(dataset.arrivals, name), getattr(both.arrivals, name)), name
    assert np.array_equal(np.sort(dataset.responses.ns), np.sort(both.responses.ns))
    assert np.array_equal(np.sort(dataset.round_trips.ns), np.sort(both.round_trips.ns))


def named(label: str):
    return lambda _, flows: pl.Series([label] * len(flows), dtype=pl.String)


def test_a_dataset_of_cut_flows_says_how_to_prepare_it(tmp_path: Path):
    prepare(recordings.folder() / "mqtt", tmp_path / "dataset", packets=16)
    said = whole_traffic(load_traces(tmp_path / "dataset"))
    assert isinstance(said, str)
    assert "flows are longer than the 16 packets that the dataset keeps; prepare it with --packets all" in said
