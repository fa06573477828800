"""The EDM formulation: noise levels for training and sampling, and the loss.

Source: Karras et al., "Elucidating the design space of diffusion-based generative models", NeurIPS 2022, table 1.
sigma is in units of the chart's series z (unit variance); `chart.noise_gain` carries it over to the image. The loss is
the cross-entropy of the classes: the denoised image that it makes best is the same as squared error's, and it learns
it from fewer traces (docs/results.md, ablation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from netdiffus.diffusion.charts import Chart

Classify = Callable[[Tensor, Tensor, Tensor], Sequence[Tensor]]  # (observation, sigma, label) → logits (B, n, K) each

P_MEAN, P_STD = -1.5, 1.7  # log-normal sigma of the training, for z of unit variance
SIGMA_MIN, SIGMA_MAX, RHO = 0.02, 20.0, 7.0
STRIDE = 0.064


def draw_sigma(count: int, generator: torch.Generator) -> Tensor:
    """(count,) training noise levels of z, ln sigma ~ N(P_MEAN, P_STD^2), one from each of `count` equal shares."""
    device = generator.device
    places = torch.randperm(count, generator=generator, device=device)
    shares = (places + torch.rand(count, generator=generator, device=device)) / count
    sigma: Tensor = (torch.special.ndtri(shares.clamp(1e-4, 1 - 1e-4)) * P_STD + P_MEAN).exp()
    return sigma


def sigmas(steps: int | None = None, high: float = SIGMA_MAX) -> Tensor:
    """(steps + 1,) sampling noise levels of z from `high` down to SIGMA_MIN, then 0 (equation 5).

    Default: as many steps as lie STRIDE apart, in sigma^(1 / RHO).
    """
    top, low = high ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    ramp = torch.linspace(0, 1, steps or 1 + round((top - low) / STRIDE), dtype=torch.float64)
    return torch.cat([(top + ramp * (low - top)) ** RHO, torch.zeros(1, dtype=torch.float64)]).float()


def loss(
    classify: Classify, chart: Chart, z: Tensor, classes: Tensor, label: Tensor, generator: torch.Generator
) -> Tensor:
    """Per sample (B,): nats by position and channel that the noisy observation leaves open.

    z (B, C, n) the centres of the classes (B, C, n), label (B,).
    """
    sigma = draw_sigma(len(z), generator) * chart.noise_gain
    clean = chart.observe(z)
    logits = classify(clean + chart.noise(clean, generator) * sigma.view(-1, 1, 1), sigma, label)
    parts = [
        functional.cross_entropy(part.flatten(0, 1), classes[:, k].flatten(), reduction="none")
        for k, part in enumerate(logits)
    ]
    return torch.stack(parts).mean(dim=0).view(len(z), -1).mean(dim=1)
