"""Public grids: which values a channel can have, known before any data is seen.

Packet sizes have every value up to MTU, the exact values of a link with 1,500 bytes, then steps that grow by a
sixteenth; times and bytes per bin have sixteen steps an octave. Steps are joined into blocks: a value that is frequent
gets a code of its own, the others of its block share one (alphabet.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netdiffus.arrays import Floats, Ints

MTU = 1536
BLOCK = 64
"""Bytes of a block of packet sizes."""
STEPS = 16
"""Steps of an octave."""
LARGEST_SIZE, LARGEST_COUNT = 1 << 17, 1 << 36


@dataclass(frozen=True)
class Grid:
    """Values (V,), ascending, and the block (V,) of each, ascending; absence is no value of it."""

    values: Floats
    blocks: Ints

    def index(self, values: Floats) -> Ints:
        """The nearest grid value of each value; absence (NaN) is V."""
        right = np.clip(np.searchsorted(self.values, values), 1, len(self.values) - 1)
        nearer = np.abs(values - self.values[right - 1]) <= np.abs(self.values[right] - values)
        return np.where(np.isnan(values), len(self.values), np.where(nearer, right - 1, right)).astype(np.int64)


def _steps(low: float, high: float) -> Floats:
    """Integers from `low` on, STEPS an octave."""
    octaves = np.log2(high / low)
    return np.unique(np.round(low * 2 ** (np.arange(round(octaves * STEPS) + 1) / STEPS)))


def _sizes() -> tuple[Floats, Ints]:
    exact, larger = np.arange(MTU, dtype=np.float64), _steps(MTU, LARGEST_SIZE)
    octave = np.floor(np.log2(larger / MTU)).astype(np.int64)
    blocks = np.concatenate([[0], 1 + (np.arange(1, MTU) - 1) // BLOCK, 1 + MTU // BLOCK + octave])
    return np.concatenate([exact, larger]), blocks


def _counts() -> tuple[Floats, Ints]:
    values = np.concatenate([[0.0], _steps(1, LARGEST_COUNT)])
    blocks = np.concatenate([[0], 1 + np.floor(np.log2(values[1:])).astype(np.int64) // 2])
    return values, blocks


def public_grid(channel: str) -> Grid:
    """The grid of a channel of an image (imaging/channels.py)."""
    if channel == "direction":
        return Grid(np.array([0.0, 1.0]), np.array([0, 1]))
    values, blocks = _sizes() if "size" in channel else _counts()
    if channel != "signed_size":
        return Grid(values, blocks)
    # upward sizes s are -(s + 1)
    both = np.concatenate([blocks[-1] - blocks[::-1], blocks[-1] + 1 + blocks])
    return Grid(np.concatenate([-values[::-1] - 1, values]), both)
