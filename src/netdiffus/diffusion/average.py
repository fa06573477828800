"""Averaged weights, with a power-function profile (its width is a fixed share of the training) or an exponential one.

Sources: Karras et al., "Analyzing and improving the training dynamics of diffusion models", CVPR 2024, equation 2;
gamma = 6.94 gives a profile whose width is a tenth of the training so far. The end of the training need not be known.
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
        """Update the average with the tensors after step `step` = 1, 2, ..."""


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
        """Update the average with the tensors after step `step` = 1, 2, ..."""
        _take_in(self.tensors, tensors, 1 - (1 - 1 / step) ** (GAMMA + 1))


class ExponentialAverage:
    """The published average: each step keeps `rate` of it; initial weights fade only after 1 / (1 - rate) steps."""

    def __init__(self, tensors: dict[str, Tensor], rate: float) -> None:
        self.tensors, self.rate = _copies(tensors), rate

    def update(self, tensors: dict[str, Tensor], step: int) -> None:
        """Update the average with the tensors after any step."""
        _take_in(self.tensors, tensors, 1 - self.rate)
