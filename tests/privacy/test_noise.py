"""The discrete Gaussian has the distribution that it should have, and draws from no seed."""

import inspect

import numpy as np
import pytest
from scipy.stats import chisquare

from netdiffus.privacy import noise
from netdiffus.privacy.noise import discrete_gaussian, noisy, uniform


@pytest.mark.parametrize("sigma", [0.3, 0.8, 2.5, 17.0])
def test_values_are_as_frequent_as_the_formula_says(sigma: float) -> None:
    drawn = discrete_gaussian(sigma, 200_000)
    most = max(1, int(2.5 * sigma))
    values = np.arange(-most, most + 1)
    weights = np.exp(-(np.arange(-60 * most, 60 * most + 1.0) ** 2) / (2 * sigma**2))
    shares = np.exp(-(values**2) / (2 * sigma**2)) / weights.sum()
    found = np.array([(drawn == value).sum() for value in values] + [(np.abs(drawn) > most).sum()])
    expected = np.append(shares, 1 - shares.sum()) * len(drawn)
    assert chisquare(found, expected).pvalue > 1e-6


def test_the_variance_is_that_of_the_ledger() -> None:
    assert discrete_gaussian(9.0, 100_000).std() == pytest.approx(9.0, rel=0.02)


def test_every_count_gets_noise_also_those_of_nothing() -> None:
    found = noisy(np.zeros((50, 40), dtype=np.int64), 5.0)
    assert found.shape == (50, 40)
    assert found.dtype == np.int64
    assert (found < 0).any()
    assert (found == 0).mean() < 0.2


def test_uniform_numbers_are_never_0() -> None:
    drawn = uniform(10_000)
    assert 0 < drawn.min() < drawn.max() <= 1


def test_no_seed_can_bring_the_noise_back() -> None:
    np.random.seed(0)
    first = discrete_gaussian(50.0, 100)
    np.random.seed(0)
    assert not np.array_equal(first, discrete_gaussian(50.0, 100))
    assert "seed" not in inspect.signature(discrete_gaussian).parameters
    assert "default_rng" not in inspect.getsource(noise)
