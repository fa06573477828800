"""Dropout whose mask is drawn byte by byte."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEVELS = 256


class Dropout(nn.Module):
    """In training leaves out `share` of the values at random, and scales the others up; the share is of 1 / 256ths.

    torch's own draws a Bernoulli number for each value, which takes a tenth of a training step on a CPU; here a random
    word decides on eight.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.out = round(share * LEVELS)

    def forward(self, x: Tensor) -> Tensor:
        """A tensor of any shape, by torch's random state."""
        if not (self.training and self.out):
            return x
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.out
        return x * kept.to(x.dtype).mul_(LEVELS / (LEVELS - self.out))
