"""The shipped recordings, read with nothing but lzma and struct."""

import lzma
import struct
from collections.abc import Iterator
from pathlib import Path

ETHERNET_MTU = 1514  # 1500 and the Ethernet header
SIX = b"\x86\xdd"
FlowKey = tuple[int, frozenset[bytes]]


def records(name: Path) -> Iterator[tuple[int, int, bytes]]:
    """(time_ns, length on the wire, frame as kept) of every packet of a capture."""
    data = lzma.decompress(name.read_bytes())
    magic, major, minor, link = struct.unpack_from("<IHH12xI", data)
    assert (magic, major, minor, link) == (0xA1B23C4D, 2, 4, 1), "nanosecond, little-endian, Ethernet"
    at = 24
    while at < len(data):
        seconds, nanoseconds, kept, length = struct.unpack_from("<IIII", data, at)
        assert nanoseconds < 10**9
        frame = data[at + 16 : at + 16 + kept]
        assert len(frame) == kept, "no record is cut off"
        yield seconds * 10**9 + nanoseconds, length, frame
        at += 16 + kept


def transport(frame: bytes) -> tuple[int, int]:
    """(protocol, offset of the transport header) of an Ethernet frame."""
    if frame[12:14] == SIX:
        return frame[20], 54
    assert frame[12:14] == b"\x08\x00", "IPv4 or IPv6"
    return frame[23], 14 + (frame[14] & 15) * 4


def headers(frame: bytes) -> int:
    """Bytes of link, network and transport headers of a frame."""
    protocol, at = transport(frame)
    return at + ((frame[at + 12] >> 4) * 4 if protocol == 6 else 8)


def flow(frame: bytes) -> FlowKey:
    """The bidirectional 5-tuple of a frame."""
    protocol, at = transport(frame)
    source, destination = (frame[22:38], frame[38:54]) if frame[12:14] == SIX else (frame[26:30], frame[30:34])
    return protocol, frozenset((source + frame[at : at + 2], destination + frame[at + 2 : at + 4]))
