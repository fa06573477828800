"""Finding a mixture (mixture.py) in training traces: components, counts and how far to smooth them.

How much a component is smoothed (smoothing.py) is what makes training traces likeliest that were not counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor, nn

from netdiffus.diffusion.mixture import TINY, Mixture, evidence_of, lengths_of
from netdiffus.diffusion.smoothing import FIRST_SMOOTHING, SPREADS, Smoothing, band_prior, bands, smoothed_table

ENOUGH = 20  # traces of a label for each position: from so many the network learns more than components hold
SWEEPS = 5  # of expectation and maximisation
MOST_TRACES = 4096  # of a label, that its components are found in


@dataclass(frozen=True)
class Grain:
    """How finely a label's traces are told apart.

    Attributes:
        most: components of a label at most.
        traces: of a component, on average.
        fewest: traces of a component, two at least: no trace has one of its own.
        trusts: those of smoothings to choose from, and their spreads, each near and pull.
    """

    most: int
    traces: int
    fewest: int
    trusts: tuple[float, ...]
    spreads: tuple[tuple[float, float], ...] = SPREADS


COARSE = Grain(32, 10, 5, (5.0, 20.0, 60.0, 200.0))
FINE = Grain(128, 5, 3, (5.0,))  # for traces in groups: folds of groups know nothing of how alike those of one are
OF_COPIES = replace(FINE, spreads=SPREADS[:1])  # what copies lack folds of their originals cannot tell


def fit_mixtures(
    classes: Tensor,
    label: Tensor,
    labels: int,
    centres: Sequence[Tensor],
    fold: Tensor,
    absent: Sequence[bool] = (),
    most: int | None = None,
    *,
    grain: Grain = COARSE,
    hidden: bool = False,
) -> tuple[Mixture, Mixture]:
    """The mixtures of training classes (N, C, n), whose centres are z (K,) of each channel: of all, and by folds (N,).

    A label has at most `most` components, or as many as the grain says. Where labels have ENOUGH traces they have one
    each: the network then learns more than components hold, and starts from less (docs/results.md). One is of the
    coarser counts, in all folds.

    `absent` says of each channel whether its last class is absence; those absent from a trace's end on, and only
    there, share a length.

    A mixture has a group for each of `labels`, and with `hidden` one more of all traces, for no label. By folds group
    `f * (labels + hidden) + label` has not seen fold f: were the network trained beside a mixture that has counted the
    very traces it is shown, it would learn to believe it too much. The smoothing is the one under which the folds are
    likeliest: the grain's spreads are tried first, then its trusts.
    """
    ending = ending_channels(classes, [len(z) for z in centres], absent)
    if most is None:
        most = 1 if len(classes) >= ENOUGH * labels * classes.shape[2] else grain.most
    grain = replace(grain, most=most)
    if most == 1:
        plain = find_groups(classes, label, labels, centres, ending, grain, hidden=hidden)
        folds = [group for _ in range(int(fold.max()) + 1) for group in plain]
        return count_mixture(plain, None), count_mixture(folds, None, persistent=False)
    apart = [
        group
        for f in range(int(fold.max()) + 1)
        for group in find_groups(classes[fold != f], label[fold != f], labels, centres, ending, grain, hidden=hidden)
    ]
    place = label + (labels + hidden) * fold

    @cache
    def likelihood(smoothing: Smoothing) -> float:
        found = count_mixture(apart, smoothing, persistent=False)
        return float(found.log_likelihood(classes, place).double().mean())

    best = _best([replace(FIRST_SMOOTHING, near=near, pull=pull) for near, pull in grain.spreads], likelihood)
    best = _best([replace(best, trust=trust) for trust in grain.trusts], likelihood)
    whole = find_groups(classes, label, labels, centres, ending, grain, hidden=hidden)
    return count_mixture(whole, best), count_mixture(apart, best, persistent=False)


def _best(smoothings: Sequence[Smoothing], likelihood: Callable[[Smoothing], float]) -> Smoothing:
    return smoothings[0] if len(smoothings) == 1 else max(smoothings, key=likelihood)


def ending_channels(classes: Tensor, sizes: Sequence[int], absent: Sequence[bool]) -> list[int]:
    """The channels that are present up to a trace's end, absent after it, and end together."""
    position, first = torch.arange(classes.shape[2], device=classes.device), None
    found: list[int] = []
    for k in [k for k, known in enumerate(absent) if known]:
        present = classes[:, k] != sizes[k] - 1
        length = lengths_of(classes[:, k], sizes[k])
        whole = torch.equal(present, position < length[:, None])
        if whole and (first is None or torch.equal(length, first)):
            first = length
            found.append(k)
    return found


@dataclass(frozen=True)
class Group:
    """A label's traces and their shares of its components.

    Attributes:
        classes: (N, C, n). share: (N, M). priors: p (n, K) of each channel, what counts are smoothed by.
        ending: channels that end together. lengths: (N,) of the traces, and their prior (1, n + 1), if there are such.
    """

    classes: Tensor
    share: Tensor
    priors: list[Tensor]
    ending: list[int]
    lengths: Tensor
    length_prior: Tensor

    def weight(self) -> Tensor:
        """(M,) shares of the components, none of them 0."""
        return (self.share.sum(dim=0) + 1) / (len(self.classes) + self.share.shape[1])

    def tables(self, smoothing: Smoothing | None) -> list[Tensor]:
        """p (M, n, K) of each channel; where it ends, of what is present, and 1 for absence."""
        return [
            smoothed_table(self.classes[:, k], self.share, prior, smoothing, present=k in self.ending)
            for k, prior in enumerate(self.priors)
        ]

    def length(self, smoothing: Smoothing | None) -> Tensor:
        """p (M, n + 1) of the trace's length."""
        return smoothed_table(self.lengths[:, None], self.share, self.length_prior, smoothing)[:, 0]

    def better(self) -> Group:
        """Expectation and maximisation, once."""
        found = self.weight().log() + self.length(FIRST_SMOOTHING).log()[:, self.lengths].T
        for k, table in enumerate(self.tables(FIRST_SMOOTHING)):
            found = found + evidence_of(self.classes[:, k], table)
        return replace(self, share=found.softmax(dim=-1))

    def without_few(self, fewest: int) -> Group:
        """Without the components of fewer traces than that, which go to the others; one stays in any case."""
        group = self
        while group.share.shape[1] > 1 and (sizes := group.share.sum(dim=0)).min() < fewest:
            kept = sizes >= min(fewest, float(sizes.max()))
            share = group.share[:, kept] + TINY * sizes[kept]  # those of a lost one: as large as the others are
            group = replace(group, share=share / share.sum(dim=1, keepdim=True)).better()
        return group


def find_groups(
    classes: Tensor,
    label: Tensor,
    labels: int,
    centres: Sequence[Tensor],
    ending: Sequence[int] = (),
    grain: Grain = COARSE,
    *,
    hidden: bool = False,
) -> list[Group]:
    """The components of each label, and with `hidden` those of all traces."""
    centres, n = [z.to(classes.device) for z in centres], classes.shape[2]
    priors = [band_prior(classes[:, k], label, labels, len(z)) for k, z in enumerate(centres)]
    lengths = torch.full_like(label, n)
    if ending:
        lengths = lengths_of(classes[:, ending[0]], len(centres[ending[0]]))
    of_length = band_prior(lengths[:, None], label, labels, n + 1)
    band, groups = bands(n), []
    for g in range(labels + hidden):
        rows = torch.arange(len(label), device=label.device) if g == labels else torch.nonzero(label == g)[:, 0]
        rows = rows[:: math.ceil(len(rows) / MOST_TRACES) or 1]
        mine = classes[rows]
        share = _clusters(mine, centres, grain)
        group = Group(mine, share, [prior[g][band] for prior in priors], list(ending), lengths[rows], of_length[g])
        for _ in range(SWEEPS if share.shape[1] > 1 else 0):
            group = group.better()
        groups.append(group.without_few(grain.fewest))
    return groups


def count_mixture(groups: Sequence[Group], smoothing: Smoothing | None, *, persistent: bool = True) -> Mixture:
    """The mixture of groups whose components were found; without smoothing of one each, the coarser counts."""
    tables = zip(*[group.tables(smoothing) for group in groups], strict=True)
    sizes = [0, *(group.share.shape[1] for group in groups)]
    return Mixture(
        torch.cat([group.weight() for group in groups]).log(),
        [torch.cat(parts).log() for parts in tables],
        torch.cat([group.length(smoothing) for group in groups]).log(),
        torch.tensor(sizes).cumsum(0),
        torch.tensor(groups[0].ending, dtype=torch.int64),
        persistent=persistent,
    )


def _clusters(classes: Tensor, centres: Sequence[Tensor], grain: Grain) -> Tensor:
    """Shares (N, M) to begin with: clusters of the traces' z."""
    z = torch.cat([centre[classes[:, k]] for k, centre in enumerate(centres)], dim=1).cpu().numpy()
    count = min(grain.most, len(z) // grain.traces, len(np.unique(z, axis=0)))
    if count <= 1:
        return torch.ones(len(classes), 1, device=classes.device)
    with threadpool_limits(1):
        found = KMeans(count, n_init=1, random_state=0).fit_predict(z)
    return nn.functional.one_hot(torch.from_numpy(found).long(), count).float().to(classes.device)
