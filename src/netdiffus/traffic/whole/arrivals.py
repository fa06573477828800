"""Packets and bytes of captures in each millisecond that has any."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Ints

BIN_NS = 1_000_000
CAPTURE_BIT = 43  # times of up to 2^62 ns are below 2^43 ms
COLUMNS = 3  # packets, IP bytes, goodput
ROOM = 1 << 20  # rows that are held before they are added up


@dataclass(frozen=True)
class Arrivals:
    """What arrives in each millisecond, by capture and time; silent milliseconds have no row.

    Attributes:
        capture: number of the capture (M,).
        ms: milliseconds since 1970 (M,).
        packets: (M,).
        throughput: bytes of IP packets, headers included (M,).
        goodput: bytes of payload that are sent for the first time (M,).
    """

    capture: Ints
    ms: Ints
    packets: Ints
    throughput: Ints
    goodput: Ints


class ArrivalCounts:
    """Adds up packets by capture and millisecond; they may come in any order."""

    def __init__(self) -> None:
        self._parts: list[tuple[Ints, Ints]] = []
        self._rows = self._settled = 0

    def add(self, capture: Ints | int, time_ns: Ints, throughput: Ints, goodput: Ints) -> None:
        """Count packets, all (N,); `capture` may be one number for all."""
        key = time_ns // BIN_NS | np.left_shift(capture, CAPTURE_BIT)
        self._hold(_added(key, np.stack([np.ones_like(goodput), throughput, goodput], axis=1)))
        if self._rows > 2 * self._settled + ROOM:
            self._settle()

    def result(self) -> Arrivals:
        """All that was counted."""
        self._settle()
        (key, counts), *_ = self._parts or [(np.zeros(0, np.int64), np.zeros((0, COLUMNS), np.int64))]
        return Arrivals(key >> CAPTURE_BIT, key & ((1 << CAPTURE_BIT) - 1), *counts.T)

    def _settle(self) -> None:
        if self._parts:
            keys, counts = (np.concatenate(columns) for columns in zip(*self._parts, strict=True))
            self._parts, self._rows = [], 0
            self._hold(_added(keys, counts))
            self._settled = self._rows

    def _hold(self, part: tuple[Ints, Ints]) -> None:
        self._parts.append(part)
        self._rows += len(part[0])


def _added(key: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """The distinct keys, sorted, and the sums of their counts (N, COLUMNS)."""
    order: NDArray[np.intp] = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    if not len(first):
        return key, counts
    return key[first], np.add.reduceat(counts[order], first, axis=0)
