"""Time lines: captures cut where nothing is sent for long, and into windows of equal length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netdiffus.arrays import Bools, Floats, Ints
from netdiffus.traffic.whole.arrivals import Arrivals

SILENCE_MS = 600_000
"""A capture is taken to be interrupted where it has no packet for so long."""


@dataclass(frozen=True)
class Windows:
    """Windows of equal length, by capture and time, and what arrives in them.

    Attributes:
        width_ms: of a window.
        capture, begin_ms: where each begins (W,).
        valid_ms: how much of it lies before the last packet of its piece of the capture (W,).
        rows: of the arrivals that lie in the windows (N,).
        owner, offset_ms: the window of each of these, and when in it (N,); ascending.
    """

    width_ms: int
    capture: Ints
    begin_ms: Ints
    valid_ms: Ints
    rows: Ints
    owner: Ints
    offset_ms: Ints

    def binned(self, values: Ints, bin_ms: int) -> tuple[Floats, Ints]:
        """Sums of the arrivals' values over whole bins, window after window, and how many each window has (W,)."""
        most, counts = -(-self.width_ms // bin_ms), self.valid_ms // bin_ms
        place = self.owner * most + self.offset_ms // bin_ms
        sums = np.bincount(place, values[self.rows].astype(np.float64), len(counts) * most)
        return sums[self._within(most, counts)].astype(np.float64), counts

    def times_ms(self, bin_ms: int) -> Ints:
        """When each of these bins begins."""
        most, counts = -(-self.width_ms // bin_ms), self.valid_ms // bin_ms
        begins = (self.begin_ms[:, None] + np.arange(most) * bin_ms).reshape(-1)
        return np.asarray(begins[self._within(most, counts)])

    @staticmethod
    def _within(most: int, counts: Ints) -> Bools:
        return np.asarray((np.arange(most) < counts[:, None]).reshape(-1))


def windows(arrivals: Arrivals, width_ms: int, most: int, rng: np.random.Generator) -> Windows:
    """The windows of all captures, from their first packet on; silent ones too, but none of an interruption.

    Args:
        width_ms: of a window.
        most: windows; where there are more, so many of them, drawn at random.
    """
    first, last = _pieces(arrivals)
    counts = (arrivals.ms[last] - arrivals.ms[first]) // width_ms + 1
    before = np.cumsum(counts) - counts
    total = int(counts.sum())
    chosen = np.arange(total) if total <= most else np.sort(rng.choice(total, most, replace=False))
    piece = np.searchsorted(before, chosen, side="right") - 1
    begin = arrivals.ms[first[piece]] + (chosen - before[piece]) * width_ms
    return _cut(arrivals, width_ms, begin, first[piece], last[piece])


def longest(arrivals: Arrivals, width_ms: int | None = None) -> Windows:
    """One window: the beginning of the longest piece of a capture without an interruption.

    Args:
        width_ms: of the window; None: all of the piece.
    """
    first, last = _pieces(arrivals)
    lengths = arrivals.ms[last] - arrivals.ms[first] + 1
    piece = np.argmax(lengths, keepdims=True)
    width = int(lengths[piece[0]]) if width_ms is None else width_ms
    return _cut(arrivals, width, arrivals.ms[first[piece]], first[piece], last[piece])


def _pieces(arrivals: Arrivals) -> tuple[Ints, Ints]:
    """The first and the last row of each piece of a capture without an interruption."""
    begins = np.ones(len(arrivals.ms), np.bool_)
    begins[1:] = (np.diff(arrivals.capture) != 0) | (np.diff(arrivals.ms) > SILENCE_MS)
    first = np.flatnonzero(begins)
    return first, np.append(first[1:], len(begins))[: len(first)] - 1


def _cut(arrivals: Arrivals, width_ms: int, begin: Ints, first: Ints, last: Ints) -> Windows:
    """Windows that begin at `begin`, ascending, each in the piece of the rows from `first` to `last`, all (W,)."""
    valid = np.minimum(arrivals.ms[last] + 1 - begin, width_ms)
    capture = arrivals.capture[first]
    lows, highs = np.empty(len(begin), np.int64), np.empty(len(begin), np.int64)
    for k, (one, two, time) in enumerate(zip(first.tolist(), (last + 1).tolist(), begin.tolist(), strict=True)):
        lows[k], highs[k] = one + np.searchsorted(arrivals.ms[one:two], (time, time + width_ms))
    counts = highs - lows
    owner = np.repeat(np.arange(len(begin)), counts)
    rows = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(lows, counts)
    return Windows(width_ms, capture, begin, valid, rows, owner, arrivals.ms[rows] - begin[owner])


def active(start_ms: Ints, end_ms: Ints, times_ms: Ints, bin_ms: int) -> Floats:
    """How many intervals, from start to end, share some time with each bin that begins at `times_ms` (N,)."""
    begun = np.searchsorted(np.sort(start_ms), times_ms + bin_ms, side="left")
    over = np.searchsorted(np.sort(end_ms), times_ms, side="left")
    return (begun - over).astype(np.float64)
