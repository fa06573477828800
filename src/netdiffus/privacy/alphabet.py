"""The codes of a channel from noisy counts of its public grid: frequent values alone, the others by blocks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from netdiffus.arrays import Floats, Ints
from netdiffus.privacy.grid import Grid
from netdiffus.privacy.noise import noisy

SIGNIFICANT = 3.5
"""Standard deviations of noise above which a value is frequent."""
MOST_ALONE = 60
"""Values with a code of their own at most: each costs noise in every table."""
MOST_IN_BLOCK = 16
"""Values that a code of a block is drawn from at most, evenly spread."""


@dataclass(frozen=True)
class Codes:
    """Codes of a channel, ascending with its values; the last one is absence.

    Attributes:
        grid: the public values. of_value: (V + 1,) the code of each grid value, and of absence.
        weights: (V + 1,) noisy counts, all positive.
    """

    grid: Grid
    of_value: Ints
    weights: Floats

    def __len__(self) -> int:
        return int(self.of_value[-1]) + 1

    def encode(self, values: Floats) -> Ints:
        """Codes of values of any shape, NaN = absent."""
        return np.asarray(self.of_value[self.grid.index(values)])

    @property
    def shown(self) -> Ints:
        """Places of the grid values that codes are drawn as: of a block at most MOST_IN_BLOCK, evenly spread."""
        first = np.searchsorted(self.of_value, np.arange(len(self) + 1))
        parts = [
            np.unique(np.linspace(a, b - 1, min(b - a, MOST_IN_BLOCK)).round().astype(np.int64))
            for a, b in pairwise(first)
        ]
        return np.concatenate(parts)


def value_counts(index: Ints, size: int) -> Ints:
    """(n, size) how often each grid value stands at each position of traces (N, n)."""
    n = index.shape[1]
    return np.bincount((index + np.arange(n) * size).ravel(), minlength=n * size).reshape(n, size)


def private_codes(values: Floats, grid: Grid, sigma: float) -> Codes:
    """The codes of a channel's values (N, n), NaN = absent, of which noisy counts by position are seen."""
    counts = noisy(value_counts(grid.index(values), len(grid.values) + 1), sigma)
    pooled, spread = counts.sum(axis=0), sigma * np.sqrt(len(counts))
    frequent = ((counts > SIGNIFICANT * sigma).any(axis=0) | (pooled > SIGNIFICANT * spread))[:-1]
    seen = np.where(counts > 2 * sigma, counts, 0).sum(axis=0).astype(np.float64)
    rank = np.argsort(np.argsort(-np.where(frequent, seen[:-1], -1.0), kind="stable"), kind="stable")
    alone = frequent & (rank < MOST_ALONE)
    # a code begins where the block changes, at a value that stands alone, and after it
    begins = np.concatenate([[False], (np.diff(grid.blocks) > 0) | alone[1:] | alone[:-1]])
    of_value = np.cumsum(begins)
    return Codes(grid, np.append(of_value, of_value[-1] + 1), np.maximum(seen, 1.0))
