"""Tunnels: the packet inside every kind, what cannot be looked into, and the same fields as tshark's."""

import shutil
import struct
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handmade import ethernet, ipv4, ipv6, tcp, udp
from netdiffus.wire.files.reader import Packet, read_capture, write_pcap
from netdiffus.wire.headers import links
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.fields import OK
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.headers.tunnels import DEEPEST, look_inside

INSIDE4, INSIDE6 = ipv4(tcp(b"hello", words=8), 6), ipv6(tcp(b"hello"), 6)
FRAME = ethernet(0x0800, INSIDE4)
KEPT = "not looked into, outer flow kept"


def to_port(port: int, body: bytes) -> bytes:
    return struct.pack("!HHHH", 50000, port, 8 + len(body), 0) + body


def gre(kind: int, body: bytes, flags: int = 0, more: bytes = b"") -> bytes:
    return struct.pack("!HH", flags, kind) + more + body


def vxlan(body: bytes, flags: int = 8) -> bytes:
    return bytes([flags, 0, 0, 0, 0, 0, 42, 0]) + body


def geneve(kind: int, body: bytes, options: bytes = b"", version: int = 0) -> bytes:
    return struct.pack("!BBHI", version << 6 | len(options) // 4, 0, kind, 42 << 8) + options + body


def gtpu(body: bytes, flags: int = 0x30, more: bytes = b"", message: int = 255) -> bytes:
    return struct.pack("!BBHI", flags, message, len(more) + len(body), 42) + more + body


TUNNELS = {
    "IPv4 in IPv4": ipv4(INSIDE4, 4),
    "IPv4 in IPv6": ipv6(INSIDE4, 4),
    "6in4": ipv4(INSIDE6, 41),
    "IPv6 in IPv6": ipv6(INSIDE6, 41),
    "GRE": ipv4(gre(0x0800, INSIDE4), 47),
    "GRE over IPv6": ipv6(gre(0x86DD, INSIDE6), 47),
    "GRE with checksum": ipv4(gre(0x0800, INSIDE4, 0x8000, bytes(4)), 47),
    "GRE with key": ipv4(gre(0x86DD, INSIDE6, 0x2000, bytes(4)), 47),
    "GRE with all": ipv4(gre(0x6558, FRAME, 0xB000, bytes(12)), 47),
    "VXLAN": ipv4(to_port(4789, vxlan(FRAME))),
    "VXLAN of Linux": ipv6(to_port(8472, vxlan(ethernet(0x8100, b"\0\7\x86\xdd" + INSIDE6)))),
    "Geneve": ipv4(to_port(6081, geneve(0x6558, FRAME))),
    "Geneve with options": ipv4(to_port(6081, geneve(0x0800, INSIDE4, bytes([1, 2, 3, 1]) + bytes(4)))),
    "GTP-U": ipv4(to_port(2152, gtpu(INSIDE4))),
    "GTP-U over IPv6": ipv6(to_port(2152, gtpu(INSIDE6))),
    "GTP-U with a sequence number": ipv4(to_port(2152, gtpu(INSIDE4, 0x32, b"\0\7\0\0"))),
    "GTP-U with a type of extension that does not count": ipv4(to_port(2152, gtpu(INSIDE4, 0x31, b"\0\7\0\x85"))),
    "GTP-U with extension headers": ipv4(
        to_port(2152, gtpu(INSIDE6, 0x36, b"\0\7\0\x85" + b"\1\x10\1\xc0" + b"\2\1\2\3\4\5\6\0"))
    ),
    "GTP-U in VXLAN": ipv4(to_port(4789, vxlan(ethernet(0x0800, ipv4(to_port(2152, gtpu(INSIDE4))))))),
    "GRE in VXLAN in 6in4": ipv4(ipv6(to_port(4789, vxlan(ethernet(0x0800, ipv4(gre(0x0800, INSIDE4), 47))))), 41),
}


def block_of(*packets: bytes, length: int | None = None, captured: int | None = None) -> PacketBlock:
    cut = [packet[:captured] for packet in packets]
    sizes = np.array([len(packet) for packet in cut], np.int32)
    lengths = np.array([len(packet) if length is None else length for packet in packets], np.int32)
    n = len(packets)
    data = np.frombuffer(bytearray(b"".join(cut)), np.uint8)
    link = np.full(n, links.RAW, np.int32)
    return PacketBlock(data, np.cumsum(sizes) - sizes, sizes, lengths, np.zeros(n, np.int64), link)


def looked(*packets: bytes, **options: int) -> tuple[np.ndarray, dict[str, int]]:
    block = block_of(*packets, **options)
    fields, found = look_inside(block, dissect(block))
    return fields, dict(found)


@pytest.mark.parametrize("packet", TUNNELS.values(), ids=TUNNELS)
def test_the_packet_inside(packet):
    (fields,), found = looked(packet)
    assert found == {}
    headers = INSIDE4[:52] if fields["version"] == 4 else INSIDE6[:60]
    assert (fields["protocol"], fields["source_port"], fields["destination_port"]) == (6, 5000, 443)
    assert (fields["payload_bytes"], fields["flags"]) == (5, 0x18)
    assert fields["network_bytes"] + fields["transport_bytes"] == len(headers)
    assert packet[fields["network"] :][: len(headers)] == headers
    (cut,), found = looked(packet, length=len(packet), captured=len(packet) - 5)  # headers alone give the same sizes
    assert (cut["payload_bytes"], found) == (5, {})


@pytest.mark.parametrize("packet", TUNNELS.values(), ids=TUNNELS)
def test_a_tunnel_that_is_cut_keeps_its_outer_flow(packet):
    (whole,), _ = looked(packet)
    (outer,) = dissect(block_of(packet))
    for captured in range(outer["network_bytes"] + 8, whole["network"] + whole["network_bytes"] + 14):
        (fields,), found = looked(packet, length=len(packet), captured=captured)
        assert fields["status"] == OK
        assert fields["network"] < whole["network"]
        (words,) = found
        assert words.endswith(KEPT)
        assert "captured part ends inside" in words or "802.2" in words


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (ipv4(gre(0x880B, INSIDE4, 0x2001, bytes(4)), 47), "GRE version 1 (PPTP)"),
        (ipv4(gre(0x88BE, FRAME, 0x1000, bytes(12)), 47), "GRE around ERSPAN"),
        (ipv4(gre(0x0800, INSIDE4, 0x4000, bytes(8)), 47), "GRE with source routes (RFC 1701)"),
        (ipv4(gre(0x0800, INSIDE4, 3), 47), "GRE of an unknown version"),
        (ipv4(gre(0x0001, INSIDE4), 47), "GRE around neither IP nor Ethernet"),
        (ipv4(b"\0\0", 47), "tunnel header runs past the packet"),
        (ipv4(gre(0x0800, b"", 0x2000), 47), "tunnel header runs past the packet"),
        (ipv4(gre(0x0800, INSIDE4), 47, place=0x2000), "tunnel packet is a fragment"),
        (ipv4(INSIDE4, 4, place=9), "tunnel packet is a fragment"),
        (ipv4(to_port(4789, vxlan(FRAME)), place=0x2000), "tunnel packet is a fragment"),
        (ipv4(to_port(4789, vxlan(FRAME, flags=0))), "VXLAN without a network identifier"),
        (ipv4(to_port(4789, b"1234567")), "tunnel header runs past the packet"),
        (ipv4(to_port(6081, geneve(0x6558, FRAME, version=1))), "Geneve of an unknown version"),
        (ipv4(to_port(6081, geneve(0x8847, FRAME))), "Geneve around neither IP nor Ethernet"),
        (ipv4(to_port(6081, geneve(0x6558, b"", bytes(8))[:12])), "tunnel header runs past the packet"),
        (ipv4(to_port(2152, gtpu(INSIDE4, 0x50))), "GTP of another version than GTP-U's"),
        (ipv4(to_port(2152, gtpu(INSIDE4, 0x20))), "GTP of another version than GTP-U's"),
        (ipv4(to_port(2152, gtpu(b"", 0x32, b"\0\1\0\0", message=1))), "GTP-U message of its own (echo, error, end"),
        (ipv4(to_port(2152, gtpu(INSIDE4, 0x34, b"\0\1\0\x85\0\0\0\0"))), "GTP-U extension header of no length"),
        (ipv4(to_port(2152, gtpu(FRAME))), "GTP-U around something else than IP"),
        (ipv4(to_port(2152, gtpu(b""))), "tunnel header runs past the packet"),
        (ipv4(to_port(2152, gtpu(b"", 0x34, b"\0\1\0\x85\2\0\0\0"))), "tunnel header runs past the packet"),
        (ipv4(to_port(2152, b"\x30\xff\0\0")), "tunnel header runs past the packet"),
        (ipv4(to_port(4789, vxlan(ethernet(0x0806, bytes(28))))), "inside a tunnel, not IP: ARP:"),
        (ipv4(INSIDE6, 4), "inside a tunnel, IP version is neither 4 nor 6, or not the one that the link header"),
        (ipv4(INSIDE4[:19], 4), "inside a tunnel, IP header runs past the packet:"),
    ],
)
def test_what_is_not_looked_into(packet, words):
    (outer,) = dissect(block_of(packet))
    (fields,), found = looked(packet)
    assert fields == outer
    ((said, count),) = found.items()
    assert said.startswith(words)
    assert said.endswith(KEPT)
    assert count == 1


def test_other_packets_stay_as_they_are():
    packets = [INSIDE4, ipv4(to_port(53, FRAME)), ipv4(udp(b"")), b"\x44rest", ipv4(to_port(4789, b""), 6)]
    block = block_of(*packets, TUNNELS["VXLAN"])
    outer = dissect(block)
    fields, found = look_inside(block, outer)
    assert (fields[:-1] == outer[:-1]).all()
    assert fields["payload_bytes"][-1] == 5
    assert found == {}


def test_tunnels_have_a_deepest():
    packet = INSIDE4
    for _ in range(DEEPEST):
        packet = ipv4(packet, 4)
    (fields,), found = looked(packet)
    assert (fields["protocol"], found) == (6, {})
    (fields,), found = looked(ipv4(packet, 4))
    assert fields["protocol"] == 4
    assert found == {f"tunnel lies in 16 others, {KEPT}": 1}


def test_the_fields_are_those_of_tshark(tmp_path):
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    path = tmp_path / "x.pcap"
    write_pcap(path, [Packet(i, packet, len(packet)) for i, packet in enumerate(TUNNELS.values())], links.RAW)
    names = ("ip.src", "ipv6.src", "tcp.srcport", "tcp.dstport", "tcp.len", "frame.protocols")
    fields = [part for name in names for part in ("-e", name)]
    command = [
        tshark,
        "-n",
        "-r",
        str(path),
        "-d",
        "udp.port==8472,vxlan",
        "-T",
        "fields",
        "-E",
        "occurrence=l",
        *fields,
    ]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    (block,) = read_capture(path)
    ours, _ = look_inside(block, dissect(block))
    for line, fields, name in zip(lines, ours, TUNNELS, strict=True):
        _, _, *numbers, protocols = line.split("\t")
        expected = tuple(str(fields[key]) for key in ("source_port", "destination_port", "payload_bytes"))
        assert tuple(numbers) == expected, name
        inner = [layer for layer in protocols.split(":") if layer in ("ip", "ipv6")][-1]
        assert inner == ("ip" if fields["version"] == 4 else "ipv6"), name


@settings(max_examples=500, deadline=None)
@given(
    packets=st.lists(st.tuples(st.sampled_from(list(TUNNELS.values())), st.integers(0, 80)), min_size=1, max_size=6),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    length=st.integers(0, 2**31 - 1),
)
def test_no_bytes_break_it(packets, changes, length):
    block = block_of(*(packet[: max(len(packet) - cut, 1)] for packet, cut in packets), length=length)
    for place, value in changes:
        block.data[place % len(block.data)] = value
    outer = dissect(block)
    fields, found = look_inside(block, outer)
    assert (fields["status"] == outer["status"]).all()
    good = fields["status"] == OK
    ends = (block.offset + block.captured)[good]
    assert (fields["network"][good] + fields["network_bytes"][good] + fields["transport_bytes"][good] <= ends).all()
    assert (fields["network"] >= outer["network"]).all()
    assert (fields["payload_bytes"] >= 0).all()
    assert sum(found.values()) <= len(block)
