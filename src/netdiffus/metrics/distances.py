"""Distances between two distributions of numbers, each sample weighted."""

from __future__ import annotations

import numpy as np

from netdiffus.arrays import Floats


def jsd(p: Floats, q: Floats) -> Floats:
    """Jensen-Shannon divergence in bits along the last axis (Lin 1991): 0 for equal, 1 for disjoint histograms.

    The rows need not sum to one; a row without any mass gives NaN.
    """
    with np.errstate(invalid="ignore"):
        p, q = p / p.sum(axis=-1, keepdims=True), q / q.sum(axis=-1, keepdims=True)
    return np.clip(entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2, 0.0, 1.0)


def entropy(p: Floats) -> Floats:
    """Shannon entropy in bits along the last axis."""
    logarithm = np.log2(p, where=p > 0, out=np.where(np.isnan(p), np.nan, 0.0))
    bits: Floats = -np.sum(p * logarithm, axis=-1)
    return bits


def cdf_difference(a: Floats, b: Floats, a_weights: Floats, b_weights: Floats) -> tuple[Floats, Floats]:
    """The distinct values of both samples, sorted, and F_a - F_b at each of them."""
    values = np.concatenate([a, b])
    order = np.argsort(values)
    values = values[order]
    steps = np.concatenate([a_weights / a_weights.sum(), -b_weights / b_weights.sum()])[order]
    last = np.append(values[1:] != values[:-1], True)  # of a run of equal values
    return values[last], np.cumsum(steps)[last]


def wasserstein(values: Floats, difference: Floats) -> float:
    """Wasserstein-1, in the unit of the values: the area between the two distribution functions."""
    return float(np.sum(np.abs(difference[:-1]) * np.diff(values)))


def kolmogorov_smirnov(difference: Floats) -> float:
    """The largest difference of the two distribution functions, in [0, 1]."""
    return float(np.max(np.abs(difference)))
