"""The counted prior: how often each label has each code at each position, smoothed; the network learns the rest.

Counts of few traces say little, so they are blended with those of all labels, and where a channel's codes are ordered
quantities (windows of bytes, gaps) with those of near codes and positions. A trace that is learned from must not find
itself in its prior, or the network learns to trust it too far and the model gives its training traces away: in training
every trace is given the prior counted in the other folds (cross-fitting, out-of-fold).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

POOLED = 2.0
"""Traces' worth of the pooled counts of all labels that each label's counts are blended with."""
FEWEST = 1e-7
"""The least probability of a code."""


@dataclass(frozen=True)
class Smoothing:
    """Widths (standard deviations) of the Gaussian kernels over codes and over positions; 0: not smoothed."""

    codes: float
    positions: float


def count_priors(
    codes: Tensor,
    label: Tensor,
    labels: int,
    sizes: Sequence[int],
    smoothing: Sequence[Smoothing],
    ends: Sequence[bool],
) -> list[Tensor]:
    """Log-priors (labels + 1, n, K) of each channel, counted in codes (N, C, n) of labels (N,); last, of all labels.

    Args:
        sizes: K of each channel.
        smoothing: of each channel.
        ends: of each channel, whether the last code means that the trace has ended; it is no neighbour of others.
    """
    return [
        _log_prior(_counts(codes[:, k], label, labels, size), width, end)
        for k, (size, width, end) in enumerate(zip(sizes, smoothing, ends, strict=True))
    ]


def _counts(codes: Tensor, label: Tensor, labels: int, size: int) -> Tensor:
    """(labels, n, K)."""
    n = codes.shape[1]
    position = torch.arange(n, device=codes.device)
    cell = (label[:, None] * n + position) * size + codes
    return torch.bincount(cell.flatten(), minlength=labels * n * size).view(labels, n, size).double()


def _log_prior(counts: Tensor, width: Smoothing, end: bool) -> Tensor:
    if width.codes:
        counts = counts @ _kernel(counts.shape[2], width.codes, end).to(counts)
    if width.positions:
        counts = _kernel(counts.shape[1], width.positions, False).to(counts) @ counts
    pooled = counts.sum(dim=0, keepdim=True) + 0.01
    pooled = pooled / pooled.sum(dim=-1, keepdim=True)
    blended = counts + POOLED * pooled
    shares = torch.cat([blended / blended.sum(dim=-1, keepdim=True), pooled])
    return shares.clamp(min=FEWEST).log().float()


def _kernel(size: int, width: float, end: bool) -> Tensor:
    """(size, size) rows that sum to 1: what a count gives to its neighbours."""
    place = torch.arange(size, dtype=torch.float64)
    kernel = (-((place[:, None] - place) ** 2) / (2 * width**2)).exp()
    if end:
        kernel[-1, :-1] = kernel[:-1, -1] = 0
    return kernel / kernel.sum(dim=1, keepdim=True)
