"""Random points for traces that are drawn together: each is uniform, and those of like traces are spread evenly.

Traces of one label that begin alike are drawn from nearly the same conditional. Were their points independent, each
code would be drawn more or less often than the model says by chance. Here the traces are sorted by label and what is
drawn of them so far, and the k-th gets the point frac(start + k * golden ratio) of a start drawn uniformly for each
code: so every trace is distributed exactly as if it were drawn alone, and any run of neighbours has points spread
evenly over [0, 1). Sets of traces are then nearer to the model's distribution than independent draws.

Source: L'Ecuyer, Lecot and Tuffin, "A randomized quasi-Monte Carlo simulation method for Markov chains", Operations
Research 56, 2008 (array-RQMC).
"""

from __future__ import annotations

import torch
from torch import Tensor

GOLDEN = 0.6180339887498949


class Stratified:
    """Points for a batch of traces.

    Args:
        label: (B,) ids.
        generator: of the starts.
    """

    def __init__(self, label: Tensor, generator: torch.Generator) -> None:
        self.generator, self.group = generator, label
        self.order = label.argsort(stable=True)

    def next(self) -> Tensor:
        """Points (B,) in [0, 1) for the next code of every trace."""
        count, device = len(self.order), self.order.device
        start = torch.rand(1, generator=self.generator, device=device, dtype=torch.float64)
        spread = (start + torch.arange(count, device=device, dtype=torch.float64) * GOLDEN) % 1
        points = torch.empty_like(spread)
        points[self.order] = spread
        return points.float().clamp(max=1 - 2**-24)

    def split(self, codes: Tensor, size: int) -> None:
        """Sort on by the codes (B,) below `size` that were drawn."""
        self.group = torch.unique(self.group * size + codes, return_inverse=True)[1]
        self.order = self.group.argsort(stable=True)
