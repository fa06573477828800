"""Flows: each sentence of the definition on packets made by hand, and whole captures against tshark and dpkt."""

import hashlib
import ipaddress
import shutil
import struct
import subprocess
from collections import Counter
from contextlib import closing
from itertools import islice
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netdiffus
from netdiffus.errors import InputError
from netdiffus.traffic.flows.reader import FLOW_SCHEMA, PACKET_SCHEMA, CaptureFlows, FlowReader, flows_of_capture
from netdiffus.traffic.labels.rules import is_capture_name
from netdiffus.wire.files.order import STEPPED
from netdiffus.wire.files.reader import Packet, read_capture, write_pcap
from shared_files import shared

SECOND = 1_000_000_000
RAW = 101
FIN, SYN, RST, ACK = 1, 2, 4, 16
CLIENT, SERVER = ("10.0.0.9", 40000), ("10.0.0.1", 443)  # the client is the larger address: order must not matter


def ip(source: str, destination: str, protocol: int, body: bytes, *, place: int = 0, ident: int = 7) -> bytes:
    a, b = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if a.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + a.packed + b.packed + body
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), ident, place, 64, protocol, 0) + a.packed + b.packed + body


def tcp(source, destination, flags: int, seq: int = 0, size: int = 0) -> bytes:
    head = struct.pack("!HHIIBBHHH", source[1], destination[1], seq, 0, 0x50, flags, 512, 0, 0)
    return ip(source[0], destination[0], 6, head + bytes(size))


def udp(source, destination, size: int) -> bytes:
    return ip(source[0], destination[0], 17, struct.pack("!HHHH", source[1], destination[1], 8 + size, 0) + bytes(size))


@pytest.fixture
def flows_of(tmp_path):
    def run(*packets: tuple[float, bytes], **options: float) -> CaptureFlows:
        path = tmp_path / "x.pcap"
        write_pcap(path, [Packet(round(t * SECOND) + SECOND, data, len(data)) for t, data in packets], RAW)
        return flows_of_capture(path, **options)

    return run


def test_a_tcp_conversation_is_one_flow(flows_of):
    found = flows_of(
        (0.0, tcp(CLIENT, SERVER, SYN, 100)),
        (0.1, tcp(SERVER, CLIENT, SYN | ACK, 500)),
        (0.3, tcp(CLIENT, SERVER, ACK, 101, 517)),
        (0.4, tcp(SERVER, CLIENT, FIN | ACK, 501, 1448)),
        (0.5, tcp(CLIENT, SERVER, FIN | ACK, 618)),
        (0.6, tcp(SERVER, CLIENT, ACK, 1950)),
        packets=5,
    )
    assert found.flows.schema == FLOW_SCHEMA
    assert found.flows.rows() == [
        (0, "tcp", "10.0.0.9", 40000, "10.0.0.1", 443, SECOND, 6)
        + ([0, 0, 517, 1448, 0], [0, 1, 0, 1, 0], [0, SECOND // 10, SECOND // 5, SECOND // 10, SECOND // 10])
    ]
    assert found.packets.schema == PACKET_SCHEMA
    assert found.packets["index"].to_list() == [0, 1, 2, 3, 4]
    assert found.packets["time_ns"].to_list() == [SECOND + SECOND * k // 10 for k in (0, 1, 3, 4, 5)]
    assert found.packets["direction"].to_list() == [0, 1, 0, 1, 0]
    assert found.packets["payload_bytes"].to_list() == [0, 0, 517, 1448, 0]
    first = tcp(CLIENT, SERVER, SYN, 100)
    assert found.packets.row(0)[4:6] == (first[:20], first[20:])
    assert found.summary.faults == {}
    assert (found.summary.packets, found.summary.flows, found.summary.links) == (6, 1, {"raw IP": 6})
    assert (found.summary.first_ns, found.summary.last_ns) == (SECOND, SECOND + SECOND * 6 // 10)


def counts(found: CaptureFlows) -> list[int]:
    return found.flows["n_packets"].to_list()


def test_idle_time_ends_a_flow(flows_of):
    packets = [(t, udp(CLIENT, SERVER, 5)) for t in (0.0, 120.0, 240.5, 241.0)]
    assert counts(flows_of(*packets)) == [2, 2]
    assert counts(flows_of(*packets, timeout_s=121)) == [4]
    assert counts(flows_of(*packets, timeout_s=0.5)) == [1, 1, 2]


OPENING = [(0.0, tcp(CLIENT, SERVER, SYN, 100)), (0.1, tcp(SERVER, CLIENT, SYN | ACK, 500))]
BOTH_FIN = [(0.2, tcp(CLIENT, SERVER, FIN | ACK, 101)), (0.3, tcp(SERVER, CLIENT, FIN | ACK, 501))]
RESET = [(0.2, tcp(SERVER, CLIENT, RST, 501))]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (OPENING + BOTH_FIN, tcp(CLIENT, SERVER, ACK, 102), [5]),  # the last acknowledgement
        (OPENING + BOTH_FIN, tcp(CLIENT, SERVER, SYN, 9000), [4, 1]),
        (OPENING + BOTH_FIN, tcp(CLIENT, SERVER, SYN, 100), [4, 1]),  # a replay
        (OPENING + BOTH_FIN, tcp(SERVER, CLIENT, SYN, 77), [4, 1]),
        (OPENING + BOTH_FIN[:1], tcp(CLIENT, SERVER, SYN, 100), [4]),
        (OPENING + RESET, tcp(CLIENT, SERVER, SYN, 9000), [3, 1]),
        (OPENING + RESET, tcp(CLIENT, SERVER, SYN, 100), [4]),  # the same attempt again
        (OPENING, tcp(CLIENT, SERVER, SYN, 100), [3]),
        (OPENING, tcp(CLIENT, SERVER, SYN, 9000), [2, 1]),  # the port is used again, the close was not captured
        (OPENING, tcp(CLIENT, SERVER, SYN | ACK, 9000), [3]),
        (RESET, tcp(CLIENT, SERVER, SYN, 100), [1, 1]),
        (OPENING[1:], tcp(CLIENT, SERVER, SYN, 100), [2]),  # captured in the wrong order
    ],
)
def test_when_a_syn_begins_a_new_flow(flows_of, before, after, expected):
    assert counts(flows_of(*before, (0.9, after))) == expected


@pytest.mark.parametrize(
    ("packets", "client"),
    [
        ([tcp(SERVER, CLIENT, ACK), tcp(CLIENT, SERVER, ACK)], SERVER),
        ([tcp(SERVER, CLIENT, SYN | ACK, 5), tcp(CLIENT, SERVER, ACK)], CLIENT),
        ([tcp(SERVER, CLIENT, ACK), tcp(CLIENT, SERVER, SYN, 5)], CLIENT),
        ([tcp(CLIENT, SERVER, SYN, 5), tcp(SERVER, CLIENT, SYN, 5)], CLIENT),
        ([udp(SERVER, CLIENT, 1), udp(CLIENT, SERVER, 1)], SERVER),
    ],
)
def test_who_is_the_client(flows_of, packets, client):
    flow = flows_of(*enumerate(packets)).flows.row(0, named=True)
    assert (flow["client"], flow["client_port"]) == client
    sender_is_client = [packet[12:16] == ipaddress.ip_address(client[0]).packed for packet in packets]
    assert flow["direction"] == [0 if is_client else 1 for is_client in sender_is_client]


def test_time_that_runs_backwards(flows_of):
    found = flows_of(*((t, udp(CLIENT, SERVER, round(10 * t))) for t in (5.0, 4.3, 4.5, 6.0)))
    assert found.flows["size"].to_list() == [[43, 45, 50, 60]]
    assert found.flows["gap_ns"].to_list() == [[0, SECOND // 5, SECOND // 2, SECOND]]
    assert found.summary.faults == {"packet is out of time order, put in its place": 1}


def test_after_a_clock_was_set_back_only_one_gap_is_lost(flows_of):
    talk = [tcp(CLIENT, SERVER, ACK, 100 * k, 100) if k % 2 else tcp(SERVER, CLIENT, ACK, k, 1) for k in range(40)]
    found = flows_of(*((k * 0.5 - (5 if k >= 20 else 0), packet) for k, packet in enumerate(talk)))
    assert found.flows["size"].to_list() == [[1, 100] * 20]
    assert found.flows["gap_ns"].to_list() == [[0, *[SECOND // 2] * 19, 0, *[SECOND // 2] * 19]]
    assert found.summary.faults == {
        STEPPED: 1,
        "packet is earlier than the one before it in its flow, gap taken as 0": 1,
    }


def test_time_that_jumps_back_begins_new_flows(flows_of):
    found = flows_of(*((t, udp(CLIENT, SERVER, round(t))) for t in (500.0, 501.0, 0.0, 1.0, 600.0)))
    assert found.flows["size"].to_list() == [[0, 1], [500, 501], [600]]
    assert found.summary.faults == {
        STEPPED: 1,
        "packet is earlier than its flow by more than the timeout, begins a new flow": 1,
    }


def test_several_captures_in_one_file_give_the_same_flows_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "netdiffus.traffic.flows.reader.read_capture", lambda path: read_capture(path, block_bytes=4096)
    )
    monkeypatch.setattr("netdiffus.wire.files.order.BLOCK_PACKETS", 64)
    path = tmp_path / "x.pcap"
    ends = [(f"10.0.0.{i}", 1000 + i) for i in range(40)]
    packets = []
    for year in (5, 3, 8, 1):  # out of order, each with long flows and pauses of 100 seconds
        for i in range(2000):
            t = year * 1e7 + i / 10 + i // 500 * 100
            packets.append(Packet(round(t * SECOND), data := udp(ends[i * i % 40], SERVER, i % 900), len(data)))
    write_pcap(path, packets, RAW)
    whole = flows_of_capture(path)
    batches = [batch.flows for batch in FlowReader(path, batch_bytes=30_000)]
    order = ["start_ns", "client_port"]
    assert len(batches) > 4
    assert pl.concat(batches).sort(order).drop("flow_id").equals(whole.flows.sort(order).drop("flow_id"))


def test_flows_are_ordered_by_start(flows_of):
    found = flows_of(
        (5.0, udp(CLIENT, SERVER, 1)), (4.0, udp(("10.0.0.7", 1), SERVER, 2)), (5.1, udp(CLIENT, SERVER, 3))
    )
    assert found.flows["flow_id"].to_list() == [0, 1]
    assert found.flows["size"].to_list() == [[2], [1, 3]]
    assert found.packets["flow_id"].to_list() == [0, 1, 1]


def test_fragments_follow_the_first_one(flows_of):
    first = struct.pack("!HHHH", CLIENT[1], SERVER[1], 8 + 72, 0) + bytes(24)
    found = flows_of(
        (0.0, ip(CLIENT[0], SERVER[0], 17, first, place=0x2000)),
        (0.1, udp(CLIENT, ("10.0.0.1", 53), 9)),
        (0.2, ip(CLIENT[0], SERVER[0], 17, bytes(48), place=4)),
        (0.3, ip(CLIENT[0], SERVER[0], 17, bytes(48), place=4, ident=8)),
    )
    assert found.flows["size"].to_list() == [[24, 48], [9]]
    assert found.packets["transport_header"].to_list()[1] == b""
    assert found.summary.faults == {"fragment came without the first one, left out": 1}


def test_ipv6_fragments_follow_the_first_one(flows_of):
    a, b = "2001:db8::1", "2001:db8::2"
    body = struct.pack("!HHHH", 5, 6, 8 + 72, 0) + bytes(24)
    found = flows_of(
        (0.0, ip(a, b, 44, struct.pack("!BBHI", 17, 0, 1, 99) + body)),
        (0.1, ip(a, b, 44, struct.pack("!BBHI", 60, 0, 32, 99) + bytes(48))),
    )
    assert found.flows.select("client", "client_port", "server", "size").rows() == [(a, 5, b, [24, 48])]


def test_protocols_by_name_or_number(flows_of):
    found = flows_of(
        (0.0, ip("10.0.0.1", "10.0.0.2", 1, bytes(8 + 3))),
        (0.1, ip("10.0.0.2", "10.0.0.1", 1, bytes(8 + 3))),
        (0.2, ip("2001:db8::1", "2001:db8::2", 58, bytes(8))),
        (0.3, ip("10.0.0.1", "10.0.0.2", 132, struct.pack("!HHII", 1, 2, 0, 0))),
        (0.4, ip("10.0.0.1", "10.0.0.2", 47, bytes(30))),
        (0.5, ip("::ffff:10.0.0.1", "::ffff:10.0.0.2", 17, struct.pack("!HHHH", 0, 0, 8, 0))),
    )
    assert found.flows["protocol"].to_list() == ["icmp", "icmpv6", "sctp", "47", "udp"]
    assert found.flows["client"].to_list() == ["10.0.0.1", "2001:db8::1", "10.0.0.1", "10.0.0.1", "::ffff:10.0.0.1"]
    assert found.flows["size"].to_list() == [[3, 3], [0], [0], [30], [0]]


def test_the_packets_inside_tunnels(flows_of):
    outside = ("192.0.2.1", "192.0.2.2")
    packets = [
        (0.0, ip(*outside, 4, tcp(CLIENT, SERVER, SYN, 100))),
        (0.1, ip(*outside[::-1], 4, tcp(SERVER, CLIENT, SYN | ACK, 500, 7))),
        (0.2, ip(*outside, 4, b"\x45\0")),
        (0.3, ip(*outside, 4, tcp(CLIENT, SERVER, ACK, 101), place=0x2000)),
    ]
    assert flows_of(*packets).flows.select("protocol", "size").rows() == [("4", [40, 47, 2, 40])]
    found = flows_of(*packets, inner=True)
    assert found.flows.select("protocol", "client", "size").rows() == [
        ("tcp", CLIENT[0], [0, 7]),
        ("4", "192.0.2.1", [2, 40]),
    ]
    assert found.summary.faults == {
        "inside a tunnel, IP header runs past the packet: not looked into, outer flow kept": 1,
        "tunnel packet is a fragment, not looked into, outer flow kept": 1,
    }


def test_sctp_ports_and_sizes_are_those_of_tshark(tmp_path):
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    data_chunk = struct.pack("!BBHIHHI", 0, 3, 16 + 20, 1, 0, 0, 0) + bytes(20)
    ends = [((CLIENT[0], 1000 + i), (SERVER[0], 38412)) for i in range(3)]
    packets = []
    for i, (a, b) in enumerate(ends):
        for source, destination in ((a, b), (b, a)):
            body = struct.pack("!HHII", source[1], destination[1], 7, 0) + data_chunk * (i + 1)
            packets.append(ip(source[0], destination[0], 132, body))
    path = tmp_path / "x.pcap"
    write_pcap(path, [Packet(i, data, len(data)) for i, data in enumerate(packets)], RAW)
    command = [tshark, "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=f"]
    command += ["-e", "sctp.srcport", "-e", "sctp.dstport", "-e", "ip.len", "-e", "ip.hdr_len"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    theirs = [tuple(map(int, line.split("\t"))) for line in lines]
    found = flows_of_capture(path)
    assert found.flows.select("protocol", "client_port", "server_port").rows() == [
        ("sctp", a[1], b[1]) for a, b in ends
    ]
    assert [(source, destination) for source, destination, *_ in theirs[::2]] == [(a[1], b[1]) for a, b in ends]
    # behind the common header of 12 bytes: all chunks with their headers
    assert found.packets["payload_bytes"].to_list() == [total - head - 12 for *_, total, head in theirs]


def test_one_host_with_itself(flows_of):
    a, b = ("127.0.0.1", 5000), ("127.0.0.1", 80)
    found = flows_of((0.0, udp(a, b, 1)), (0.1, udp(b, a, 2)), (0.2, udp(a, a, 3)), (0.3, udp(a, a, 4)))
    assert found.flows.select("client_port", "server_port", "direction").rows() == [
        (5000, 80, [0, 1]),
        (5000, 5000, [0, 0]),
    ]


def test_short_flows_are_left_out_and_counted(flows_of):
    found = flows_of(
        (0.0, udp(CLIENT, SERVER, 1)),
        (0.1, udp(("10.0.0.7", 1), SERVER, 2)),
        (0.2, udp(CLIENT, SERVER, 3)),
        min_packets=2,
    )
    assert found.flows["size"].to_list() == [[1, 3]]
    assert found.packets["payload_bytes"].to_list() == [1, 3]
    assert (found.summary.flows, found.summary.short_flows) == (1, 1)


@pytest.mark.parametrize("packets", [[], [(0.0, b"")], [(0.0, b"\x60")]])
def test_a_capture_without_flows(flows_of, packets):
    found = flows_of(*packets)
    assert (found.flows.schema, len(found.flows)) == (FLOW_SCHEMA, 0)
    assert (found.packets.schema, len(found.packets)) == (PACKET_SCHEMA, 0)
    assert (found.summary.packets, found.summary.flows) == (len(packets), 0)
    assert sum(found.summary.faults.values()) == 1


def test_arguments_out_of_range(flows_of):
    for options in ({"packets": 0}, {"timeout_s": 0.0}, {"timeout_s": float("nan")}):
        with pytest.raises(InputError, match="at least 1 packet per flow and a timeout above 0"):
            flows_of(**options)


def test_state_travels_over_blocks(flows_of, tmp_path, monkeypatch):
    ends = [(f"10.0.{i // 200}.{i % 200}", 1000 + i) for i in range(3000)]  # more than the first table holds
    packets = [(k + i / 10_000, udp(end, SERVER, k + 1)) for k in range(3) for i, end in enumerate(ends)]
    whole = flows_of(*packets)
    monkeypatch.setattr(
        "netdiffus.traffic.flows.reader.read_capture", lambda path: read_capture(path, block_bytes=4096)
    )
    pieces = flows_of(*packets)
    assert counts(whole) == [3] * 3000
    assert whole.flows.equals(pieces.flows)
    assert whole.packets.equals(pieces.packets)
    assert whole.flows["size"].to_list() == [[1, 2, 3]] * 3000


def test_batches_hold_the_same_flows(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "netdiffus.traffic.flows.reader.read_capture", lambda path: read_capture(path, block_bytes=4096)
    )
    path = tmp_path / "x.pcap"
    ends = [(f"10.0.0.{i}", 1000 + i) for i in range(20)]
    packets = [(i / 10 + i // 100 * 5, udp(ends[i % 20], SERVER, i % 7)) for i in range(4000)]  # bursts of 5 a flow
    packets += [(700 + i, ip(CLIENT[0], SERVER[0], 17, bytes(48), place=4 if i % 2 else 0x2000)) for i in range(100)]
    write_pcap(path, [Packet(round(t * SECOND), data, len(data)) for t, data in packets], RAW)
    whole = flows_of_capture(path, timeout_s=3, packets=4, min_packets=2)
    reader = FlowReader(path, timeout_s=3, packets=4, min_packets=2, batch_bytes=20_000)
    batches = list(reader)
    assert len(batches) > 3
    assert reader.summary == whole.summary
    flows = pl.concat(batch.flows for batch in batches)
    assert flows["flow_id"].to_list() == list(range(len(whole.flows)))
    order = ["start_ns", "client_port"]
    assert flows.sort(order).drop("flow_id").equals(whole.flows.sort(order).drop("flow_id"))
    joined = pl.concat(batch.packets for batch in batches).join(flows, on="flow_id").sort(*order, "index")
    expected = whole.packets.join(whole.flows, on="flow_id").sort(*order, "index")
    assert joined.drop("flow_id").equals(expected.drop("flow_id"))


@settings(max_examples=100, deadline=None)
@given(
    packets=st.lists(
        st.tuples(
            st.integers(0, 2**32 * SECOND - 1),
            st.sampled_from(
                [
                    tcp(CLIENT, SERVER, SYN, 1),
                    udp(SERVER, CLIENT, 9),
                    ip("10.0.0.1", "10.0.0.2", 17, bytes(40), place=0x2000),
                ]
            ),
            st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=5),
        ),
        max_size=20,
    )
)
def test_no_packets_break_the_table(tmp_path_factory, packets):
    path = tmp_path_factory.mktemp("fuzz") / "x.pcap"
    changed = []
    for time_ns, data, changes in packets:
        mutable = bytearray(data)
        for place, value in changes:
            mutable[place % len(mutable)] = value
        changed.append(Packet(time_ns, bytes(mutable), len(mutable)))
    write_pcap(path, changed, RAW)
    found = flows_of_capture(path, packets=3)
    assert found.summary.packets == len(packets)
    assert found.flows["n_packets"].sum() <= len(packets)
    lists = found.flows.select(
        pl.col("size", "direction", "gap_ns").list.len(), n=pl.col("n_packets").clip(upper_bound=3)
    )
    assert (lists["size"] == lists["n"]).all()
    assert (lists["gap_ns"] == lists["n"]).all()
    assert found.flows["gap_ns"].explode(empty_as_null=False).ge(0).all()
    assert found.flows["start_ns"].is_sorted()


CAPTURES = [
    "apps_pcap/zoom/zoom_p2p.pcapng",
    "apps_pcap/gnutella/gnutella.pcap",
    "apps_pcap/netflix/netflix.pcap",
    "anomaly/pcap/ssh_bruteforce/malicious-ssh-bruteforce.pcap",
]


def capture(name: str) -> Path:
    return shared(f"data/{name}")


def streams(path: Path) -> tuple[int, list[int], list[int]]:
    """What tshark says: packets, and packets per TCP and per UDP stream; the packet inside an ICMP error is in none."""
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    fields = [part for field in ("tcp.stream", "udp.stream", "icmp.type", "icmpv6.type") for part in ("-e", field)]
    command = [tshark, "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=f", *fields]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split("\t") for line in lines]
    tcp_rows = [row[0] for row in rows if row[0] and not row[2] and not row[3]]
    udp_rows = [row[1] for row in rows if row[1] and not row[2] and not row[3]]
    return len(rows), sorted(Counter(tcp_rows).values()), sorted(Counter(udp_rows).values())


def our_streams(path: Path) -> tuple[int, list[int], list[int]]:
    """The same from flows; tshark knows no idle timeout, so ours is set beyond every gap."""
    found = flows_of_capture(path, timeout_s=4e9)
    sizes = [sorted(found.flows.filter(protocol=name)["n_packets"].to_list()) for name in ("tcp", "udp")]
    return found.summary.packets, sizes[0], sizes[1]


@pytest.mark.parametrize("name", CAPTURES)
def test_packets_and_streams_are_those_of_tshark(name):
    path = capture(name)
    assert our_streams(path) == streams(path)


RECORDINGS = sorted((Path(netdiffus.__file__).parent / "recordings" / "data").rglob("*.pcap*"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.parent.name)
def test_recordings_have_the_streams_of_tshark(path, tmp_path):
    beginning = tmp_path / "x.pcap"
    with closing(packet for block in read_capture(path) for packet in block.packets()) as packets:
        write_pcap(beginning, islice(packets, 4000))
    assert our_streams(beginning) == streams(beginning)


def test_every_shared_capture_has_the_packets_of_tshark():
    paths = sorted(path for path in shared("data").rglob("*") if is_capture_name(path))
    capinfos = shutil.which("capinfos")
    if capinfos is None:
        pytest.skip("capinfos, which comes with tshark, is not installed")
    command = [capinfos, "-c", "-M", "-T", "-r", *map(str, paths)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    theirs = dict(line.rsplit("\t", 1) for line in lines)
    ours = {str(path): str(sum(len(block) for block in read_capture(path))) for path in paths}
    assert len(paths) > 100
    assert ours == theirs


@pytest.mark.parametrize("name", CAPTURES[1:])
def test_sizes_are_those_of_dpkt(name):
    path = capture(name)
    dpkt = pytest.importorskip("dpkt")
    sizes = 0
    with open(path, "rb") as file:
        for _, data in dpkt.pcap.Reader(file):
            if len(data) < 14:  # gnutella.pcap holds a record of 4 bytes, which dpkt cannot take
                continue
            inside = dpkt.ethernet.Ethernet(data).data
            if isinstance(inside, dpkt.ip.IP) and isinstance(inside.data, dpkt.tcp.TCP | dpkt.udp.UDP):
                sizes += inside.len - inside.hl * 4 - (inside.data.off * 4 if inside.p == 6 else 8)
    found = flows_of_capture(path, packets=10**9)
    v4 = found.flows.filter(pl.col("protocol").is_in(["tcp", "udp"]) & ~pl.col("client").str.contains(":"))
    assert v4["size"].explode(empty_as_null=False).sum() == sizes
    assert found.summary.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.summary.bytes == path.stat().st_size
