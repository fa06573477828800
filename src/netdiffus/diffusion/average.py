"""Averaged weights: a power-function profile, whose width is a fixed share of the training so far, or an exponential.

Sources: Karras et al., "Analyzing and improving the training dynamics of diffusion models", CVPR 2024, equation 2;
gamma = 6.94 gives a profile whose width is a tenth of the training. No knowledge of the training's end is needed.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

GAMMA = 6.94


class Average(Protocol):
    """The running average of named tensors."""

    tensors: dict[str, Tensor]

    def update(self, tensors: dict[str, Tensor], step: int) -> None:
        """Take the tensors after step `step` = 1, 2, ... into the average."""


def _copies(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


@torch.no_grad()
def _take_in(average: dict[str, Tensor], tensors: dict[str, Tensor], weight: float) -> None:
    torch._foreach_lerp_(list(average.values()), [tensors[name].detach() for name in average], weight)


class PowerAverage:
    """The average with a power-function profile."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = _copies(tensors)

    def update(self, tensors: dict[str, Tensor], step: int) -> None:
        """Take the tensors after step `step` = 1, 2, ... into the average."""
        _take_in(self.tensors, tensors, 1 - (1 - 1 / step) ** (GAMMA + 1))


class ExponentialAverage:
    """The published average: each step keeps `rate` of it; the initial weights fade only after 1 / (1 - rate) steps."""

    def __init__(self, tensors: dict[str, Tensor], rate: float) -> None:
        self.tensors, self.rate = _copies(tensors), rate

    def update(self, tensors: dict[str, Tensor], step: int) -> None:
        """Take the tensors after any step into the average."""
        _take_in(self.tensors, tensors, 1 - self.rate)
