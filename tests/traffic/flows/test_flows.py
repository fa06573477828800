"""Flows: each sentence of the definition on packets made by hand, and whole captures against tshark and dpkt."""

import ipaddress

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.errors import InputError
from netdiffus.traffic.flows.reader import FLOW_SCHEMA, PACKET_SCHEMA, FlowReader, flows_of_capture
from netdiffus.wire.files.order import STEPPED
from netdiffus.wire.files.reader import Packet, read_capture
from netdiffus.wire.files.writer import write_pcap
from small_flows import ACK, CLIENT, FIN, RAW, RST, SECOND, SERVER, SYN, counts, ip, tcp, udp


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
