"""Packets made by hand, and strategies that make them, for tests of what reads and writes headers."""

import struct
from ipaddress import ip_address

import numpy as np
from hypothesis import strategies as st

from netdiffus.wire.headers import links
from netdiffus.wire.headers.packets import Packet, PacketBlock

MACS = bytes.fromhex("020000000001020000000002")
IPV4_TYPE, IPV6_TYPE = 0x0800, 0x86DD


def ipv4(rest: bytes, protocol: int, *, options: bytes = b"", place: int = 0, source="192.0.2.1") -> bytes:
    size = 20 + len(options)
    fixed = struct.pack("!BBHHHBBH", 0x40 | size // 4, 3, size + len(rest), 77, place, 64, protocol, 0xBEEF)
    return fixed + ip_address(source).packed + ip_address("198.51.100.2").packed + options + rest


def ipv6(rest: bytes, protocol: int, *, source="2001:db8::1") -> bytes:
    fixed = struct.pack("!IHBB", 6 << 28 | 0x12345, len(rest), protocol, 64)
    return fixed + ip_address(source).packed + ip_address("2001:db8:1::2").packed + rest


def tcp(payload: bytes = b"", options: bytes = b"") -> bytes:
    words = 5 + len(options) // 4
    return struct.pack("!HHIIBBHHH", 5000, 443, 1, 2, words << 4 | 1, 0x5A, 512, 0xABCD, 0) + options + payload


def udp(payload: bytes = b"") -> bytes:
    return struct.pack("!HHHH", 5000, 53, 8 + len(payload), 0x1234) + payload


def icmp(payload: bytes = b"") -> bytes:
    return struct.pack("!BBHI", 8, 0, 0x4321, 0x00010002) + payload


def ethernet(packet: bytes, kind: int | None = None) -> bytes:
    right = IPV4_TYPE if packet[:1] and packet[0] >> 4 == 4 else IPV6_TYPE
    return MACS + struct.pack("!H", right if kind is None else kind) + packet


def block_of(packets: list[Packet], link: int = links.ETHERNET) -> PacketBlock:
    """The packets in one block; its buffer ends where the last one ends."""
    sizes = np.array([len(packet.data) for packet in packets], np.int32)
    return PacketBlock(
        np.frombuffer(b"".join(packet.data for packet in packets), np.uint8),
        np.cumsum(sizes, dtype=np.int64) - sizes,
        sizes,
        np.array([packet.length for packet in packets], np.int32),
        np.array([packet.time_ns for packet in packets], np.int64),
        np.full(len(packets), link, np.int32),
    )


def whole(*datas: bytes, time_ns: int = 1_700_000_000_123_456_000) -> list[Packet]:
    """Packets captured whole, 1.5 milliseconds apart."""
    return [Packet(time_ns + 1_500_000 * i, data, len(data)) for i, data in enumerate(datas)]


def words(most: int) -> st.SearchStrategy[bytes]:
    """Options of headers: up to `most` words of four bytes."""
    return st.integers(0, most).flatmap(lambda n: st.binary(min_size=4 * n, max_size=4 * n))


@st.composite
def ip_packets(draw: st.DrawFn) -> bytes:
    """TCP, UDP or ICMP with up to 20 bytes of payload behind IPv4 or IPv6, every option length that there can be."""
    payload = draw(st.binary(max_size=20))
    kind = draw(st.sampled_from([6, 17, 1]))
    inside = {6: lambda: tcp(payload, draw(words(10))), 17: lambda: udp(payload), 1: lambda: icmp(payload)}[kind]()
    if draw(st.booleans()):
        return ipv4(inside, kind, options=draw(words(10)), source=str(ip_address(draw(st.integers(0, 2**32 - 1)))))
    return ipv6(inside, kind, source=str(ip_address(draw(st.integers(2**64, 2**128 - 1)))))
