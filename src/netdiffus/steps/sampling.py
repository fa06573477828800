"""Sampling: a model's network draws images of given labels, by the sampler, steps and guidance that were asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from netdiffus.diffusion import discrete, edm
from netdiffus.diffusion.discrete_denoiser import DiscreteDenoiser, descending_sigmas
from netdiffus.diffusion.guidance import Labelled, guided, guided_noise
from netdiffus.diffusion.rows import RowDenoiser, draw_classes
from netdiffus.diffusion.samplers import SAMPLERS
from netdiffus.diffusion.schedule import Schedule
from netdiffus.diffusion.unet import UNet
from netdiffus.errors import InputError
from netdiffus.steps.network import SCHEDULE, Network

ROW_SAMPLER = "dpm++2m"  # docs/results.md has others
LEARNED = "learned"  # the published loop: ancestral steps with the variance that the U-Net learned
UNET_BUDGET = 8  # a U-Net's layers are so much larger than its images that batches must be smaller


@dataclass(frozen=True)
class Sampling:
    """How to draw; None: as is best for the model."""

    sampler: str | None
    steps: int | None
    guidance: float


Draw = Callable[[Tensor, torch.Generator], Tensor]  # (labels (B,), generator) → classes (B, C, n), or images


def sampling(network: Network, config: dict[str, Any], length: int, how: Sampling, null: int) -> Draw:
    """What draws with a network: classes with the row denoiser, images with a U-Net.

    Args:
        config: of the model.
        length: of its images.
        null: the id that stands for no label.

    Raises:
        InputError: guidance for a model that was trained with every label, a sampler that there is not, or more steps
            than the model has.
    """
    if how.guidance != 1 and not config.get("label_dropout"):
        raise InputError(
            "a model trained with --label-dropout for --guidance", "one without", "train such a model, or leave it out"
        )
    if isinstance(network, UNet):
        return _of_unet(network, config, length, how, null)
    return _of_rows(network, how, null)


def _check_sampler(name: str, known: list[str]) -> None:
    if name not in known:
        raise InputError(f"a sampler among {', '.join(known)}", repr(name), "name one of those with --sampler")


def _of_rows(network: RowDenoiser, how: Sampling, null: int) -> Draw:
    if network.untrained and how.sampler is None and how.steps is None and how.guidance == 1:
        return network.mixture.sample  # which an untrained network answers with, too: exactly, and at once
    name = how.sampler or ROW_SAMPLER
    _check_sampler(name, list(SAMPLERS))
    chart, classify = network.chart, guided(network, null, how.guidance)
    # from the last level classes are drawn
    sigmas = edm.sigmas(how.steps, network.first_sigma)[:-1] * chart.noise_gain

    def draw(label: Tensor, generator: torch.Generator) -> Tensor:
        levels = sigmas.to(label.device)

        def logits(x: Tensor, sigma: Tensor) -> tuple[Tensor, ...]:
            return classify(x, sigma.expand(len(label)), label)

        x = SAMPLERS[name](
            lambda x, sigma: network.expected(logits(x, sigma)),
            network.first(levels[0], label, generator),
            levels,
            lambda x: chart.noise(x, generator),
        )
        return draw_classes(logits(x, levels[-1]), generator)

    return draw


def _of_unet(network: UNet, config: dict[str, Any], length: int, how: Sampling, null: int) -> Draw:
    name, T = how.sampler or LEARNED, config["timesteps"]
    _check_sampler(name, [LEARNED, *SAMPLERS])
    kind = config.get("schedule", SCHEDULE)
    schedule = Schedule.named(kind, T, None if how.steps is None else str(how.steps))
    answer: Labelled = guided_noise(network, null, how.guidance)
    denoise = DiscreteDenoiser(answer, Schedule.named(kind, T))

    def draw(label: Tensor, generator: torch.Generator) -> Tensor:
        def noise(x: Tensor) -> Tensor:
            return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)

        start = noise(torch.empty(len(label), network.shape.channels_in, length, length, device=label.device))
        if name == LEARNED:
            for x in discrete.sample(schedule, lambda x, t: answer(x, t, label), start, noise):
                image = x
            return image
        levels = descending_sigmas(schedule).to(label.device)
        return SAMPLERS[name](
            lambda x, sigma: denoise(x, sigma.expand(len(label)), label),
            start * (1 + levels[0] ** 2).sqrt(),
            levels,
            noise,
        )

    return draw
