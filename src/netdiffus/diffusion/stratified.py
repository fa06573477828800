"""Random points for traces that are drawn together: each is uniform, and those of traces that begin alike are spread.

Traces of one label with the same codes so far are drawn from the same conditional. Were their points independent, each
code would be drawn more or less often than the model says by chance. Here m such traces get a point each from [0, 1/m),
[1/m, 2/m) and so on, in random order (systematic sampling): every trace is distributed exactly as if it were drawn
alone, and codes occur among the m as often as the model says, to within one. Which trace gets which is drawn anew for
each code. Were it not, the points of a trace at one row would foretell those at the next, the same way in all traces
of a set, and a detector would see that.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Stratified:
    """Points for a batch of traces.

    Args:
        label: (B,) ids.
        generator: of every point.

    Attributes:
        group: (B,) numbers from 0 without gaps: traces with the same number are of one label and have begun alike.
    """

    def __init__(self, label: Tensor, generator: torch.Generator) -> None:
        self.generator = generator
        self.group: Tensor = torch.unique(label, return_inverse=True)[1]

    def next(self) -> Tensor:
        """Points (B,) in [0, 1) for the next code of every trace."""
        count, device = len(self.group), self.group.device
        size = torch.bincount(self.group)
        shuffled = torch.randperm(count, generator=self.generator, device=device)
        order = shuffled[self.group[shuffled].argsort(stable=True)]
        group = self.group[order]
        place = torch.arange(count, device=device) - (size.cumsum(0) - size)[group]
        shift = torch.rand(len(size), generator=self.generator, device=device, dtype=torch.float64)[group]
        points = torch.empty(count, device=device, dtype=torch.float64)
        points[order] = (place + shift) / size[group]
        return points.float().clamp(max=1 - 2**-24)

    def split(self, codes: Tensor, size: int) -> None:
        """Part the groups by the codes (B,) below `size` that were drawn."""
        self.group = torch.unique(self.group * size + codes, return_inverse=True)[1]
