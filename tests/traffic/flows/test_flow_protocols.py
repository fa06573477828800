"""Flows of fragments, tunnels, SCTP and other protocols."""

import shutil
import struct
import subprocess

import pytest

from netdiffus.traffic.flows.reader import flows_of_capture
from netdiffus.wire.files.reader import Packet
from netdiffus.wire.files.writer import write_pcap
from small_flows import ACK, CLIENT, RAW, SERVER, SYN, ip, tcp, udp


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
