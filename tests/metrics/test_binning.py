"""Bins: common values stand alone, the rest is cut into equal shares."""

from __future__ import annotations

import numpy as np

from netdiffus.metrics.binning import QUANTILES, bin_of, fit_edges

NAN = np.nan


def test_few_values_get_a_bin_each_and_neighbours_miss_them() -> None:
    real = np.repeat([0.0, 517.0, 1448.0], 5)
    edges = fit_edges(np.append(real, NAN))
    bins = bin_of(np.array([-1.0, 0, 1, 516, 517, 518, 1448, 1449, NAN]), edges)
    assert bins.tolist() == [0, 1, 2, 2, 3, 4, 5, 6, 7]
    assert len(edges) == 6


def test_many_values_get_bins_of_equal_mass_beside_the_atoms() -> None:
    rng = np.random.default_rng(0)
    real = np.concatenate([np.zeros(1000), rng.lognormal(10, 3, 3200)])
    counts = np.bincount(bin_of(real, fit_edges(real)))
    assert counts[1] == 1000
    np.testing.assert_allclose(counts[2:], 3200 / QUANTILES, atol=1)


def test_values_seen_too_rarely_share_bins() -> None:
    assert len(fit_edges(np.arange(9.0))) == 0
    assert len(fit_edges(np.zeros(0))) == 0
