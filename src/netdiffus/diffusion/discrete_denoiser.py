"""A network of the discrete formulation as a denoiser D(image; sigma, label), so that every sampler works on it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from netdiffus.diffusion.guidance import Labelled
from netdiffus.diffusion.schedule import Schedule


def descending_sigmas(schedule: Schedule) -> Tensor:
    """(K + 1,) noise levels of a schedule for the samplers: descending from the noisiest, then 0."""
    return torch.cat([schedule.sigmas.flip(0), schedule.sigmas.new_zeros(1)]).float()


@dataclass(frozen=True)
class DiscreteDenoiser:
    """D(image; sigma, label): the expected clean image in [-1, 1].

    x_t = image / sqrt(1 + sigma^2) is the input of the network, at the step of the schedule whose sigma is nearest.

    Attributes:
        answer: (x_t, original timesteps, label) → noise, with or without a variance after it.
        schedule: that of the training, all T steps.
    """

    answer: Labelled
    schedule: Schedule

    def __call__(self, image: Tensor, sigma: Tensor, label: Tensor) -> Tensor:
        """image (N, C, H, W) with noise sigma (N,), label (N,) → (N, C, H, W)."""
        k = self.step(sigma)
        sigma = sigma.view(-1, 1, 1, 1)
        out = self.answer(image / (1 + sigma**2).sqrt(), self.schedule.timesteps.to(k.device)[k], label)
        return (image - sigma * out[:, : image.shape[1]]).clamp(-1, 1)

    def step(self, sigma: Tensor) -> Tensor:
        """The index (N,) of the step whose sigma is nearest in its logarithm."""
        known = self.schedule.sigmas.log().to(sigma.device)
        return (known - sigma.double().log()[:, None]).abs().argmin(dim=1)
