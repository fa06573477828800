"""Samplers, all with one signature: (denoise, x, sigmas) -> x.

`denoise(x, sigma)` returns the expected clean x for noise sigma (a scalar tensor); `x` starts at noise of sigmas[0];
`sigmas` descends and ends with 0. The stochastic ones draw from `noise(x)`, standard normal noise like x; without it
they use their own generator with seed 0. The deterministic samplers ignore it.

Everything is in the scaling x = x0 + sigma noise. A discrete diffusion's x_t = (x0 + sigma noise) / sqrt(1 + sigma^2)
is the same process, so DDIM and DDPM need no schedule of betas here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

Denoise = Callable[[Tensor, Tensor], Tensor]
Noise = Callable[[Tensor], Tensor]


class Sampler(Protocol):
    """From noise to a sample."""

    def __call__(self, denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise | None = None) -> Tensor: ...


def heun(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise | None = None) -> Tensor:
    """Heun's second-order method on the probability flow ODE (Karras et al. 2022, algorithm 1)."""
    for sigma, after in itertools.pairwise(sigmas):
        slope = (x - denoise(x, sigma)) / sigma
        euler = x + (after - sigma) * slope
        if after > 0:
            slope = (slope + (euler - denoise(euler, after)) / after) / 2
            euler = x + (after - sigma) * slope
        x = euler
    return x


def dpm_solver_pp_2m(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise | None = None) -> Tensor:
    """DPM-Solver++ (2M): second order from the previous step, one evaluation per step (Lu et al. 2022, algorithm 2)."""
    before: Tensor | None = None
    h_before = sigmas.new_zeros(())
    for sigma, after in itertools.pairwise(sigmas):
        clean = denoise(x, sigma)
        h = (sigma / after).log()  # log-SNR step; infinite at the last, where only the first order remains
        blend = clean
        if before is not None and after > 0:
            blend = clean + (clean - before) * h / (2 * h_before)
        x = after / sigma * x + (1 - after / sigma) * blend
        before, h_before = clean, h
    return x


def ddim(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise | None = None) -> Tensor:
    """DDIM without noise: keep the noise of x, scaled to the next level (Song et al. 2021, eta = 0)."""
    for sigma, after in itertools.pairwise(sigmas):
        clean = denoise(x, sigma)
        x = clean + after / sigma * (x - clean)
    return x


def ancestral(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise | None = None) -> Tensor:
    """Euler ancestral: each step draws from the posterior q(x_after | x, x0), with x0 from the denoiser.

    The same as DDIM with eta = 1 and as DDPM with the posterior's variance (Ho et al. 2020, sigma^2 = beta tilde).
    """
    draw = noise or _own_noise(x)
    for sigma, after in itertools.pairwise(sigmas):
        kept = (after / sigma) ** 2
        clean = denoise(x, sigma)
        x = clean + kept * (x - clean)
        if after > 0:
            x = x + after * (1 - kept).sqrt() * draw(x)
    return x


def ddpm(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise | None = None) -> Tensor:
    """DDPM with the forward process's variance (Ho et al. 2020, sigma^2 = beta): noisier, so it needs many steps."""
    draw = noise or _own_noise(x)
    for sigma, after in itertools.pairwise(sigmas):
        clean = denoise(x, sigma)
        x = clean + (after / sigma) ** 2 * (x - clean)
        if after > 0:
            variance = (1 + after**2) * (sigma**2 - after**2) / (1 + sigma**2)
            x = x + variance.sqrt() * draw(x)
    return x


def _own_noise(x: Tensor) -> Noise:
    generator = torch.Generator(x.device).manual_seed(0)
    return lambda x: torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)


SAMPLERS: dict[str, Sampler] = {
    "heun": heun,
    "dpm++2m": dpm_solver_pp_2m,
    "ddim": ddim,
    "ancestral": ancestral,
    "ddpm": ddpm,
}
