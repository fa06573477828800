"""Whole captures: payload and checksums, link layers, labels, arrivals, ends, and what refuses."""

import csv
import io
import struct

import numpy as np
import pytest

from netdiffus.compiler import (
    FlowRows,
    by_label,
    compile_rows,
    concatenate,
    draw_starts,
    fresh_endpoints,
    label_table,
    write_packets,
)
from netdiffus.compiler.endpoints import port_like
from netdiffus.compiler.fidelity import Fidelity
from netdiffus.compiler.payload import Content
from netdiffus.errors import InputError
from netdiffus.traffic.flows.reader import flows_of_capture
from netdiffus.traffic.labels.names import labels_path
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.writer import Origin
from plain_judge import checksum_is_zero_sum, ip
from real_sessions import recorded, seen, without_checksum


def made(labels=("dns", "web", "quic"), seed=0) -> FlowRows:
    """Real rows between other hosts."""
    rows = concatenate([recorded(label)[0] for label in labels])
    return fresh_endpoints(rows, np.random.default_rng(seed))


def written(packets, tmp_path, **options) -> list:
    path = tmp_path / ("made" + options.get("form", ".pcap"))
    with open(path, "wb") as file:
        assert write_packets(file, packets, **options) == len(packets.segments)
    return [packet for block in read_capture(path) for packet in block.packets()]


def transport_checksum_is_right(packet: bytes) -> bool:
    protocol, at = ip(packet)
    addresses = packet[12:20] if at == 20 else packet[8:40]
    inside = packet[at:]
    if protocol == 1:
        return checksum_is_zero_sum(inside)
    if protocol == 17 and inside[6:8] == b"\0\0":
        return True  # UDP without a checksum
    return checksum_is_zero_sum(addresses + struct.pack("!HH", protocol, len(inside)) + inside)


@pytest.mark.parametrize("form", [".pcap", ".pcapng"])
@pytest.mark.parametrize("link", ["ethernet", "raw"])
def test_packets_are_whole_in_order_and_right_to_the_last_checksum(form, link, tmp_path) -> None:
    compiled = compile_rows(made())
    packets = written(compiled, tmp_path, form=form, link=link)
    times = [packet.time_ns for packet in packets]
    assert times == sorted(compiled.segments["time_ns"].tolist())
    head = 14 if link == "ethernet" else 0
    assert all(len(packet.data) == packet.length for packet in packets)
    assert all(transport_checksum_is_right(packet.data[head:]) for packet in packets)
    if link == "ethernet":
        macs = {packet.data[:6] for packet in packets} | {packet.data[6:12] for packet in packets}
        assert all(mac[0] & 3 == 2 for mac in macs), "locally administered, no group"


def test_payload_is_zero_or_random_and_a_retransmission_repeats_it(tmp_path) -> None:
    rows, _ = recorded("ssh")
    compiled = compile_rows(rows, fidelity=Fidelity.VERBATIM)
    zero = written(compiled, tmp_path, link="raw", payload="zero")
    assert not any(any(packet.data[ip(packet.data)[1] + 60 :]) for packet in zero)
    once, twice, other = (written(compiled, tmp_path, link="raw", seed=seed) for seed in (1, 1, 2))
    assert once == twice != other
    stream: dict[tuple, int] = {}
    repeated = 0
    for packet in once:
        at = ip(packet.data)[1]
        begin = at + (packet.data[at + 12] >> 4) * 4
        seq = struct.unpack_from("!I", packet.data, at + 4)[0]
        ends = packet.data[at - (8 if at == 20 else 32) : at] + packet.data[at : at + 4]
        for place in range(begin, len(packet.data), 97):
            key = (ends, (seq + place - begin) % 2**32)
            repeated += key in stream
            assert stream.setdefault(key, packet.data[place]) == packet.data[place]
    assert repeated > 100
    counts = np.bincount(np.frombuffer(b"".join(p.data[-600:] for p in once if len(p.data) > 1400), np.uint8))
    assert counts.min() > 0.9 * counts.mean(), "every byte is as likely as any other"


def test_payload_that_is_given_comes_back_with_its_checksum(tmp_path) -> None:
    first = compile_rows(made(("dns",)))
    whole = written(first, tmp_path, link="raw", seed=3)
    payload = {}
    for packet, place in zip(whole, np.argsort(first.segments["time_ns"], kind="stable").tolist(), strict=True):
        payload[place] = packet.data[len(packet.data) - int(first.segments["size"][place]) :]
    given = np.frombuffer(b"".join(payload[place] for place in range(len(payload))), np.uint8)
    sizes = first.segments["size"].astype(np.int64)
    at = np.cumsum(sizes) - sizes
    assert written(first, tmp_path, link="raw", payload=Content(given, at)) == whole
    for short in (Content(given[:1], at), Content(given, at[:1])):
        with pytest.raises(InputError, match=r"bytes of payload; got .*; give the payload of every packet"):
            written(first, tmp_path, payload=short)


def test_icmp_errors_quote_a_packet_and_replies_repeat_their_request(tmp_path) -> None:
    from netdiffus.compiler import FLOW, ROW

    flows = np.zeros(2, FLOW)
    flows["version"], flows["protocol"], flows["ttl"] = [4, 6], [1, 58], 64
    rows = np.zeros(6, ROW)
    rows["icmp_type"], rows["size"] = [8, 0, 3, 128, 129, 1], [56, 56, 36, 56, 56, 60]
    rows["direction"], rows["gap_ns"] = [0, 1, 1, 0, 1, 1], 1000
    compiled = compile_rows(
        fresh_endpoints(FlowRows(flows, rows, np.array([3, 3]), (b"",), ("", "")), np.random.default_rng(0))
    )
    assert compiled.changes.changed == 0
    packets = [packet.data for packet in written(compiled, tmp_path, link="raw")]
    assert all(transport_checksum_is_right(packet) for packet in packets)
    for four, (request, reply, error) in enumerate((packets[0::2], packets[1::2])):
        at = 40 if four else 20
        assert request[at + 4 :] == reply[at + 4 :], "identifier, number and data"
        quote = error[at + 8 :]
        assert quote[0] >> 4 == (6 if four else 4)
        assert (quote[8:24], quote[24:40]) == (error[24:40], error[8:24]) if four else True
        assert (quote[12:16], quote[16:20]) == (error[16:20], error[12:16]) if not four else True


def test_the_table_of_labels_is_what_a_reader_of_flows_finds(tmp_path) -> None:
    rows = made()
    rows.flows["start_ns"] = draw_starts(
        np.array([10**6, 10**8]), len(rows), np.random.default_rng(1), begin_ns=1_750_000_000 * 10**9
    )
    compiled = compile_rows(rows)
    path = tmp_path / "made.pcapng"
    with open(path, "wb") as file:
        write_packets(file, compiled, form=".pcapng", origin=Origin("synthetic, a test"))
    labels_path(path).write_text(label_table(compiled).write_csv())
    with open(tmp_path / "made.pcapng.labels.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == [
        "label",
        "protocol",
        "client",
        "client_port",
        "server",
        "server_port",
        "start_ns",
        "packets",
    ]
    found = flows_of_capture(path, timeout_s=1e6).flows
    keys = ("protocol", "client", "client_port", "server", "server_port", "start_ns", "n_packets")
    want = sorted(tuple(row[name].__str__() for name in (*keys[:-1], "packets")) for row in table)
    assert want == sorted(tuple(str(row[name]) for name in keys) for row in found.iter_rows(named=True))
    assert {row["label"] for row in table} == {"dns", "web", "quic"}
    data = path.read_bytes()
    assert b"synthetic, a test" in data
    assert sum(data.count(f"label: {label}".encode()) for label in ("dns", "web", "quic")) == len(table)


def test_flows_are_interleaved_and_can_be_taken_apart_by_label(tmp_path) -> None:
    rows = made(("dns", "web"))
    rows.flows["start_ns"] = 10**18 + np.arange(len(rows))
    compiled = compile_rows(rows)
    owners = compiled.owner[np.argsort(compiled.segments["time_ns"], kind="stable")]
    assert np.count_nonzero(np.diff(owners)) > len(rows), "not one flow after the other"
    parts = by_label(compiled)
    assert list(parts) == ["dns", "web"]
    assert sum(len(part.segments) for part in parts.values()) == len(compiled.segments)
    whole = seen(compiled)
    assert seen(parts["web"]) == [flow for flow, label in zip(whole, compiled.labels, strict=True) if label == "web"]
    assert label_table(parts["dns"])["label"].unique().to_list() == ["dns"]


def test_ends_are_fresh_and_no_two_flows_share_them() -> None:
    rows, _ = recorded("attack-scan")
    fresh = fresh_endpoints(rows, np.random.default_rng(0), clients=3)
    assert (fresh.flows["port"][:, 1] == rows.flows["port"][:, 1]).all(), "server ports are the class's"
    clients = fresh.flows["port"][:, 0]
    asked = rows.flows["port"][:, 0]
    for low, high in ((1024, 32768), (32768, 61000), (61000, 65536)):
        here = (asked >= low) & (asked < high)
        assert ((clients[here] >= low) & (clients[here] < high)).all()
    assert (clients % 2 == asked % 2).all(), "Linux gives even ports to sockets that connect"
    assert (clients != asked).mean() > 0.9
    assert not np.isin(fresh.flows["address"][:, :, 1], rows.flows["address"][:, :, 1]).any()
    ends = {
        (tuple(map(tuple, flow["address"].tolist())), tuple(flow["port"].tolist()), int(flow["protocol"]))
        for flow in fresh.flows
    }
    assert len(ends) == len(fresh)
    assert len({tuple(flow["address"][0].tolist()) for flow in fresh.flows}) <= 6, "three clients of each version"
    again = fresh_endpoints(rows, np.random.default_rng(0), clients=3)
    assert (again.flows == fresh.flows).all()
    assert (compile_rows(fresh).segments["size"] == compile_rows(rows).segments["size"]).all()


def test_clients_of_well_known_ports_keep_them() -> None:
    rows, _ = recorded("ntp")
    fresh = fresh_endpoints(rows, np.random.default_rng(0))
    fixed = rows.flows["port"][:, 0] == 123
    assert (fresh.flows["port"][fixed, 0] == 123).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"client_nets": ["10.0.0.0/40"]}, "expected a network such as 10.0.0.0/8"),
        ({"client_nets": ["224.0.0.0/8"]}, "expected one network of single hosts for each IP version"),
        ({"client_nets": ["10.0.0.0/8"]}, "add an IPv6 network to --client-net"),
        ({"server_nets": ["192.0.2.1/32", "2001:db8::/64"], "client_nets": ["192.0.2.1/32", "2001:db8::/64"]}, "room"),
        ({"clients": 0}, "expected at least 1 client; got 0; choose more clients"),
    ],
)
def test_networks_that_cannot_be(options, words) -> None:
    rows, _ = recorded("dns")
    with pytest.raises(InputError, match=words):
        fresh_endpoints(rows, np.random.default_rng(0), **options)


def test_forms_and_links_that_are_not_known() -> None:
    compiled = compile_rows(made(("dns",)))
    with pytest.raises(InputError, match=r"suffix \.pcap or \.pcapng; got '\.cap'"):
        write_packets(io.BytesIO(), compiled, form=".cap")
    with pytest.raises(InputError, match="a link among ethernet, raw"):
        write_packets(io.BytesIO(), compiled, link="wifi")
    late = made(("dns",))
    late.flows["start_ns"] = 5 * 10**18
    with pytest.raises(InputError, match="times from 1970 to 2106"):
        write_packets(io.BytesIO(), compile_rows(late))


def test_an_empty_capture_is_a_capture(tmp_path) -> None:
    rows = made(("dns",))
    nothing = compile_rows(rows.select(np.zeros(len(rows), np.bool_)))
    assert written(nothing, tmp_path) == []
    assert label_table(nothing).height == 0
    assert nothing.changes.packets == 0


def test_headers_without_checksum_are_the_test_s_own() -> None:
    _, originals = recorded("dns")
    header = originals[0][0].header
    assert without_checksum(header) != header
    assert len(without_checksum(header)) == len(header)


def test_client_ports_stand_for_all_that_are_drawn_alike() -> None:
    port, protocol = np.array([40_000, 40_001, 40_001, 2_000, 65_535, 0]), np.array([6, 6, 17, 17, 6, 1])
    like = port_like(port, protocol)
    assert like.tolist() == [60_998, 60_999, 60_999, 32_767, 65_535, 0]
    assert np.array_equal(port_like(like, protocol), like)
