"""Weighted samples of one channel, and the distances between two of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netdiffus.arrays import Floats
from netdiffus.metrics.binning import bin_of
from netdiffus.metrics.distances import cdf_difference, jsd, kolmogorov_smirnov, wasserstein


@dataclass(frozen=True)
class Sample:
    """One channel of traces: values (N, n), NaN where absent, and a weight for each trace (N,)."""

    values: Floats
    weights: Floats

    def present(self) -> tuple[Floats, Floats]:
        """The values that are not absent, and their weights, both (M,)."""
        present = ~np.isnan(self.values) & (self.weights > 0)[:, None]
        return self.values[present], np.broadcast_to(self.weights[:, None], self.values.shape)[present]

    def histograms(self, edges: Floats) -> Floats:
        """The mass in each bin at each position (n, bins); the last bin counts the absent."""
        bins, positions = len(edges) + 2, self.values.shape[1]
        flat = bin_of(self.values, edges) + bins * np.arange(positions)
        weights = np.broadcast_to(self.weights[:, None], flat.shape).ravel()
        mass = np.bincount(flat.ravel(), weights, bins * positions).astype(np.float64)
        return mass.reshape(positions, bins)


def position_jsd(real: Sample, other: Sample, edges: Floats) -> float:
    """Jensen-Shannon divergence in bits at each position, mean over positions; absence is a value."""
    return _position_jsd(real.histograms(edges), other.histograms(edges))


def _position_jsd(real: Floats, other: Floats) -> float:
    return float(jsd(real, other).mean())


def value_jsd(real: Sample, other: Sample, edges: Floats) -> float:
    """Jensen-Shannon divergence in bits of the values at all positions together, absence left aside."""
    return _value_jsd(real.histograms(edges), other.histograms(edges))


def _value_jsd(real: Floats, other: Floats) -> float:
    return float(jsd(*(masses[:, :-1].sum(axis=0) for masses in (real, other))))


def distances(real: Sample, other: Sample, edges: Floats) -> dict[str, float]:
    """`jsd`, `jsd_position`, `wasserstein` and `ks` between two samples; empty where one of them has no values."""
    a, b = real.present(), other.present()
    if not len(a[0]) or not len(b[0]):
        return {}
    points, difference = cdf_difference(a[0], b[0], a[1], b[1])
    return distances_of(real.histograms(edges), other.histograms(edges), points, difference)


def distances_of(real: Floats, other: Floats, points: Floats, difference: Floats) -> dict[str, float]:
    """The same of histograms (n, bins), and of the difference (P,) of the distribution functions at points (P,)."""
    return {
        "jsd": _value_jsd(real, other),
        "jsd_position": _position_jsd(real, other),
        "wasserstein": wasserstein(points, difference),
        "ks": kolmogorov_smirnov(difference),
    }
