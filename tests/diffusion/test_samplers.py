"""Samplers against the exact posterior over a handful of points: no training, known answers."""

import math

import pytest
import torch

from netdiffus.diffusion import edm
from netdiffus.diffusion.samplers import SAMPLERS

POINTS = torch.tensor([[-1.0, 2.0], [1.5, 0.5], [0.0, -1.5]], dtype=torch.float64)


def ideal(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """E[x0 | x] when x0 is one of POINTS with equal probability."""
    distance = ((x[:, None] - POINTS) ** 2).sum(-1)
    return torch.softmax(-distance / (2 * sigma**2), dim=1) @ POINTS


def gaussian(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """E[x0 | x] when x0 ~ N(0, 1); the flow then takes x at sigma to x * sqrt((1 + s^2) / (1 + sigma^2)) at s."""
    return x / (1 + sigma**2)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_draw_ends_at_a_point_and_all_points_are_drawn_alike(name) -> None:
    sigmas = edm.sigmas(40).double()
    noise = torch.randn(3000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * sigmas[0]
    drawn = SAMPLERS[name](ideal, noise, sigmas)
    distance = ((drawn[:, None] - POINTS) ** 2).sum(-1)
    assert distance.min(dim=1).values.max() < 1e-6
    shares = torch.bincount(distance.argmin(dim=1), minlength=3) / 3000
    assert (shares - 1 / 3).abs().max() < 4 * math.sqrt(2 / 9 / 3000)


@pytest.mark.parametrize("name", SAMPLERS)
def test_second_order(name) -> None:
    x = torch.linspace(-100, 100, 11, dtype=torch.float64)[:, None]

    def error(steps: int) -> float:
        sigmas = edm.sigmas(steps).double()
        exact = x / (1 + sigmas[0] ** 2).sqrt()
        return float((SAMPLERS[name](gaussian, x, sigmas) - exact).abs().max() / exact.abs().max())

    assert error(64) < error(32) / 3
    assert error(18) < 0.05


def test_sigmas_descend_to_zero() -> None:
    sigmas = edm.sigmas(18)
    assert sigmas[0] == pytest.approx(edm.SIGMA_MAX)
    assert sigmas[-2] == pytest.approx(edm.SIGMA_MIN, rel=1e-5)
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()


def test_training_sigmas_are_log_normal() -> None:
    logs = edm.draw_sigma(200_000, torch.Generator().manual_seed(0)).log()
    assert float(logs.mean()) == pytest.approx(edm.P_MEAN, abs=0.02)
    assert float(logs.std()) == pytest.approx(edm.P_STD, abs=0.02)
