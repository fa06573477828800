"""The counted prior: how often each label has each code at each position; the network learns the rest.

Counts of few traces say little. So the counts of a label and a position are blended with what a shorter context
expects, the more so the more kinds of codes they hold (Witten and Bell, "The zero-frequency problem", IEEE Transactions
on Information Theory 37, 1991): the label at any position, and that with all labels together. Where a channel's codes
are ordered quantities (windows of bytes, gaps), near codes share their counts, and in long traces near positions do.
How far, and how strong the back-off is, is fitted for each channel (prior_fit.py).

A trace that is learned from must not find itself in its prior, or the network learns to trust it too far and the model
gives its training traces away: in training every trace is given the prior counted in the other folds (cross-fitting,
out-of-fold).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from netdiffus.diffusion.workers import Workers, part_of

FLOOR = 0.25
"""Weight of the shorter context where nothing was counted."""
FEWEST = 1e-7
"""The least probability of a code."""


@dataclass(frozen=True)
class PriorSpec:
    """How a channel's prior is made of counts.

    Attributes:
        codes, positions: widths (standard deviations) of the Gaussian kernels over codes and positions; 0: none.
        strength: of the back-off to shorter contexts.
        product: whether the shorter context of a label and a position is both of them, as if they were independent
            given the code, rather than the label alone.
    """

    codes: float = 0.0
    positions: float = 0.0
    strength: float = 2.0
    product: bool = False


@dataclass(frozen=True)
class ChannelCodes:
    """One channel of training traces.

    Attributes:
        codes: (N, n). label: (N,) ids of `labels`. fold: (N,) of each trace.
        size: of the codebook. end: whether its last code means that the trace has ended.
        ordered: whether codes are quantities, whose neighbours are alike.
    """

    codes: Tensor
    label: Tensor
    fold: Tensor
    labels: int
    size: int
    end: bool
    ordered: bool

    def of(self, rows: Tensor | slice) -> ChannelCodes:
        """Some of the traces (N,)."""
        return replace(self, codes=self.codes[rows], label=self.label[rows], fold=self.fold[rows])

    @property
    def counts(self) -> Tensor:
        """(labels, n, size) of the codes."""
        return self.cells.float()

    @property
    def cells(self) -> Tensor:
        """The same as whole numbers."""
        n = self.codes.shape[1]
        cell = (self.label[:, None] * n + torch.arange(n, device=self.codes.device)) * self.size + self.codes
        return torch.bincount(cell.flatten(), minlength=self.labels * n * self.size).view(self.labels, n, -1)

    def counted_by(self, workers: Workers, rows: Tensor) -> Tensor:
        """The counts of the traces marked in `rows` (N,): each worker counts a part of them, and all have the sums."""
        mine = torch.zeros_like(rows)
        mine[part_of(workers)] = rows[part_of(workers)]
        cells = self.of(mine).cells
        workers.total(cells)
        return cells.float()

    def few(self, rows: int) -> ChannelCodes:
        """At most so many rows, of traces spread evenly over the table."""
        return self.of(slice(None, None, math.ceil(self.codes.numel() / rows)))


def log_prior(counts: Tensor, spec: PriorSpec, end: bool) -> Tensor:
    """Log-priors (..., labels + 1, n, K) of counts (..., labels, n, K); last, of all labels.

    Args:
        counts: of codes. spec: of the channel.
        end: whether the last code means that the trace has ended; it is no neighbour of others.
    """
    if spec.codes:
        counts = counts @ _kernel(counts.shape[-1], spec.codes, end).to(counts)
    placed = _kernel(counts.shape[-2], spec.positions, False).to(counts) @ counts if spec.positions else counts
    uniform = torch.full_like(counts[..., 0, 0, :], 1 / counts.shape[-1])
    anywhere = _blended(counts.sum(dim=(-3, -2)), uniform, spec.strength)[..., None, :]
    of_label = _blended(counts.sum(dim=-2), anywhere, spec.strength)[..., None, :]
    of_position = _blended(placed.sum(dim=-3), anywhere, spec.strength)[..., None, :, :]
    shorter = of_label
    if spec.product:
        shorter = of_label * of_position / anywhere[..., None, :]
        shorter = shorter / shorter.sum(dim=-1, keepdim=True)
    given = _blended(placed, shorter, spec.strength)
    return torch.cat([given, of_position], dim=-3).clamp(min=FEWEST).log()


def _blended(counts: Tensor, shorter: Tensor, strength: float) -> Tensor:
    """Shares (..., K) of counts (..., K) with back-off to those of shorter contexts."""
    kinds = counts.clamp(max=1).sum(dim=-1, keepdim=True)  # a code that is counted half is half a kind
    back_off = strength * kinds + FLOOR
    return (counts + back_off * shorter) / (counts.sum(dim=-1, keepdim=True) + back_off)


def _kernel(size: int, width: float, end: bool) -> Tensor:
    """(size, size) rows that sum to 1: what a count gives to its neighbours."""
    place = torch.arange(size, dtype=torch.float64)
    kernel = (-((place[:, None] - place) ** 2) / (2 * width**2)).exp()
    if end:
        kernel[-1, :-1] = kernel[:-1, -1] = 0
    return kernel / kernel.sum(dim=1, keepdim=True)
