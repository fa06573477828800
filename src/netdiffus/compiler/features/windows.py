"""Windows of the packets of a flow that goes on: a walk of each side among the windows that its class offers.

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
from netdiffus.manifest import Manifest
from netdiffus.wire.kernels.compiled import compiled, i64

STEPS = 16
"""Windows of a side of a class: quantiles."""
LARGEST = 0xFFFF << 14


class WindowsManifest(Manifest):
    """Windows in a manifest."""

    levels: Packed
    moves: Packed


@dataclass(frozen=True)
class Windows:
    """Windows of each class and side.

    Attributes:
        levels: (classes, 2, STEPS) bytes, ascending.
        moves: (classes, 2, STEPS, STEPS + 1) how often each level came after each, and, last, the very same window.
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
        for place in np.unique(side).tolist():
            here, kind, end = side == place, place // 2, place % 2
            mine = window[here]
            levels[kind, end] = np.quantile(mine, (np.arange(STEPS) + 0.5) / STEPS, method="inverted_cdf")
            level = np.minimum(np.searchsorted(levels[kind, end], mine), STEPS - 1)
            goes_on = np.diff(owner[here]) == 0
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
def draw_windows(
    kinds: Ints, owner: Ints, direction: Ints, latest: Ints, seeds: Ints, levels: Ints, moves: Ints, windows: Ints
) -> None:
    """The window in bytes of each packet (P,) of flows of classes (F,); `latest` (F, 2) go before, and move on."""
    state = np.zeros(1, np.int64)
    for i in range(owner.size):
        f, side = owner[i], direction[i]
        if i == 0 or owner[i - 1] != f:
            state[0] = i64(~seeds[f])
        known, row = levels[kinds[f], side], 0
        while row < STEPS - 1 and known[row] < latest[f, side]:
            row += 1
        move = moves[kinds[f], side, row]
        point = i64(uniform(state) * move.sum())
        to = 0
        while to < STEPS and point >= move[to]:
            point -= move[to]
            to += 1
        if to < STEPS:
            low = known[max(to - 1, 0)]
            latest[f, side] = low + i64(uniform(state) * (known[to] - low + 1))
        windows[i] = latest[f, side]
