"""The packets of a capture in the order of their times, as far as a window reaches.

Files hold packets out of order where a host wrote several queues or interfaces in turn, where each direction was
captured for itself, or where captures were joined end to end. The window is two pieces of a file: a capture that fits
into it is sorted whole, and no packet of a longer one is left behind if fewer than PIECE_PACKETS packets and
PIECE_BYTES bytes lie between its place in the file and its place in time. Packets of equal time keep the order of the
file. What is in order is handed on as it came, without a copy.

A clock that was set back is no disorder: sorting would mix what came after with what came before. clock_steps.py tells
the two apart; there, and where a whole run of packets comes too late for the window, nothing is mixed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.files.clock_steps import NEAR, find_steps
from netdiffus.wire.headers.packets import PacketBlock, empty_columns
from netdiffus.wire.kernels.compiled import compiled

PIECE_PACKETS, PIECE_BYTES = 1 << 15, 1 << 24
BLOCK_PACKETS = 1 << 13
"""Packets handed on at once where they were sorted."""

MOVED = "packet is out of time order, put in its place"
LATE = "packet is out of time order by more than the window, left where it is (sort the capture: reordercap IN OUT)"
STEPPED = (
    "time steps back, packets before and after are not mixed "
    "(clock set back; or joined captures: sort them, reordercap IN OUT)"
)


class TimedBlock(NamedTuple):
    """Packets by time, and how they stood in the file.

    Attributes:
        block: the packets.
        number: of each packet in the file, from 1, int64 (N,).
        earlier: whether a packet is earlier than the one before it in the file, bool (N,).
        moved: whether a packet stood elsewhere in the file; the fewest that need be, bool (N,).
        stepped: time stepped back before the first of these packets.
    """

    block: PacketBlock
    number: NDArray[np.int64]
    earlier: NDArray[np.bool_]
    moved: NDArray[np.bool_]
    stepped: bool = False

    def part(self, rows: slice) -> TimedBlock:
        """Some of the packets."""
        stepped = self.stepped and rows.start in (None, 0)
        return TimedBlock(self.block.part(rows), self.number[rows], self.earlier[rows], self.moved[rows], stepped)


NOTHING = TimedBlock(
    PacketBlock(np.empty(0, np.uint8), *empty_columns(0)),
    np.empty(0, np.int64),
    np.empty(0, np.bool_),
    np.empty(0, np.bool_),
)


@compiled
def gather(
    data: Bytes, offset: NDArray[np.int64], captured: NDArray[np.int32], place: NDArray[np.int64], out: Bytes
) -> None:
    """The bytes of each packet to its place in another buffer."""
    for i in range(offset.size):
        for k in range(captured[i]):
            out[place[i] + k] = data[offset[i] + k]


@compiled
def _find_moved(
    time_ns: NDArray[np.int64], ends: NDArray[np.int64], before: NDArray[np.int64], moved: NDArray[np.bool_]
) -> None:
    """Mark all but a longest non-decreasing subsequence (Fredman 1975); `ends` and `before` are room for N numbers."""
    longest = 0
    for i in range(time_ns.size):
        low, high = 0, longest
        while low < high:
            middle = (low + high) // 2
            if time_ns[ends[middle]] <= time_ns[i]:
                low = middle + 1
            else:
                high = middle
        before[i] = ends[low - 1] if low else -1
        ends[low] = i
        longest = max(longest, low + 1)
        moved[i] = True
    i = ends[longest - 1] if longest else -1
    while i >= 0:
        moved[i] = False
        i = before[i]


class InOrder:
    """The blocks of a capture, its packets by time; iterate over it once.

    Attributes:
        faults: what was out of order, in plain words, and how often; complete when the iteration has ended.
    """

    def __init__(self, blocks: Iterable[PacketBlock]) -> None:
        self._blocks = blocks
        self.faults: Counter[str] = Counter()
        self._tail = np.empty(0, np.int64)  # the latest few times in the order of the file
        self._latest: int | None = None  # of what was handed on since time last stepped back

    def __iter__(self) -> Iterator[TimedBlock]:
        held: list[TimedBlock] = []  # in order, and handed on when a piece of the file has come after it
        for piece in self._pieces():
            tail = np.concatenate([self._tail, *(part.block.time_ns[-NEAR:] for part in piece)])
            if self._goes_on(held, piece):
                ready, held = held, piece
                if ready:
                    self._latest = max(int(ready[-1].block.time_ns[-1]), self._latest or 0)
            else:
                ready, held = self._merged(held, piece)
            self._tail = tail[-NEAR:]
            yield from ready
        yield from held

    def _goes_on(self, held: list[TimedBlock], piece: list[TimedBlock]) -> bool:
        """Whether a piece is in order, and behind all that came before it."""
        first = int(piece[0].block.time_ns[0])
        if any(part.earlier.any() for part in piece) or (held and first < held[-1].block.time_ns[-1]):
            return False
        return self._latest is None or first >= self._latest

    def _pieces(self) -> Iterator[list[TimedBlock]]:
        """The file in pieces that end at the same packets however it is read."""
        parts: list[TimedBlock] = []
        n, size, total, last = 0, 0, 0, 0
        for block in self._blocks:
            times = block.time_ns
            earlier = np.empty(len(block), np.bool_)
            earlier[0], earlier[1:] = total > 0 and times[0] < last, times[1:] < times[:-1]
            number = np.arange(total + 1, total + len(block) + 1)
            rest = TimedBlock(block, number, earlier, np.zeros(len(block), np.bool_))
            total, last = total + len(block), int(times[-1])
            while len(rest.block):
                room = _fitting(rest.block.captured, PIECE_PACKETS - n, PIECE_BYTES - size)
                if room:
                    parts.append(rest.part(slice(0, room)))
                    n, size = n + room, size + int(parts[-1].block.captured.sum())
                rest = rest.part(slice(room, None))
                if len(rest.block):
                    yield parts
                    parts, n, size = [], 0, 0
        if parts:
            yield parts

    def _merged(self, held: list[TimedBlock], piece: list[TimedBlock]) -> tuple[list[TimedBlock], list[TimedBlock]]:
        """What is held and the next piece, sorted: what may be handed on, and what is held from now on."""
        old, new = _joined(held), _joined(piece)
        ready: list[TimedBlock] = []
        steps = find_steps(self._tail, old.block, new.block, self._latest)
        for begin, end in pairwise([0, *steps, len(new.block)]):
            some, rest = self._sorted([old, new.part(slice(begin, end))])
            ready += some
            if end in steps:
                ready += _blocks(rest)
                self.faults[STEPPED] += 1
                self._latest, old = None, NOTHING._replace(stepped=True)
        return ready, _blocks(rest)

    def _sorted(self, parts: list[TimedBlock]) -> tuple[list[TimedBlock], TimedBlock]:
        """Packets held and new ones by time: blocks of those that do not fit into a piece, and the rest."""
        whole = _joined(parts)
        times = whole.block.time_ns
        moved = np.empty(len(times), np.bool_)
        _find_moved(times, np.empty(len(times), np.int64), np.empty(len(times), np.int64), moved)
        late = times < (-1 if self._latest is None else self._latest)
        late[: len(parts[0].block)] = False  # they were counted when they came
        fresh = moved & ~whole.moved & ~late
        for words, count in ((LATE, int(late.sum())), (MOVED, int(fresh.sum()))):
            if count:
                self.faults[words] += count
        whole = _taken(whole._replace(moved=fresh | whole.moved), np.argsort(times, kind="stable"))
        kept = _fitting(whole.block.captured[::-1], PIECE_PACKETS, PIECE_BYTES)
        ends = len(times) - kept
        if ends:
            self._latest = max(int(whole.block.time_ns[ends - 1]), self._latest or 0)
        return _blocks(whole.part(slice(0, ends))), whole.part(slice(ends, None))


def _blocks(timed: TimedBlock) -> list[TimedBlock]:
    """Packets in blocks of BLOCK_PACKETS."""
    return [timed.part(slice(k, k + BLOCK_PACKETS)) for k in range(0, len(timed.block), BLOCK_PACKETS)]


def _fitting(captured: NDArray[np.int32], packets: int, n_bytes: int) -> int:
    """How many of the first packets fit into so many packets and bytes."""
    if len(captured) <= packets and captured.sum(dtype=np.int64) <= n_bytes:
        return len(captured)
    sizes = np.cumsum(captured[: max(packets, 0)], dtype=np.int64)
    return int(np.searchsorted(sizes, n_bytes, side="right"))


def _joined(parts: list[TimedBlock]) -> TimedBlock:
    """Parts as one, one after the other, over a buffer of their bytes alone."""
    parts = parts or [NOTHING]
    blocks = [part.block for part in parts]
    captured = np.concatenate([block.captured for block in blocks])
    place = np.cumsum(captured, dtype=np.int64) - captured
    data, done = np.empty(int(captured.sum(dtype=np.int64)), np.uint8), 0
    for block in blocks:
        gather(block.data, block.offset, block.captured, place[done : done + len(block)], data)
        done += len(block)
    length, time_ns, link = (
        np.concatenate([getattr(block, name) for block in blocks]) for name in ("length", "time_ns", "link")
    )
    number, earlier, moved = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("number", "earlier", "moved")
    )
    block = PacketBlock(data, place, captured, length, time_ns, link)
    return TimedBlock(block, number, earlier, moved, parts[0].stepped)


def _taken(timed: TimedBlock, rows: NDArray[np.intp]) -> TimedBlock:
    """The packets in another order."""
    block = timed.block.rows(rows)
    return TimedBlock(block, timed.number[rows], timed.earlier[rows], timed.moved[rows], timed.stepped)
