"""Captures written packet by packet: pcap (draft-ietf-opsawg-pcap) or pcapng (draft-ietf-opsawg-pcapng) by suffix."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from netdiffus.errors import InputError
from netdiffus.wire.files.compression import ByteSource
from netdiffus.wire.files.pcap import FILE_HEADER_BYTES
from netdiffus.wire.files.pcapng import ENHANCED_PACKET
from netdiffus.wire.files.records import (
    END_OF_OPTIONS,
    PCAP_END_NS,
    USER_APPLICATION,
    block,
    interface,
    option,
    pcap_header,
    section,
)
from netdiffus.wire.headers.links import ETHERNET, link_name
from netdiffus.wire.headers.packets import Packet

PLAIN = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}
"""Nanoseconds in a tick of pcap files whose records have the plain header of 16 bytes."""


def plain_header(path: str | Path) -> bytes | None:
    """The file header of a pcap of version 2.4 with plain records, in either byte order; None of any other file."""
    source = ByteSource(path)
    head = bytearray(FILE_HEADER_BYTES)
    got = source.fill(memoryview(head))
    source.close()
    order = next((o for o in "<>" if struct.unpack(o + "I", head[:4])[0] in PLAIN), None)
    if order is None or got < FILE_HEADER_BYTES or struct.unpack(order + "HH", head[4:8]) != (2, 4):
        return None
    return bytes(head)


class PcapWriter:
    """Writes one link type; with the `header` of another file (`plain_header`), its byte order and ticks as well.

    Raises:
        InputError: a second link type comes, or a time after 2106.
    """

    def __init__(self, file: BinaryIO, header: bytes | None = None) -> None:
        self._file, self._header = file, header
        self._link: int | None = None
        self._order, self._tick_ns = "<", 1
        if header is not None:
            self._order = next(o for o in "<>" if struct.unpack(o + "I", header[:4])[0] in PLAIN)
            self._tick_ns = PLAIN[struct.unpack(self._order + "I", header[:4])[0]]
            file.write(header)

    def write(self, link: int, packet: Packet) -> None:
        """One more packet."""
        time_ns, data, length = packet
        if self._link is None:
            self._link = link
            if self._header is None:
                self._file.write(pcap_header(link))
        if link != self._link or time_ns >= PCAP_END_NS:
            raise InputError(
                "packets of one link type before 2106, which is all that a pcap file can hold",
                f"{link_name(self._link)} and {link_name(link)}" if link != self._link else "a later time",
                "name a .pcapng file",
            )
        seconds, rest = divmod(time_ns, 1_000_000_000)
        head = struct.pack(self._order + "IIII", seconds, rest // self._tick_ns, len(data), length)
        self._file.write(head + data)

    def finish(self) -> None:
        """Write what a file without packets needs."""
        if self._link is None and self._header is None:
            self._file.write(pcap_header(ETHERNET))


class PcapngWriter:
    """Writes any link types, each as an interface of its own with times in nanoseconds; names netdiffus."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._interfaces: dict[int, int] = {}
        file.write(section(option(USER_APPLICATION, b"netdiffus") + option(END_OF_OPTIONS, b"")))

    def write(self, link: int, packet: Packet) -> None:
        """One more packet."""
        if link not in self._interfaces:
            self._interfaces[link] = len(self._interfaces)
            self._file.write(interface(link))
        time_ns, data, length = packet
        head = struct.pack("<IIIII", self._interfaces[link], time_ns >> 32, time_ns & 0xFFFF_FFFF, len(data), length)
        self._file.write(block(ENHANCED_PACKET, head + data + bytes(-len(data) % 4)))

    def finish(self) -> None:
        """A file without packets needs nothing more."""


WRITERS = {".pcap": PcapWriter, ".pcapng": PcapngWriter}


def check_suffix(path: str | Path) -> str:
    """The suffix of a capture that can be written.

    Raises:
        InputError: it is none of WRITERS.
    """
    suffix = Path(path).suffix
    if suffix not in WRITERS:
        raise InputError("a name that ends in " + " or ".join(WRITERS), str(path), "name another --out")
    return suffix
