"""Packets of flows, made by hand, and what the flows of them are."""

import ipaddress
import struct

from netdiffus.traffic.flows.reader import CaptureFlows

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


def counts(found: CaptureFlows) -> list[int]:
    return found.flows["n_packets"].to_list()
