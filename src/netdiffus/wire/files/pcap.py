"""The pcap file format (draft-ietf-opsawg-pcap): records behind one file header, read in blocks."""

from __future__ import annotations

import struct
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes, Ints
from netdiffus.wire.headers.packets import MAX_CAPTURED, MAX_TIME_NS, Columns
from netdiffus.wire.kernels.bytes import file_u32, file_words
from netdiffus.wire.kernels.compiled import compiled

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

NEAR_S = 400 * 86_400
"""Times of one file are taken to be so near to each other, where it is asked whether bytes are a record."""

MORE, FULL, TOO_LONG = 0, 1, 2
"""Why a scan ended: the next record is not whole, no room for more columns, or no record can be this long."""

AS_NAMED, SWAPPED, BY_VALUE = 0, 1, 2
"""The order of captured and original length in a record: files before version 2.3 swap them, 2.3 itself may."""


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
        size, original = file_u32(data, pos + 8, big), file_u32(data, pos + 12, big)
        if order == SWAPPED or (order == BY_VALUE and size > original):
            size, original = original, size
        if size > MAX_CAPTURED:
            return n, pos, TOO_LONG
        if end - pos - head < size:
            return n, pos, MORE
        offset[n] = pos + head
        captured[n] = size
        length[n] = min(original, 0x7FFFFFFF)
        time_ns[n] = min(file_u32(data, pos, big) * 1_000_000_000 + file_u32(data, pos + 4, big) * tick_ns, MAX_TIME_NS)
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

    known = b""
    """Nothing but the file's header says how records are read."""

    def sizes(self, data: Bytes, near_ns: int) -> Ints:
        """The size of the record that may begin at each byte, 0 where none can; its time is near another one."""
        tick_ns, head, _ = self._variant
        n = max(len(data) - head + 1, 0)
        words = [file_words(data, at, n, big=self._big) for at in (0, 4, 8, 12)]
        captured, original = words[2], words[3]
        if self._order == SWAPPED:
            captured, original = original, captured
        elif self._order == BY_VALUE:
            captured, original = np.minimum(captured, original), np.maximum(captured, original)
        near = np.abs(words[0] - near_ns // 1_000_000_000) < NEAR_S
        plausible = near & (words[1] * tick_ns < 1_000_000_000) & (captured <= MAX_CAPTURED) & (captured <= original)
        found = np.zeros(len(data), np.int64)
        found[:n][plausible] = head + captured[plausible]
        return found

    def scan(self, data: Bytes, start: int, end: int, columns: Columns) -> tuple[int, int, int]:
        """Fill the columns of a PacketBlock; returns (packets, first byte not taken, MORE | FULL | TOO_LONG)."""
        tick_ns, head, _ = self._variant
        n, pos, verdict = _scan(data, start, end, self._big, tick_ns, head, self._order, self._link, *columns)
        if verdict == TOO_LONG:
            self.faults[f"packet record claims more than {MAX_CAPTURED} bytes; the rest of the file was not read"] += 1
        return n, pos, verdict
