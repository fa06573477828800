"""Tunnels are named whether they are looked into or not, and ephemeral ports are no tunnels."""

import struct

import pytest
from test_tunnels import FRAME, INSIDE4, INSIDE6, TUNNELS, block_of, geneve, gre, gtpu, to_port, vxlan

from handmade import ipv4, ipv6
from netdiffus.traffic.flows.reader import flows_of_capture
from netdiffus.wire.files.reader import Packet, write_pcap
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.tunnel_names import name_tunnels
from netdiffus.wire.headers.tunnels import KEPT, look_inside

RAW = 101


def from_port(port: int, body: bytes) -> bytes:
    return struct.pack("!HHHH", port, 50000, 8 + len(body), 0) + body


def named(packet: bytes, *, inner: bool = False) -> dict[str, int]:
    block = block_of(packet)
    fields = dissect(block)
    if inner:
        fields, _ = look_inside(block, fields)
    return dict(name_tunnels(block, fields, inner=inner))


DECODED = {
    "IP in IP": [ipv4(INSIDE4, 4), ipv4(INSIDE6, 41)],
    "GRE": [ipv4(gre(0x0800, INSIDE4), 47)],
    "VXLAN": [ipv4(to_port(4789, vxlan(FRAME))), ipv6(to_port(8472, vxlan(FRAME)))],
    "Geneve": [ipv4(to_port(6081, geneve(0x6558, FRAME)))],
    "GTP-U": [ipv4(to_port(2152, gtpu(INSIDE4)))],
}
OTHERS = {
    "EtherIP (RFC 3378)": [ipv4(b"\x30\0" + FRAME, 97)],
    "L2TP (RFC 2661)": [
        ipv4(to_port(1701, b"\0\2\0\1\0\1\xff\3\0\x21" + INSIDE4)),
        ipv4(from_port(1701, b"\xc8\2\0\x0c" + bytes(8))),
    ],
    "L2TPv3 over IP (RFC 3931)": [ipv4(b"\0\0\0\1" + FRAME, 115)],
    "MPLS in IP (RFC 4023)": [ipv4(b"\0\1\1\x40" + INSIDE4, 137)],
    "minimal encapsulation (RFC 2004)": [ipv4(bytes(12), 55)],
    "Teredo (RFC 4380)": [ipv4(to_port(3544, INSIDE6)), ipv4(from_port(3544, b"\0\0" + bytes(6) + INSIDE6))],
    "CAPWAP data (RFC 5415)": [ipv4(to_port(5247, b"\0\x10\2\0" + bytes(4) + FRAME))],
    "TZSP": [ipv4(to_port(37008, b"\1\0\0\1\1" + FRAME))],
    "MPLS in UDP (RFC 7510)": [ipv4(to_port(6635, b"\0\1\1\x40" + INSIDE4))],
    "VXLAN-GPE": [ipv4(to_port(4790, b"\x0c\0\0\1\0\0\1\0" + INSIDE4))],
    "generic UDP encapsulation": [ipv4(to_port(6080, b"\0\4\0\0" + INSIDE4))],
    "GRE in UDP (RFC 8086)": [ipv4(to_port(4754, gre(0x0800, INSIDE4)))],
    "LISP (RFC 9300)": [ipv4(to_port(4341, bytes(8) + INSIDE4))],
}


@pytest.mark.parametrize(("name", "packets"), DECODED.items(), ids=DECODED)
def test_a_tunnel_that_can_be_looked_into(name, packets):
    for packet in packets:
        assert named(packet) == {f"tunnel: {name}, its outer flow counts; --inner looks inside": 1}
        assert named(packet, inner=True) == {}


@pytest.mark.parametrize(("name", "packets"), OTHERS.items(), ids=OTHERS)
def test_a_tunnel_that_cannot_be_looked_into(name, packets):
    for packet in packets:
        assert named(packet) == {f"tunnel: {name}, its outer flow counts; --inner does not decode it": 1}
        assert named(packet, inner=True) == {f"{name} is not decoded, {KEPT}": 1}


def test_a_tunnel_inside_another_is_named():
    (name, _), packet = list(OTHERS.items())[1], OTHERS["L2TP (RFC 2661)"][0]
    outer = ipv4(to_port(2152, gtpu(packet)))
    assert named(outer, inner=True) == {f"{name} is not decoded, {KEPT}": 1}
    assert list(named(outer)) == ["tunnel: GTP-U, its outer flow counts; --inner looks inside"]


@pytest.mark.parametrize("port", [1701, 2152, 3544, 4341, 4754, 4789, 4790, 5247, 6080, 6081, 37008])
def test_another_payload_at_the_port_of_a_tunnel_is_none(port):
    assert named(ipv4(to_port(port, b"\xd5\x80\x01\x20\0\1\0\0\0\0\0\0"))) == {}
    assert named(ipv4(to_port(port, b"\0"))) == {}


def test_flows_without_inner_say_that_there_are_tunnels(tmp_path):
    path = tmp_path / "x.pcap"
    packets = [TUNNELS["GTP-U"], TUNNELS["GTP-U in VXLAN"], OTHERS["TZSP"][0], ipv4(to_port(53, b"12345678"))]
    write_pcap(path, [Packet(k, data, len(data)) for k, data in enumerate(packets)], RAW)
    assert flows_of_capture(path).summary.faults == {
        "tunnel: VXLAN, its outer flow counts; --inner looks inside": 1,
        "tunnel: GTP-U, its outer flow counts; --inner looks inside": 1,
        "tunnel: TZSP, its outer flow counts; --inner does not decode it": 1,
    }
    found = flows_of_capture(path, inner=True)
    assert found.summary.faults == {f"TZSP is not decoded, {KEPT}": 1}
    assert sorted(found.flows["protocol"].to_list()) == ["tcp", "udp", "udp"]
