"""Traces whose values are sorted and binned once, for the distances between many subsets of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Floats
from netdiffus.metrics.binning import bin_of
from netdiffus.metrics.samples import Index
from netdiffus.metrics.weighted import distances_of

Subset = tuple[Index, Floats]
"""Rows (M,) of the traces, and a weight for each (M,)."""


@dataclass(frozen=True)
class Pooled:
    """One channel of N traces.

    Attributes:
        points: (P,) the distinct values, ascending.
        codes: (N, n) the place of each value among them; P where it is absent.
        cells: (N, n) position * bins + bin of each value; the last bin holds the absent ones.
        bins: their number.
    """

    points: Floats
    codes: NDArray[np.int32]
    cells: NDArray[np.int32]
    bins: int

    @classmethod
    def of(cls, values: Floats, edges: Floats) -> Pooled:
        """Of values (N, n), NaN where absent, and the edges of the bins."""
        points, found = np.unique(values, return_inverse=True)
        codes = np.asarray(found, dtype=np.int32).reshape(values.shape)
        bins, start = len(edges) + 2, np.arange(values.shape[1], dtype=np.int32)
        cells = bin_of(points, edges).astype(np.int32)[codes] + bins * start
        return cls(points[~np.isnan(points)], codes, cells, bins)

    def distances(self, real: Subset, other: Subset) -> dict[str, float]:
        """What `weighted.distances` finds between two subsets."""
        shares = [self._mass(self.codes, len(self.points) + 1, subset)[:-1] for subset in (real, other)]
        totals = [float(share.sum()) for share in shares]
        if not all(totals):
            return {}
        difference = np.cumsum(shares[0] / totals[0] - shares[1] / totals[1])
        size = self.bins * self.cells.shape[1]
        first, second = (self._mass(self.cells, size, subset).reshape(-1, self.bins) for subset in (real, other))
        return distances_of(first, second, self.points, difference)

    def _mass(self, places: NDArray[np.int32], size: int, subset: Subset) -> Floats:
        """The weight (size,) at each place."""
        rows, weights = subset
        mass = np.bincount(places[rows].ravel(), np.repeat(weights, places.shape[1]), size)
        return mass.astype(np.float64, copy=False)
