"""Packets made by hand, header by header, for tests of whatever reads packets."""

import ipaddress
import struct

SOURCE, DESTINATION = ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("198.51.100.2")
SOURCE6, DESTINATION6 = ipaddress.ip_address("2001:db8::1"), ipaddress.ip_address("2001:db8:1::2")


def ipv4(
    payload: bytes, protocol: int = 17, *, options: bytes = b"", total: int | None = None, place: int = 0
) -> bytes:
    size = 20 + len(options)
    total = size + len(payload) if total is None else total
    head = struct.pack("!BBHHHBBH", 0x40 | size // 4, 0, total, 77, place, 64, protocol, 0)
    return head + SOURCE.packed + DESTINATION.packed + options + payload


def ipv6(payload: bytes, following: int = 17, *, size: int | None = None) -> bytes:
    head = struct.pack("!IHBB", 6 << 28, len(payload) if size is None else size, following, 64)
    return head + SOURCE6.packed + DESTINATION6.packed + payload


def udp(payload: bytes, size: int | None = None) -> bytes:
    return struct.pack("!HHHH", 5000, 53, 8 + len(payload) if size is None else size, 0) + payload


def tcp(payload: bytes, flags: int = 0x18, words: int = 5) -> bytes:
    return (
        struct.pack("!HHIIBBHHH", 5000, 443, 1000, 2000, words << 4, flags, 512, 0, 0)
        + b"\1" * (words * 4 - 20)
        + payload
    )


def ethernet(kind: int, rest: bytes) -> bytes:
    return b"\2" * 12 + struct.pack("!H", kind) + rest
