"""Packets as they lie in a capture: many at a time as columns over one buffer, or one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

    @classmethod
    def of(cls, packets: Sequence[Packet], link: int) -> PacketBlock:
        """Packets of one link type."""
        captured = np.array([len(packet.data) for packet in packets], np.int64)
        return cls(
            np.frombuffer(b"".join(packet.data for packet in packets), np.uint8),
            np.cumsum(captured) - captured,
            captured.astype(np.int32),
            np.array([packet.length for packet in packets], np.int32),
            np.array([packet.time_ns for packet in packets], np.int64),
            np.full(len(packets), link, np.int32),
        )

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

    def filled(self, *, snap_bytes: int = MAX_CAPTURED, part_bytes: int = 1 << 20) -> Iterator[PacketBlock]:
        """The same packets with zeros for the bytes that were not captured, about `part_bytes` at a time.

        Args:
            snap_bytes: data beyond this many bytes of a packet is cut; its length on the wire is kept.
        """
        sizes = np.clip(self.length, 0, snap_bytes).astype(np.int64)
        pieces = np.cumsum(sizes) // part_bytes
        for chosen in np.split(np.arange(len(self)), np.flatnonzero(np.diff(pieces)) + 1):
            size, held = sizes[chosen], np.minimum(self.captured[chosen], sizes[chosen])
            offset = np.cumsum(size) - size
            within = np.arange(int(held.sum())) - np.repeat(np.cumsum(held) - held, held)
            data = np.zeros(int(size.sum()), np.uint8)
            data[np.repeat(offset, held) + within] = self.data[np.repeat(self.offset[chosen], held) + within]
            length, time_ns, link = self.length[chosen], self.time_ns[chosen], self.link[chosen]
            yield PacketBlock(data, offset, size.astype(np.int32), length, time_ns, link)

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
