"""The pcap file format (draft-ietf-opsawg-pcap): records behind one file header, read in blocks and written."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.errors import InputError
from netdiffus.wire.headers.packets import MAX_CAPTURED, MAX_TIME_NS, Columns, Packet
from netdiffus.wire.kernels.compiled import compiled, i64

FILE_HEADER_BYTES = 24


class Variant(NamedTuple):
    """What a magic number says: nanoseconds in a tick, bytes before a record's data, and more bytes of file header."""

    tick_ns: int
    record_header_bytes: int
    more_header_bytes: int = 0


VARIANTS = {
    0xA1B2C3D4: Variant(1000, 16),
    0xA1B23C4D: Variant(1, 16),
    0xA1B2CD34: Variant(1000, 24),  # Kuznetzov's patch: interface, protocol and direction follow in each record
    0x1C0001AB: Variant(1000, 16, 4),  # Ixia's lcap, from software and from hardware, as Wireshark reads them:
    0x1C0001AC: Variant(1000, 16, 4),  # the size of all records follows the file header
}

MORE, FULL, TOO_LONG = 0, 1, 2
"""Why a scan ended: the next record is not whole, no room for more columns, or no record can be this long."""

AS_NAMED, SWAPPED, BY_VALUE = 0, 1, 2
"""The order of captured and original length in a record: files before version 2.3 swap them, 2.3 itself may."""


@compiled
def _u32(data: Bytes, pos: int, big: bool) -> int:
    a, b, c, d = i64(data[pos]), i64(data[pos + 1]), i64(data[pos + 2]), i64(data[pos + 3])
    return a << 24 | b << 16 | c << 8 | d if big else d << 24 | c << 16 | b << 8 | a


@compiled
def _scan(
    data: Bytes,
    start: int,
    end: int,
    big: bool,
    tick_ns: int,
    head: int,
    order: int,
    link: int,
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    length: NDArray[np.int32],
    time_ns: NDArray[np.int64],
    links: NDArray[np.int32],
) -> tuple[int, int, int]:
    """Records in data[start:end] into the columns; returns (packets, first byte not taken, why it ended)."""
    n, pos = 0, start
    while n < offset.size:
        if end - pos < head:
            return n, pos, MORE
        size, original = _u32(data, pos + 8, big), _u32(data, pos + 12, big)
        if order == SWAPPED or (order == BY_VALUE and size > original):
            size, original = original, size
        if size > MAX_CAPTURED:
            return n, pos, TOO_LONG
        if end - pos - head < size:
            return n, pos, MORE
        offset[n] = pos + head
        captured[n] = size
        length[n] = min(original, 0x7FFFFFFF)
        time_ns[n] = min(_u32(data, pos, big) * 1_000_000_000 + _u32(data, pos + 4, big) * tick_ns, MAX_TIME_NS)
        links[n] = link
        n += 1
        pos += head + size
    return n, pos, FULL


class PcapScanner:
    """Finds the records of one pcap file; `header` is its first 24 bytes, with a magic number of VARIANTS."""

    ends_inside = "file ends inside a packet record"

    def __init__(self, header: bytes) -> None:
        self._big = int.from_bytes(header[:4], "big") in VARIANTS
        magic, major, minor, _, _, _, link = struct.unpack((">" if self._big else "<") + "IHHiIII", header)
        self._variant = VARIANTS[magic]
        self.more_header_bytes = self._variant.more_header_bytes
        self._link = link & 0x03FF_FFFF  # the bits above say how long a frame check sequence is
        early = (major, minor) < (2, 3) or major == 543
        self._order = SWAPPED if early else BY_VALUE if (major, minor) == (2, 3) else AS_NAMED
        self.faults: Counter[str] = Counter()

    def scan(self, data: Bytes, start: int, end: int, columns: Columns) -> tuple[int, int, int]:
        """Fill the columns of a PacketBlock; returns (packets, first byte not taken, MORE | FULL | TOO_LONG)."""
        tick_ns, head, _ = self._variant
        n, pos, verdict = _scan(data, start, end, self._big, tick_ns, head, self._order, self._link, *columns)
        if verdict == TOO_LONG:
            self.faults[f"packet record claims more than {MAX_CAPTURED} bytes; the rest of the file was not read"] += 1
        return n, pos, verdict


def write_pcap(
    target: str | Path | BinaryIO, packets: Iterable[Packet], link: int = 1, *, snap_bytes: int = MAX_CAPTURED
) -> int:
    """Write a little-endian nanosecond pcap; returns the number of packets.

    Args:
        target: where to; a path is overwritten.
        packets: at times from 1970 to 2106 (the format's seconds are 32 bits wide).
        link: link-layer type of all of them, a LINKTYPE number; 1 is Ethernet.
        snap_bytes: data beyond this many bytes of a packet is cut; its length on the wire is kept.

    Raises:
        InputError: a time or length does not fit into 32 bits.
    """
    if isinstance(target, str | Path):
        with open(target, "wb") as file:
            return write_pcap(file, packets, link, snap_bytes=snap_bytes)
    target.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snap_bytes, link))
    n = 0
    for time_ns, data, length in packets:
        seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
        try:
            head = struct.pack("<IIII", seconds, nanoseconds, min(len(data), snap_bytes), length)
        except struct.error:
            raise InputError(
                "packets at times from 1970 to 2106 and of lengths below 2^32, which is all that pcap can hold",
                f"packet {n + 1} at {time_ns} ns, {length} bytes long",
                "leave it out, or move its time",
            ) from None
        target.write(head)
        target.write(data[:snap_bytes])
        n += 1
    return n
