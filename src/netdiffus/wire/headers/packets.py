"""Packets as they lie in a capture: many at a time as columns over one buffer, or one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes

Columns = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]
"""The columns of a PacketBlock, in the order of its fields after `data`."""

MAX_CAPTURED = 262_144
"""The most bytes that a packet record may hold; what libpcap and Wireshark take."""

MAX_TIME_NS = 1 << 62
"""The latest time that is kept as it is, in the year 2116: sums and differences of two times stay within 64 bits."""


class Packet(NamedTuple):
    """One packet: when, what was captured of it, and how long it was on the wire."""

    time_ns: int
    data: bytes
    length: int


@dataclass(frozen=True)
class PacketBlock:
    """Some packets of a capture, in file order; packet i is `data[offset[i] : offset[i] + captured[i]]`.

    Args:
        data: the buffer that holds them, uint8, (bytes,).
        offset, captured, length: first byte in `data`, bytes captured, bytes on the wire; int64, int32, int32, (N,).
        time_ns: nanoseconds since 1970, int64, (N,), from 0 to MAX_TIME_NS.
        link: link-layer type of each packet (a LINKTYPE number), int32, (N,).
    """

    data: Bytes
    offset: NDArray[np.int64]
    captured: NDArray[np.int32]
    length: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    link: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.offset)

    def part(self, rows: slice) -> PacketBlock:
        """Some of the packets, over the same buffer."""
        offset, captured, length = self.offset[rows], self.captured[rows], self.length[rows]
        return PacketBlock(self.data, offset, captured, length, self.time_ns[rows], self.link[rows])

    def rows(self, rows: NDArray[np.intp]) -> PacketBlock:
        """Packets by their places in this block, in any order, over the same buffer."""
        offset, captured, length = self.offset[rows], self.captured[rows], self.length[rows]
        return PacketBlock(self.data, offset, captured, length, self.time_ns[rows], self.link[rows])

    def packets(self) -> Iterator[Packet]:
        """The same packets one by one; for tests and small captures."""
        for offset, captured, length, time_ns in zip(
            self.offset.tolist(), self.captured.tolist(), self.length.tolist(), self.time_ns.tolist(), strict=True
        ):
            yield Packet(time_ns, self.data[offset : offset + captured].tobytes(), length)


def empty_columns(n: int) -> Columns:
    """Room for the columns of n packets."""
    i32 = np.int32
    return np.empty(n, np.int64), np.empty(n, i32), np.empty(n, i32), np.empty(n, np.int64), np.empty(n, i32)


def first_rows(columns: Columns, n: int) -> Columns:
    """The first n rows of the columns, in memory of their own."""
    offset, captured, length, time_ns, link = columns
    return offset[:n].copy(), captured[:n].copy(), length[:n].copy(), time_ns[:n].copy(), link[:n].copy()
