"""The EDM formulation: noise levels for training and sampling, and the loss.

Source: Karras et al., "Elucidating the design space of diffusion-based generative models", NeurIPS 2022, table 1.
sigma is in units of the chart's series z (unit variance); `chart.noise_gain` carries it over to the image.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from netdiffus.diffusion.charts import Chart

Denoise = Callable[[Tensor, Tensor, Tensor], Tensor]  # (image, sigma, label) → clean image

P_MEAN, P_STD = -1.0, 1.4  # log-normal sigma of the training, for z of unit variance
SIGMA_MIN, SIGMA_MAX, RHO = 0.002, 60.0, 7.0


def draw_sigma(count: int, generator: torch.Generator) -> Tensor:
    """(count,) training noise levels of z, ln sigma ~ N(P_MEAN, P_STD^2)."""
    return (torch.randn(count, generator=generator, device=generator.device) * P_STD + P_MEAN).exp()


def sigmas(steps: int) -> Tensor:
    """(steps + 1,) sampling noise levels of z from SIGMA_MAX down to SIGMA_MIN, then 0 (equation 5)."""
    ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
    high, low = SIGMA_MAX ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    return torch.cat([(high + ramp * (low - high)) ** RHO, torch.zeros(1, dtype=torch.float64)]).float()


def loss(denoise: Denoise, chart: Chart, z: Tensor, label: Tensor, generator: torch.Generator) -> Tensor:
    """Per sample (B,): squared error of the denoised image, weighted so that every noise level counts alike.

    z (B, C, n) clean series, label (B,). The error is counted in units of z (an image entry moves by `pixel_gain`).
    """
    sigma_z = draw_sigma(len(z), generator)
    sigma = sigma_z * chart.noise_gain
    clean = chart.image(z)
    noisy = clean + chart.noise(z, generator) * sigma.view(-1, *[1] * (clean.ndim - 1))
    weight = (sigma_z**2 + 1) / sigma_z**2
    error = (denoise(noisy, sigma, label) - clean).square().flatten(1).mean(dim=1)
    return weight * error / chart.pixel_gain**2
