"""Charts: the image of a series and its row sums, their noise, and how likely they make a class."""

import math

import numpy as np
import pytest
import torch
from netdiffus.diffusion.charts import GasfChart, SeriesChart

from netdiffus.imaging.codec import STEP
from netdiffus.imaging.gasf import gasf

GRID = torch.linspace(-3.5, 3.5, 1401, dtype=torch.float64)


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).clamp(-3.4, 3.4)


def test_the_image_is_the_gasf_and_the_observation_its_row_sums() -> None:
    z = normal(4, 2, 9)
    x = np.cos(math.pi / 4 - z.numpy() * STEP)
    chart = GasfChart(9, STEP)
    assert np.abs(chart.image(z).numpy() - gasf(x)).max() < 1e-12
    assert np.abs(chart.observe(z).numpy() - gasf(x).sum(axis=-1)).max() < 1e-11


def test_image_noise_is_symmetric_and_noise_has_the_covariance_of_its_row_sums() -> None:
    chart = GasfChart(5, STEP)
    like = torch.zeros(40_000, 1, 5, 5, dtype=torch.float64)
    images = chart.image_noise(like, torch.Generator().manual_seed(0))
    assert torch.equal(images, images.mT)
    assert float(images.std()) == pytest.approx(1, rel=0.01)
    for rows in (images.sum(-1), chart.noise(like[..., 0], torch.Generator().manual_seed(1))):
        covariance = torch.cov(rows[:, 0].T)
        assert (covariance - (torch.ones(5, 5) + 4 * torch.eye(5))).abs().max() < 0.12


@pytest.mark.parametrize("chart", [SeriesChart(), GasfChart(10, STEP), GasfChart(128, STEP)])
@pytest.mark.parametrize("sigma", [0.005, 0.05, 0.5])
def test_an_observation_tells_each_z_to_about_sigma(chart, sigma) -> None:
    n = getattr(chart, "length", 10)
    z = (normal(100, 1, n) * 0.8 + normal(100, 1, 1) * 0.5).clamp(-3.3, 3.3)
    noise = torch.full((100,), sigma * chart.noise_gain, dtype=torch.float64)
    clean = chart.observe(z)
    noisy = clean + noise.view(-1, 1, 1) * chart.noise(clean, torch.Generator().manual_seed(1))
    likelihood = (chart.coefficients(noisy, noise) @ chart.features(GRID))[:, 0]
    error = (likelihood.softmax(dim=-1) @ GRID - z[:, 0]) / sigma
    assert float(error.std()) == pytest.approx(1, abs=0.12)
    spread = ((likelihood.softmax(dim=-1) * (GRID - z[:, 0, :, None]).square()).sum(-1).mean().sqrt()) / sigma
    assert float(spread) == pytest.approx(math.sqrt(2), abs=0.3)  # the error's variance and the posterior's


def test_the_likelihood_of_a_series_is_normal() -> None:
    chart = SeriesChart()
    observation, sigma = normal(3, 2, 4), torch.tensor([0.1, 1.0, 5.0], dtype=torch.float64)
    likelihood = chart.coefficients(observation, sigma) @ chart.features(GRID)
    exact = -((observation[..., None] - GRID) ** 2) / (2 * sigma.view(-1, 1, 1, 1) ** 2)
    difference = likelihood - exact
    assert (difference - difference[..., :1]).abs().max() < 1e-6  # but for a constant


@pytest.mark.parametrize("chart", [SeriesChart(), GasfChart(6, STEP)])
def test_the_expected_observation_is_the_mean_over_independent_positions(chart) -> None:
    centres = normal(1, 1, 7)[0, 0]
    probabilities = normal(1, 1, 6, 7).softmax(dim=-1)
    expected = chart.expected(probabilities @ chart.moments(centres).T)
    generator = torch.Generator().manual_seed(2)
    drawn = torch.multinomial(probabilities[0, 0], 200_000, replacement=True, generator=generator)  # (6, draws)
    mean = chart.observe(centres[drawn.T][:, None]).mean(dim=0)
    assert (expected[0] - mean).abs().max() < 0.01


@pytest.mark.parametrize("chart", [SeriesChart(), GasfChart(6, STEP)])
def test_of_what_is_known_the_expected_observation_is_the_observation(chart) -> None:
    centres = normal(1, 1, 7)[0, 0]
    classes = torch.tensor([[[0, 3, 3, 6, 1, 2]]])
    means = torch.nn.functional.one_hot(classes, 7).double() @ chart.moments(centres).T
    assert (chart.expected(means) - chart.observe(centres[classes])).abs().max() < 1e-12
