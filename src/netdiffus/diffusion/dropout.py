"""Dropout with a mask of random bytes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEVELS = 256


class Dropout(nn.Module):
    """In training, zeroes a random `share` of the values, in steps of 1/256, and scales the others up.

    torch's own draws a Bernoulli variable per value, which takes a tenth of a training step on a CPU; here a random
    word decides on eight values.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.out = round(share * LEVELS)

    def forward(self, x: Tensor) -> Tensor:
        """A tensor of any shape; uses torch's global RNG."""
        if not (self.training and self.out):
            return x
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.out
        return x * kept.to(x.dtype).mul_(LEVELS / (LEVELS - self.out))
