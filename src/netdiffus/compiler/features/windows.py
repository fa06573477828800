"""Windows of the packets of a flow that goes on: a walk of each side among the windows that its class offers.

A side offers another window only after it has received data, and takes back nothing of what it has offered (RFC 9293
section 3.8.6): in the recordings of this package none of 650,000 segments does.
Windows are bytes here, so that flows of hosts with another scale (RFC 7323) share them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from netdiffus.arrays import Ints
from netdiffus.compiler.features.chain_draw import uniform
from netdiffus.compiler.features.packed import Packed, pack, unpack
from netdiffus.compiler.features.tape import Tape
from netdiffus.compiler.tcp_segment import LARGEST_WINDOW
from netdiffus.manifest import Manifest
from netdiffus.wire.kernels.compiled import compiled, i64

STEPS = 16
"""Windows of a side of a class: quantiles."""
LARGEST = LARGEST_WINDOW << 14


class WindowsManifest(Manifest):
    """Windows in a manifest."""

    levels: Packed
    moves: Packed


@dataclass(frozen=True)
class Windows:
    """Windows of each class and side.

    Attributes:
        levels: (classes, 2, STEPS) bytes, ascending.
        moves: (classes, 2, STEPS, STEPS + 1) how often each level came after each, and, last, the very same window;
            of sides that had received data since.
    """

    levels: Ints
    moves: Ints

    @classmethod
    def fit(cls, tape: Tape, classes: int) -> Windows:
        """The windows of a tape."""
        levels = np.zeros((classes, 2, STEPS), np.int64)
        moves = np.zeros((classes, 2, STEPS, STEPS + 1), np.int64)
        side = tape.classes[tape.owner] * 2 + tape.direction
        order = np.lexsort((np.arange(len(side)), tape.owner, side))
        side, owner, window = side[order], tape.owner[order], tape.window[order].astype(np.int64)
        received = np.zeros(len(side), np.int64)
        count_received(tape.owner, tape.direction, tape.size, received)
        received = received[order]
        for place in np.unique(side).tolist():
            here, kind, end = side == place, place // 2, place % 2
            mine = window[here]
            levels[kind, end] = np.quantile(mine, (np.arange(STEPS) + 0.5) / STEPS, method="inverted_cdf")
            level = np.minimum(np.searchsorted(levels[kind, end], mine), STEPS - 1)
            goes_on = (np.diff(owner[here]) == 0) & (received[here][1:] > 0)
            to = np.where(mine[1:] == mine[:-1], STEPS, level[1:])
            np.add.at(moves[kind, end], (level[:-1][goes_on], to[goes_on]), 1)
        return cls(levels, moves)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"levels": pack(self.levels), "moves": pack(self.moves)}

    @classmethod
    def of_manifest(cls, found: WindowsManifest, classes: int) -> Windows:
        """The way back from `to_json`.

        Raises:
            ValueError: these are no windows of so many classes.
        """
        levels = unpack(found.levels, classes, 2, STEPS)
        moves = unpack(found.moves, classes, 2, STEPS, STEPS + 1)
        if levels.min() < 0 or levels.max() > LARGEST or moves.min() < 0 or moves.max() >= 1 << 40:
            raise ValueError("with windows and how often each came after each")
        return cls(levels, moves)


@compiled
def count_received(owner: Ints, direction: Ints, size: Ints, received: Ints) -> None:
    """The bytes that the sender of each packet (P,) has received since its packet before, into `received`."""
    since = np.zeros(2, np.int64)
    for i in range(owner.size):
        side = i64(direction[i])
        if i == 0 or owner[i - 1] != owner[i]:
            since[:] = 0
        received[i] = since[side]
        since[side] = 0
        since[1 - side] += i64(size[i])


@compiled
def draw_windows(
    kinds: Ints, seeds: Ints, owner: Ints, packets: Ints, latest: Ints, shift: Ints, tables: Any, windows: Ints
) -> None:
    """The window of each packet (P,), as in its header, of flows of classes (F,).

    Args:
        kinds, seeds: of each flow. owner: of each packet. packets: (2, P) the direction, and see `count_received`.
        latest, shift: (F, 2) the windows that go before, which move on, and by how many bits they are scaled.
        tables: levels and moves of Windows.
        windows: (P,) filled.
    """
    levels, moves = tables
    direction, received = packets
    state = np.zeros(1, np.int64)
    for i in range(owner.size):
        f, side = owner[i], direction[i]
        if i == 0 or owner[i - 1] != f:
            state[0] = i64(~seeds[f])
        if received[i]:
            window = latest[f, side] << shift[f, side]
            known, row = levels[kinds[f], side], 0
            while row < STEPS - 1 and known[row] < window:
                row += 1
            move = moves[kinds[f], side, row]
            point = i64(uniform(state) * move.sum())
            to = 0
            while to < STEPS and point >= move[to]:
                point -= move[to]
                to += 1
            if to < STEPS:
                low = known[max(to - 1, 0)]
                window = max(low + i64(uniform(state) * (known[to] - low + 1)), window - received[i])
                unit = i64(1) << shift[f, side]
                latest[f, side] = min(max((window + unit - 1) >> shift[f, side], i64(1)), i64(LARGEST_WINDOW))
        windows[i] = latest[f, side]
