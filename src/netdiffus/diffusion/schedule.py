"""The discrete noise schedule: T named betas, the steps kept for sampling, and all tables derived from them.

Sources: linear and cosine betas, strided steps: Nichol and Dhariwal, "Improved denoising diffusion probabilistic
models", ICML 2021, equations 16 and 17 and section 4; posterior: Ho et al., "Denoising diffusion probabilistic
models", NeurIPS 2020, equations 6 and 7. The notation is theirs. All tables are float64: 1 - alpha_bar in float32
loses three digits at small t.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from netdiffus.errors import InputError

LARGEST_BETA = 0.999


def linear_betas(T: int) -> Tensor:
    """(T,) from 1e-4 to 0.02 at T = 1000; scaled by 1000 / T, so that the end is as noisy for any T."""
    return torch.linspace(1e-4, 0.02, T, dtype=torch.float64) * (1000 / T)


def cosine_betas(T: int) -> Tensor:
    """(T,) such that alpha_bar follows a squared cosine; the last is capped at LARGEST_BETA."""

    def alpha_bar(share: float) -> float:
        return math.cos((share + 0.008) / 1.008 * math.pi / 2) ** 2

    betas = [min(1 - alpha_bar((t + 1) / T) / alpha_bar(t / T), LARGEST_BETA) for t in range(T)]
    return torch.tensor(betas, dtype=torch.float64)


BETAS: dict[str, Callable[[int], Tensor]] = {"linear": linear_betas, "cosine": cosine_betas}


def kept_steps(T: int, spacing: str) -> list[int]:
    """The steps, out of T, that a sampler with fewer steps takes, ascending.

    Args:
        spacing: "10,15,20" divides T into three equal sections and spreads 10, 15 and 20 steps over them, both
            ends included; "ddim25" takes the first integer stride from 0 that gives exactly 25 steps.

    Raises:
        InputError: no integer stride gives that number, a section is too short, or the text has another form.
    """
    try:
        if spacing.startswith("ddim"):
            return _whole_stride(T, int(spacing.removeprefix("ddim")))
        counts = [int(part) for part in spacing.split(",")]
    except ValueError:
        raise InputError("steps as '25', '10,15,20' or 'ddim25'", repr(spacing), "correct the steps") from None
    sizes = [T // len(counts) + (index < T % len(counts)) for index in range(len(counts))]
    kept: list[int] = []
    start = 0
    for size, count in zip(sizes, counts, strict=True):
        kept += [start + step for step in _spread(size, count)]
        start += size
    return kept


def _whole_stride(T: int, count: int) -> list[int]:
    for stride in range(1, T):
        if len(range(0, T, stride)) == count:
            return list(range(0, T, stride))
    raise InputError(f"a number of steps that a whole stride takes from {T}", str(count), "ask for another number")


def _spread(size: int, count: int) -> list[int]:
    if not 1 <= count <= size:
        raise InputError(f"between 1 and {size} steps of {size}", str(count), "ask for another number of steps")
    stride = (size - 1) / (count - 1) if count > 1 else 1.0
    kept, position = [], 0.0
    for _ in range(count):
        kept.append(round(position))  # half to even
        position += stride  # accumulated, as in the reference: the last bits decide a tie
    return kept


@dataclass(frozen=True)
class Schedule:
    """The tables of a diffusion with K steps; index k runs from the cleanest, 0, to the noisiest, K - 1.

    Attributes:
        timesteps: (K,) int64, the original index of each step, the input of the network.
        betas, alphas_cumprod, alphas_cumprod_prev: (K,).
        posterior_variance, posterior_log_variance_clipped, posterior_mean_coef1, posterior_mean_coef2: (K,), of
            q(x_{k-1} | x_k, x0); the variance at 0 is 0, so its logarithm repeats that at 1.
    """

    timesteps: Tensor
    betas: Tensor
    alphas_cumprod: Tensor
    alphas_cumprod_prev: Tensor
    posterior_variance: Tensor
    posterior_log_variance_clipped: Tensor
    posterior_mean_coef1: Tensor
    posterior_mean_coef2: Tensor

    @classmethod
    def named(cls, name: str, T: int, spacing: str | None = None) -> Schedule:
        """The schedule of named betas; `spacing` as in `kept_steps`, None keeps all T.

        Raises:
            InputError: the name or the spacing is unknown, or so few steps that a single one removes all noise.
        """
        if name not in BETAS:
            raise InputError(f"a schedule among {', '.join(BETAS)}", repr(name), "name one of those")
        betas = BETAS[name](T)
        if not bool((betas < 1).all()):
            raise InputError(f"more steps of the {name} schedule, whose noise is all at once", str(T), "raise --steps")
        kept = torch.tensor(kept_steps(T, spacing) if spacing else range(T))
        return cls.of(torch.cumprod(1 - betas, 0)[kept], kept)

    @classmethod
    def of(cls, alphas_cumprod: Tensor, timesteps: Tensor) -> Schedule:
        """The tables for the products alpha_bar (K,) of the kept steps."""
        before = torch.cat([alphas_cumprod.new_ones(1), alphas_cumprod[:-1]])
        betas = 1 - alphas_cumprod / before
        alphas_cumprod = torch.cumprod(1 - betas, 0)
        before = torch.cat([alphas_cumprod.new_ones(1), alphas_cumprod[:-1]])
        variance = betas * (1 - before) / (1 - alphas_cumprod)
        clipped = torch.cat([variance[1:2], variance[1:]]) if len(variance) > 1 else betas
        return cls(
            timesteps=timesteps,
            betas=betas,
            alphas_cumprod=alphas_cumprod,
            alphas_cumprod_prev=before,
            posterior_variance=variance,
            posterior_log_variance_clipped=clipped.log(),
            posterior_mean_coef1=betas * before.sqrt() / (1 - alphas_cumprod),
            posterior_mean_coef2=(1 - before) * (1 - betas).sqrt() / (1 - alphas_cumprod),
        )

    @property
    def sigmas(self) -> Tensor:
        """(K,) the noise of each step in units of the image: x_k / sqrt(alpha_bar_k) = x0 + sigma_k noise."""
        return ((1 - self.alphas_cumprod) / self.alphas_cumprod).sqrt()

    def __len__(self) -> int:
        return len(self.betas)
