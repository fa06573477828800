"""Samplers, all with one signature: (denoise, x, sigmas) -> x.

`denoise(x, sigma)` gives the expected clean x for noise sigma (a scalar tensor); `x` starts at noise of sigmas[0];
`sigmas` descends and ends with 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from torch import Tensor

Sampler = Callable[[Callable[[Tensor, Tensor], Tensor], Tensor, Tensor], Tensor]


def heun(denoise: Callable[[Tensor, Tensor], Tensor], x: Tensor, sigmas: Tensor) -> Tensor:
    """Heun's second-order method on the probability flow ODE (Karras et al. 2022, algorithm 1)."""
    for sigma, after in itertools.pairwise(sigmas):
        slope = (x - denoise(x, sigma)) / sigma
        euler = x + (after - sigma) * slope
        if after > 0:
            slope = (slope + (euler - denoise(euler, after)) / after) / 2
            euler = x + (after - sigma) * slope
        x = euler
    return x


def dpm_solver_pp_2m(denoise: Callable[[Tensor, Tensor], Tensor], x: Tensor, sigmas: Tensor) -> Tensor:
    """DPM-Solver++ (2M): second order from the step before, one evaluation a step (Lu et al. 2022, algorithm 2)."""
    before: Tensor | None = None
    h_before = sigmas.new_zeros(())
    for sigma, after in itertools.pairwise(sigmas):
        clean = denoise(x, sigma)
        h = (sigma / after).log()  # log-SNR step; infinite at the last, where only the first order is left
        blend = clean
        if before is not None and after > 0:
            blend = clean + (clean - before) * h / (2 * h_before)
        x = after / sigma * x + (1 - after / sigma) * blend
        before, h_before = clean, h
    return x


SAMPLERS: dict[str, Sampler] = {"heun": heun, "dpm++2m": dpm_solver_pp_2m}
