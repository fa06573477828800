"""Sampling: a model's network draws images of given labels, by the sampler, steps and guidance that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from netdiffus.diffusion import discrete
from netdiffus.diffusion.causal import CausalDenoiser
from netdiffus.diffusion.discrete_denoiser import DiscreteDenoiser, descending_sigmas
from netdiffus.diffusion.forcing import Rows
from netdiffus.diffusion.guidance import Labelled, guided_noise
from netdiffus.diffusion.samplers import SAMPLERS
from netdiffus.diffusion.schedule import Schedule
from netdiffus.diffusion.staircase import STEPS, Drawing, Guidance
from netdiffus.diffusion.unet import UNet
from netdiffus.errors import InputError
from netdiffus.models.network import SCHEDULE

LEARNED = "learned"  # the published loop: ancestral steps with the variance that the U-Net learned
UNET_BUDGET = 8  # a U-Net's layers are so much larger than its images that batches must be smaller


@dataclass(frozen=True)
class Sampling:
    """How to draw; None: as is best for the model.

    Attributes:
        sampler: of the published model.
        steps: noise levels; of the causal denoiser for a window of more than one row.
        guidance: weight; 1: the conditional model as it is.
        window: rows of the causal denoiser that are noisy at once.
    """

    sampler: str | None = None
    steps: int | None = None
    guidance: float | None = None
    window: int | None = None


@dataclass(frozen=True)
class Beginning:
    """What traces begin with: codes (B, C, k) of their first rows, and (B, C, j) of the coarse rows they settle."""

    known: Tensor
    coarse: Tensor | None


Draw = Callable[[Tensor, torch.Generator], Tensor]  # (labels (B,), generator) → images (B, C, n, n)
DrawCodes = Callable[[Tensor, torch.Generator, Beginning | None], Tensor]  # → codes (B, C, n)


def guidance_weight(config: Mapping[str, Any], asked: float | None) -> float:
    """The weight that is asked for, or the model's own.

    Raises:
        InputError: guidance for a model that was trained with every label.
    """
    if config.get("label_dropout"):
        return config.get("guidance", 1.0) if asked is None else asked
    if asked is not None and asked != 1:
        raise InputError(
            "a model trained with --label-dropout for --guidance", "one without", "train such a model, or leave it out"
        )
    return 1.0


def causal_sampling(
    network: CausalDenoiser, rows: Rows, config: Mapping[str, Any], how: Sampling, null: int
) -> DrawCodes:
    """What draws codes with a causal denoiser.

    Args:
        config: of the model.
        null: the id that stands for no label.

    Raises:
        InputError: guidance for a model that was trained with every label, a sampler, or steps without a window.
    """
    if how.sampler is not None:
        raise InputError(
            "--sampler for a published model (netdiffus, netdiffus2)", f"{how.sampler!r} for one that draws row by row",
            "leave it out; --window and --sampling-steps say how rows are drawn",
        )  # fmt: skip
    weight = guidance_weight(config, how.guidance)
    guidance = None if weight == 1 else Guidance(weight, null)
    window, steps = how.window or 1, how.steps or STEPS
    if how.steps is not None and window == 1:
        raise InputError(
            "--window of 2 or more for --sampling-steps", "rows that are drawn one at a time, without noise",
            "name a window, or leave it out",
        )  # fmt: skip

    def draw(label: Tensor, generator: torch.Generator, beginning: Beginning | None) -> Tensor:
        drawing = Drawing(network, rows, label, generator, guidance)
        if beginning is None:
            return drawing.draw(window, steps)
        return drawing.draw(window, steps, beginning.known, beginning.coarse)

    return draw


def unet_sampling(network: UNet, config: Mapping[str, Any], length: int, how: Sampling, null: int) -> Draw:
    """What draws images with a U-Net.

    Args:
        config: of the model.
        length: of its images.
        null: the id that stands for no label.

    Raises:
        InputError: guidance for a model that was trained with every label, a sampler that there is not, a window, or
            more steps than the model has.
    """
    weight = guidance_weight(config, how.guidance)
    if how.window is not None:
        raise InputError("a model that draws row by row for --window", "a published one", "leave it out")
    name, T = how.sampler or LEARNED, config["timesteps"]
    if name not in (LEARNED, *SAMPLERS):
        known = ", ".join([LEARNED, *SAMPLERS])
        raise InputError(f"a sampler among {known}", repr(name), "name one of those with --sampler")
    kind = config.get("schedule", SCHEDULE)
    schedule = Schedule.named(kind, T, None if how.steps is None else str(how.steps))
    answer: Labelled = guided_noise(network, null, weight)
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
