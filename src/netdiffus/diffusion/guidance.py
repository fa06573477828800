"""Classifier-free guidance: extrapolates from the unconditional to the conditional prediction.

Source: Ho and Salimans, "Classifier-free diffusion guidance", 2022, equation 6; the weight here is their 1 + w, so
1 is the plain conditional model. It requires a network that was trained with some labels replaced by the null label.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Labelled = Callable[[Tensor, Tensor, Tensor], Tensor]  # (x, noise level, label) → answer


def guided_noise(answer: Labelled, null: int, weight: float) -> Labelled:
    """Outputs (N, 2 C, H, W) whose noise is extrapolated by `weight` from the null label's to the label's.

    The other half, the variance, is the label's.
    """
    if weight == 1:
        return answer

    def pushed(x: Tensor, level: Tensor, label: Tensor) -> Tensor:
        without, _ = answer(x, level, torch.full_like(label, null)).chunk(2, dim=1)
        noise, v = answer(x, level, label).chunk(2, dim=1)
        return torch.cat([without + weight * (noise - without), v], dim=1)

    return pushed
