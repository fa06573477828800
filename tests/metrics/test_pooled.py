"""Distances between subsets of pooled traces are those that are found from the values themselves."""

from __future__ import annotations

import numpy as np
import pytest

from netdiffus.metrics.binning import fit_edges
from netdiffus.metrics.pooled import Pooled
from netdiffus.metrics.weighted import Sample, distances

NAMES = ("jsd", "jsd_position", "wasserstein", "ks")


def values(n: int, length: int, seed: int) -> np.ndarray:
    """Values of which some recur and some are absent."""
    rng = np.random.default_rng(seed)
    found = np.where(rng.random((n, length)) < 0.6, rng.choice([0.0, 517.0, 1448.0], (n, length)), rng.lognormal(9, 4))
    found[np.arange(length) >= rng.integers(0, length + 1, n)[:, None]] = np.nan
    return found


@pytest.mark.parametrize("length", [1, 7])
def test_the_same_as_from_the_values(length: int) -> None:
    whole = values(60, length, seed=length)
    edges = fit_edges(whole)
    pooled = Pooled.of(whole, edges)
    rng = np.random.default_rng(3)
    for _ in range(5):
        rows = [np.sort(rng.choice(60, size, replace=False)) for size in (20, 30)]
        weights = [rng.choice([0.0, 0.25, 3.0], len(each)) for each in rows]
        found = pooled.distances(*zip(rows, weights, strict=True))
        expected = distances(*(Sample(whole[r], w) for r, w in zip(rows, weights, strict=True)), edges)
        assert tuple(found) == NAMES
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_subsets_without_values_have_no_distances() -> None:
    whole = np.array([[1.0, np.nan], [np.nan, np.nan], [2.0, 3.0]])
    pooled = Pooled.of(whole, fit_edges(whole))
    every, ones = np.arange(3), np.ones(3)
    assert pooled.distances((np.array([1]), np.ones(1)), (every, ones)) == {}
    assert pooled.distances((every, ones), (every[:0], ones[:0])) == {}
    assert pooled.distances((every, np.array([0.0, 1.0, 0.0])), (every, ones)) == {}
    assert pooled.distances((every, ones), (every, ones))["wasserstein"] == 0
