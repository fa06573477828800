"""Observation models: rows of the image and their sums, their noise, and how likely they make a code."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from netdiffus.diffusion.observation import GasfRows, Observation, SeriesRows
from netdiffus.imaging.codec import STEP
from netdiffus.imaging.gasf import gasf

GRID = torch.linspace(-3.5, 3.5, 1401, dtype=torch.float64)
LEVELS = torch.tensor([[0.3, 1.0, 0.05, 2.0, 0.7]], dtype=torch.float64)


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).clamp(-3.4, 3.4)


def test_the_image_is_the_gasf_and_the_observation_the_row_sums_of_its_lower_triangle() -> None:
    z = normal(4, 2, 9)
    image = gasf(np.cos(math.pi / 4 - z.numpy() * STEP))
    rows = GasfRows(9, STEP)
    assert np.abs(rows.image(z).numpy() - image).max() < 1e-12
    assert np.abs(rows.observe(z).numpy() - np.tril(image).sum(axis=-1)).max() < 1e-12


def test_the_first_rows_by_hand() -> None:
    a = torch.tensor([0.3, -0.5, 0.7], dtype=torch.float64)
    found = GasfRows(3, 0.5).observe(a[None, None] / 0.5)[0, 0]
    wanted = [
        math.sin(0.6),
        math.sin(-0.2) + math.sin(-1.0),
        math.sin(1.0) + math.sin(0.2) + math.sin(1.4),
    ]
    assert found.numpy() == pytest.approx(wanted)


def test_noise_by_entry_has_the_spread_of_the_rows_when_it_is_summed() -> None:
    rows = GasfRows(5, STEP)
    spread = rows.spread(LEVELS)[0]
    assert spread.numpy() == pytest.approx([STEP * (i + 2) * level for i, level in enumerate(LEVELS[0].tolist())])
    generator = torch.Generator().manual_seed(0)
    entries = torch.randn(40_000, 5, 5, generator=generator, dtype=torch.float64).tril()
    sums = (entries * rows.entry_spread(LEVELS)[..., None]).sum(dim=-1)
    assert (torch.cov((sums / spread).T) - torch.eye(5)).abs().max() < 0.03


def test_of_a_series_the_noise_is_its_level() -> None:
    z = normal(2, 2, 5)
    assert torch.equal(SeriesRows(5).observe(z), z)
    assert torch.equal(SeriesRows(5).spread(LEVELS), LEVELS)


@pytest.mark.parametrize("observation", [SeriesRows(10), GasfRows(10, STEP), GasfRows(128, STEP)])
@pytest.mark.parametrize("sigma", [0.005, 0.05, 0.5])
def test_each_row_tells_its_z_to_about_its_level_given_the_rows_before(observation: Observation, sigma: float) -> None:
    n = observation.length
    z = (normal(100, 1, n) * 0.8 + normal(100, 1, 1) * 0.5).clamp(-3.3, 3.3)
    levels = sigma * torch.linspace(0.5, 1, n, dtype=torch.float64).expand(100, n)
    noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    noisy = observation.observe(z) + noise * observation.spread(levels)[:, None]
    means = observation.moments(z.flatten()).T.reshape(*z.shape, -1)
    shares = (observation.coefficients(noisy, levels, means) @ observation.features(GRID)).softmax(dim=-1)[:, 0]
    error = (shares @ GRID - z[:, 0]) / levels
    assert float(error.std()) == pytest.approx(1, abs=0.15)
    width = ((shares * (GRID - z[:, 0, :, None]).square()).sum(-1) / levels**2).mean().sqrt()
    assert float(width) == pytest.approx(math.sqrt(2), abs=0.3)  # the error's variance and the posterior's


@pytest.mark.parametrize("observation", [SeriesRows(5), GasfRows(5, STEP)])
def test_the_likelihood_is_the_normal_density_but_for_a_constant_of_the_row(observation: Observation) -> None:
    z, observed = normal(3, 2, 5), normal(3, 2, 5) * 2
    levels = LEVELS.expand(3, 5)
    means = observation.moments(z.flatten()).T.reshape(3, 2, 5, -1)
    found = observation.coefficients(observed, levels, means) @ observation.features(GRID)
    exact = torch.empty(3, 2, 5, len(GRID), dtype=torch.float64)
    for row in range(5):
        for k, candidate in enumerate(GRID):
            changed = z.clone()
            changed[:, :, row] = candidate
            spread = observation.spread(levels)[:, None, row]
            exact[:, :, row, k] = -(((observed - observation.observe(changed))[:, :, row] / spread) ** 2) / 2
    difference = found - exact
    assert (difference - difference[..., :1]).abs().max() < 1e-8 * exact.abs().max()


@pytest.mark.parametrize("observation", [SeriesRows(6), GasfRows(6, STEP)])
def test_the_expected_observation_is_the_mean_over_independent_positions(observation: Observation) -> None:
    centres = normal(1, 1, 7)[0, 0]
    probabilities = normal(1, 1, 6, 7).softmax(dim=-1)
    expected = observation.expected(probabilities @ observation.moments(centres).T)
    generator = torch.Generator().manual_seed(2)
    drawn = torch.multinomial(probabilities[0, 0], 200_000, replacement=True, generator=generator)  # (6, draws)
    mean = observation.observe(centres[drawn.T][:, None]).mean(dim=0)
    assert (expected[0] - mean).abs().max() < 0.01


@pytest.mark.parametrize("observation", [SeriesRows(6), GasfRows(6, STEP)])
def test_of_what_is_known_the_expected_observation_is_the_observation(observation: Observation) -> None:
    centres = normal(1, 1, 7)[0, 0]
    codes = torch.tensor([[[0, 3, 3, 6, 1, 2]]])
    means = torch.nn.functional.one_hot(codes, 7).double() @ observation.moments(centres).T
    assert (observation.expected(means) - observation.observe(centres[codes])).abs().max() < 1e-12
