"""How latents are noised in training and denoised in sampling: as a base's scheduler says, by diffusers.

Discrete: DDPM (Ho et al. 2020) in training, DDIM (Song et al., ICLR 2021) in sampling, predicting the noise or v
(Salimans and Ho, ICLR 2022). Flow: rectified flow with logit-normal times (Esser et al., ICML 2024).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from netdiffus.errors import InputError

Predict = Callable[[Tensor, Tensor], Tensor]
"""(noisy latents (B, C, h, w), times (B,)) → what the network predicts of them."""


@dataclass(frozen=True)
class Noised:
    """Noised latents, their times (B,), and what is to be predicted of them."""

    latents: Tensor
    time: Tensor
    target: Tensor


class Process(Protocol):
    """A way from latents to noise and back."""

    def noised(self, latents: Tensor, generator: torch.Generator) -> Noised:
        """Latents at random times."""

    def drawn(self, predict: Predict, noise: Tensor, steps: int) -> Tensor:
        """Latents of noise (B, C, h, w), in so many steps."""


class DiscreteProcess:
    """Discrete times, noise or v predicted.

    Args:
        config: of a scheduler of diffusers.
    """

    def __init__(self, config: Any) -> None:
        from diffusers import DDIMScheduler, DDPMScheduler

        config = dict(config)
        kind = config.get("prediction_type", "epsilon")
        if kind not in ("epsilon", "v_prediction"):
            raise InputError("a base that predicts epsilon or v_prediction", repr(kind), "name another --base")
        self._predicts_v = kind == "v_prediction"
        self._training = DDPMScheduler.from_config(config)
        # latents are of any range, so nothing is clipped
        self._sampling = DDIMScheduler.from_config(config | {"clip_sample": False, "set_alpha_to_one": True})

    def noised(self, latents: Tensor, generator: torch.Generator) -> Noised:
        """Latents at uniform times."""
        times = self._training.config.num_train_timesteps
        time = torch.randint(times, (len(latents),), generator=generator, device=latents.device)
        noise = torch.randn(latents.shape, generator=generator, device=latents.device, dtype=latents.dtype)
        target = self._training.get_velocity(latents, noise, time) if self._predicts_v else noise
        return Noised(self._training.add_noise(latents, noise, time), time, target)

    def drawn(self, predict: Predict, noise: Tensor, steps: int) -> Tensor:
        """DDIM without noise of its own."""
        self._sampling.set_timesteps(steps, device=noise.device)
        latents = noise
        for time in self._sampling.timesteps:
            answer = predict(latents, time.expand(len(latents)))
            latents = self._sampling.step(answer, time, latents).prev_sample
        return latents


class FlowProcess:
    """Straight lines from latents to noise."""

    def __init__(self, config: Any) -> None:
        from diffusers import FlowMatchEulerDiscreteScheduler

        self._config = dict(config) | {"use_dynamic_shifting": False}
        self._scheduler = FlowMatchEulerDiscreteScheduler

    def noised(self, latents: Tensor, generator: torch.Generator) -> Noised:
        """Latents at logit-normal times."""
        scheduler = self._scheduler.from_config(self._config)
        count, device = scheduler.config.num_train_timesteps, latents.device
        place = torch.sigmoid(torch.randn(len(latents), generator=generator, device=device))
        index = (place * count).long().clamp(max=count - 1).cpu()
        sigma = scheduler.sigmas[index].to(device, latents.dtype).view(-1, 1, 1, 1)
        noise = torch.randn(latents.shape, generator=generator, device=device, dtype=latents.dtype)
        return Noised((1 - sigma) * latents + sigma * noise, scheduler.timesteps[index].to(device), noise - latents)

    def drawn(self, predict: Predict, noise: Tensor, steps: int) -> Tensor:
        """Euler steps."""
        scheduler = self._scheduler.from_config(self._config)
        scheduler.set_timesteps(steps, device=noise.device)
        latents = noise
        for time in scheduler.timesteps:
            latents = scheduler.step(predict(latents, time.expand(len(latents))), time, latents).prev_sample
        return latents
