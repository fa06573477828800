"""Distances against values found by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp, wasserstein_distance

from netdiffus.metrics.distances import cdf_difference, jsd, kolmogorov_smirnov, wasserstein


def test_jsd_by_hand() -> None:
    assert jsd(np.array([1.0, 0]), np.array([0.0, 1])) == 1
    assert jsd(np.array([2.0, 6]), np.array([1.0, 3])) == 0
    # M = (3/4, 1/4): H(M) = 0.8112781, (H(P) + H(Q)) / 2 = (0 + 1) / 2
    assert jsd(np.array([1.0, 0]), np.array([0.5, 0.5])) == pytest.approx(0.8112781 - 0.5)
    assert np.isnan(jsd(np.array([0.0, 0]), np.array([0.5, 0.5])))


def test_jsd_is_the_square_of_scipys_distance_row_by_row() -> None:
    p, q = np.random.default_rng(0).random((2, 5, 9))
    np.testing.assert_allclose(jsd(p, q), jensenshannon(p, q, base=2, axis=1) ** 2)


def test_wasserstein_and_ks_by_hand() -> None:
    values, difference = cdf_difference(np.array([0.0, 1]), np.array([1.0, 3]), np.ones(2), np.ones(2))
    assert values.tolist() == [0, 1, 3]
    assert difference.tolist() == [0.5, 0.5, 0]
    assert wasserstein(values, difference) == 1.5
    assert kolmogorov_smirnov(difference) == 0.5


def test_wasserstein_and_ks_equal_scipys_with_ties_and_weights() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 30, 200).astype(float), rng.integers(5, 40, 150).astype(float)
    ones = cdf_difference(a, b, np.ones(200), np.ones(150))
    assert wasserstein(*ones) == pytest.approx(wasserstein_distance(a, b))
    assert kolmogorov_smirnov(ones[1]) == pytest.approx(ks_2samp(a, b).statistic)
    weights = rng.random(200), rng.random(150)
    assert wasserstein(*cdf_difference(a, b, *weights)) == pytest.approx(wasserstein_distance(a, b, *weights))
