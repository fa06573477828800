"""Averaged weights with a power-function profile: the average always spans the same share of the training so far.

Source: Karras et al., "Analyzing and improving the training dynamics of diffusion models", CVPR 2024, equation 2;
gamma = 6.94 gives a profile whose width is a tenth of the training. No knowledge of the training's end is needed.
"""

from __future__ import annotations

import torch
from torch import Tensor

GAMMA = 6.94


class PowerAverage:
    """The running average of named tensors."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}

    @torch.no_grad()
    def update(self, tensors: dict[str, Tensor], step: int) -> None:
        """Take the tensors after step `step` = 1, 2, ... into the average."""
        keep = (1 - 1 / step) ** (GAMMA + 1)
        torch._foreach_lerp_(list(self.tensors.values()), [tensors[name].detach() for name in self.tensors], 1 - keep)
