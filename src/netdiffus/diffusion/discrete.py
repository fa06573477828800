"""The published formulation: a network predicts noise and variance of the steps of a discrete diffusion.

Sources: Ho et al., "Denoising diffusion probabilistic models", NeurIPS 2020 (the process, its posterior, the decoder's
likelihood); Nichol and Dhariwal, "Improved denoising diffusion probabilistic models", ICML 2021 (learned variance, its
weight in the loss); Song et al., "Denoising diffusion implicit models", ICLR 2021 (DDIM). Everything is written for a
batch x (N, C, H, W) with a step k (N,) of a schedule for each image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from netdiffus.diffusion.schedule import Schedule

Answer = Callable[[Tensor, Tensor], Tensor]  # (x_t, original timesteps) → noise and variance (N, 2 C, H, W)
Draw = Callable[[Tensor], Tensor]  # (x) → noise like it

HALF_LEVEL = 1 / 255  # half the distance between two levels of an 8-bit image in [-1, 1]


def look_up(table: Tensor, k: Tensor, x: Tensor) -> Tensor:
    """The table's values at k (N,) in x's type, shaped to be multiplied with x (N, ...)."""
    return table.to(x.device)[k].to(x.dtype).view(-1, *[1] * (x.ndim - 1))


def q_sample(schedule: Schedule, x0: Tensor, k: Tensor, noise: Tensor) -> Tensor:
    """x_k: the image with the noise of step k."""
    alpha_bar = schedule.alphas_cumprod
    return look_up(alpha_bar.sqrt(), k, x0) * x0 + look_up((1 - alpha_bar).sqrt(), k, x0) * noise


def q_posterior_mean(schedule: Schedule, x0: Tensor, x: Tensor, k: Tensor) -> Tensor:
    """The mean of q(x_{k-1} | x_k, x0)."""
    first, second = schedule.posterior_mean_coef1, schedule.posterior_mean_coef2
    return look_up(first, k, x) * x0 + look_up(second, k, x) * x


def x0_of_noise(schedule: Schedule, x: Tensor, k: Tensor, noise: Tensor) -> Tensor:
    """The image behind x_k, given its noise."""
    inverse = 1 / schedule.alphas_cumprod
    return look_up(inverse.sqrt(), k, x) * x - look_up((inverse - 1).sqrt(), k, x) * noise


def noise_of_x0(schedule: Schedule, x: Tensor, k: Tensor, x0: Tensor) -> Tensor:
    """The inverse of `x0_of_noise`."""
    inverse = 1 / schedule.alphas_cumprod
    return (look_up(inverse.sqrt(), k, x) * x - x0) / look_up((inverse - 1).sqrt(), k, x)


@dataclass(frozen=True)
class Reverse:
    """p(x_{k-1} | x_k): a normal distribution per pixel, and the expected image."""

    mean: Tensor
    log_variance: Tensor
    x0: Tensor


def p_mean_variance(schedule: Schedule, answer: Tensor, x: Tensor, k: Tensor, *, clip: bool = True) -> Reverse:
    """The reverse step for a network's output (N, 2 C, H, W): noise, then v in [-1, 1] for the variance.

    v interpolates the log variance between the posterior's (-1) and beta's (1). `clip` clips the expected image to
    [-1, 1]: on in sampling, off in the loss.
    """
    noise, v = answer.chunk(2, dim=1)
    smallest = look_up(schedule.posterior_log_variance_clipped, k, x)
    largest = look_up(schedule.betas.log(), k, x)
    share = (v + 1) / 2
    x0 = x0_of_noise(schedule, x, k, noise)
    x0 = x0.clamp(-1, 1) if clip else x0
    return Reverse(q_posterior_mean(schedule, x0, x, k), share * largest + (1 - share) * smallest, x0)


def p_sample(schedule: Schedule, answer: Tensor, x: Tensor, k: Tensor, noise: Tensor) -> Tensor:
    """x_{k-1} drawn from the reverse step, by the learned variance; no noise at k = 0."""
    reverse = p_mean_variance(schedule, answer, x, k)
    return reverse.mean + _not_last(k, x) * (0.5 * reverse.log_variance).exp() * noise


def ddim_sample(schedule: Schedule, answer: Tensor, x: Tensor, k: Tensor, noise: Tensor, *, eta: float = 0.0) -> Tensor:
    """x_{k-1} by DDIM: deterministic with eta = 0, ancestral with eta = 1 (equation 12)."""
    x0 = p_mean_variance(schedule, answer, x, k).x0
    alpha_bar, before = schedule.alphas_cumprod, schedule.alphas_cumprod_prev
    sigma = eta * ((1 - before) / (1 - alpha_bar) * (1 - alpha_bar / before)).sqrt()
    rest = (1 - before - sigma**2).clamp(min=0).sqrt()  # in float64: a small difference
    mean = look_up(before.sqrt(), k, x) * x0 + look_up(rest, k, x) * noise_of_x0(schedule, x, k, x0)
    return mean + _not_last(k, x) * look_up(sigma, k, x) * noise


def _not_last(k: Tensor, x: Tensor) -> Tensor:
    return (k != 0).to(x.dtype).view(-1, *[1] * (x.ndim - 1))


Step = Callable[[Schedule, Tensor, Tensor, Tensor, Tensor], Tensor]  # (schedule, answer, x, k, noise) → x_{k-1}


def sample(schedule: Schedule, answer: Answer, x: Tensor, draw: Draw, step: Step = p_sample) -> Iterator[Tensor]:
    """From noise x (N, C, H, W) through all steps of a schedule; yields x after each, the last being the result."""
    for number in reversed(range(len(schedule))):
        k = torch.full((len(x),), number, device=x.device)
        x = step(schedule, answer(x, schedule.timesteps.to(x.device)[k]), x, k, draw(x))
        yield x


@dataclass(frozen=True)
class Losses:
    """The loss (N,) of each image and its parts: squared error of the noise, and the variational bound in bits."""

    loss: Tensor
    mse: Tensor
    vb: Tensor


def losses(
    schedule: Schedule, answer: Answer, x0: Tensor, k: Tensor, noise: Tensor, *, rescale: bool = False
) -> Losses:
    """The published training loss: mse + vb, where vb trains only the variance.

    Args:
        x0: (N, C, H, W) clean images in [-1, 1]; k: (N,) steps; noise: like x0.
        rescale: weigh vb by T / 1000, as "rescaled MSE" does.
    """
    x = q_sample(schedule, x0, k, noise)
    out = answer(x, schedule.timesteps.to(x.device)[k])
    guess, v = out.chunk(2, dim=1)
    vb = bound(schedule, torch.cat([guess.detach(), v], dim=1), x0, x, k)
    vb = vb * (len(schedule) / 1000) if rescale else vb
    mse = (noise - guess).square().flatten(1).mean(dim=1)
    return Losses(mse + vb, mse, vb)


def bound(schedule: Schedule, answer: Tensor, x0: Tensor, x: Tensor, k: Tensor) -> Tensor:
    """The term (N,) of the variational bound per image, in bits per pixel: divergence, or the decoder's at k = 0."""
    reverse = p_mean_variance(schedule, answer, x, k, clip=False)
    true_mean = q_posterior_mean(schedule, x0, x, k)
    true_log = look_up(schedule.posterior_log_variance_clipped, k, x)
    divergence = normal_divergence(true_mean, true_log, reverse.mean, reverse.log_variance)
    decoder = -level_log_likelihood(x0, reverse.mean, 0.5 * reverse.log_variance)
    nats = torch.where(k == 0, decoder.flatten(1).mean(dim=1), divergence.flatten(1).mean(dim=1))
    return nats / math.log(2)


def normal_divergence(mean1: Tensor, log1: Tensor, mean2: Tensor, log2: Tensor) -> Tensor:
    """KL(N(mean1, exp log1) || N(mean2, exp log2)) of each pixel, in nats."""
    return 0.5 * (log2 - log1 - 1 + (log1 - log2).exp() + (mean1 - mean2).square() * (-log2).exp())


def level_log_likelihood(x: Tensor, mean: Tensor, log_deviation: Tensor) -> Tensor:
    """log p of each pixel's 8-bit level under a normal distribution (Ho et al., equation 13), in nats.

    The lowest and the highest level include the tails. The normal distribution function is approximated by tanh.
    """
    deviation = log_deviation.exp()
    below_upper = _normal_below((x - mean + HALF_LEVEL) / deviation)
    below_lower = _normal_below((x - mean - HALF_LEVEL) / deviation)
    inside = torch.where(x > 0.999, 1 - below_lower, below_upper - below_lower)
    return torch.where(x < -0.999, below_upper, inside).clamp(min=1e-12).log()


def _normal_below(x: Tensor) -> Tensor:
    return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
