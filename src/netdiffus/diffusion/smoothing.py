"""How few counts become probabilities (components.py): what they are smoothed by, and how far.

In three stages, each worth some occurrences of the one before: all labels, the label, a band of its positions. A
component tilts these towards the classes near those it has seen, and counts its own on top.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netdiffus.diffusion.mixture import TINY

OWN_POSITIONS, BANDS = 16, 8  # the first so many have counts of their own; later ones share them, 8 bands an octave
UNSEEN = 0.1  # occurrences that a class is granted in a place where training has none
BAND_TRUST = 60.0  # occurrences that a label's counts are worth in a band, and those of all labels in a label


@dataclass(frozen=True)
class Smoothing:
    """How far a component's few counts are believed.

    Attributes:
        trust: occurrences that the tilted coarser counts are worth.
        near: deviation of the kernel that finds classes near those seen, as a share of all.
        pull: occurrences, before the kernel, that hold the tilt back.
    """

    trust: float
    near: float
    pull: float


SPREADS = ((1 / 96, 1.0), (1 / 32, 1.0), (1 / 16, 2.0))  # near, pull
FIRST_SMOOTHING = Smoothing(20.0, 1 / 32, 1.0)  # while components are sought, and others are compared with it


def bands(length: int) -> Tensor:
    """(n,) the band of each position, from 0."""
    position = torch.arange(length)
    octave = torch.log2(position.clamp(min=OWN_POSITIONS) / OWN_POSITIONS)
    later = OWN_POSITIONS + (octave * BANDS).floor().long()
    return torch.where(position < OWN_POSITIONS, position, later)


def band_prior(classes: Tensor, label: Tensor, labels: int, size: int, trust: float = BAND_TRUST) -> Tensor:
    """p (labels + 1, bands, K) of one channel's classes (N, n) for labels (N,); the last row is for no label.

    Counts of a band are smoothed by the label's over all positions, worth `trust` occurrences, and those by the
    counts of all labels.
    """
    band = bands(classes.shape[1]).to(classes.device)
    B = int(band[-1]) + 1
    where = (label[:, None] * B + band) * size + classes
    counts = torch.bincount(where.flatten(), minlength=labels * B * size).view(labels, B, size).double()
    counts = torch.cat([counts, counts.sum(dim=0, keepdim=True)])
    everyone = counts[-1].sum(dim=0) + UNSEEN
    prior = everyone / everyone.sum()
    of_label = counts.sum(dim=1, keepdim=True)
    prior = (of_label + trust * prior) / (of_label.sum(-1, keepdim=True) + trust)
    prior = (counts + trust * prior) / (counts.sum(-1, keepdim=True) + trust)
    return prior.float()


def nearness(size: int, near: float, device: torch.device) -> Tensor:
    """(K, K) how near classes are, by their ranks; rows sum to 1."""
    rank = torch.arange(size, device=device)
    found = torch.softmax(-(((rank[:, None] - rank) / max(1.0, near * size)) ** 2) / 2, dim=-1)
    return found.masked_fill_(found < TINY, 0.0)  # numbers near the smallest that float32 knows take ten times as long


def smoothed_table(
    classes: Tensor, share: Tensor, prior: Tensor, smoothing: Smoothing | None, *, present: bool = False
) -> Tensor:
    """p (M, n, K) of one channel's classes (N, n), whose traces' shares of the components are (N, M).

    With `present` the last class is not counted, and 1.
    """
    M = share.shape[1]
    if present:
        prior = prior[:, :-1] / prior[:, :-1].sum(dim=-1, keepdim=True)
    table = prior.expand(M, *prior.shape) if smoothing is None else _smoothed(classes, share, prior, smoothing)
    return nn.functional.pad(table, (0, 1), value=1.0) if present else table


def _smoothed(classes: Tensor, share: Tensor, prior: Tensor, smoothing: Smoothing) -> Tensor:
    """p (M, n, K) of counts, those of the prior's classes alone."""
    N, M, n, K = *share.shape, *prior.shape
    kernel = nearness(K, smoothing.near, prior.device)
    counts = torch.zeros(n * (K + 1), M, device=share.device)
    where = torch.arange(n, device=classes.device) * (K + 1) + classes.clamp(max=K)
    counts.index_add_(0, where.flatten(), share[:, None].expand(N, n, M).reshape(N * n, M))
    counts = counts.T.reshape(M, n, K + 1)[..., :K]
    tilted = prior * ((counts + smoothing.pull * prior) @ kernel) / (prior @ kernel)
    tilted = tilted / tilted.sum(dim=-1, keepdim=True)
    return (counts + smoothing.trust * tilted) / (counts.sum(dim=-1, keepdim=True) + smoothing.trust)
