"""What is known of a trace before any learning: a mixture of components per label, counted in the training traces.

Inside a component positions and channels are independent, so that what a noisy observation says of a trace follows
exactly from Bayes' rule: every component's share, and from these what the other positions tell of each. A label's
sub-kinds (a handshake or none, up or down, long or short) are thus known from a few dozen traces; the network
(rows.py) learns what components do not hold.

Counts are smoothed in three stages, each worth some occurrences of the one before: all labels, the label, a band of
its positions. A component tilts these towards the classes near those it has seen, and counts its own on top. How much
it is smoothed is what makes training traces likeliest that were not counted (`fit_mixtures`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor, nn

OWN_POSITIONS, BANDS = 16, 8  # the first so many have counts of their own; later ones share them, 8 bands an octave
UNSEEN = 0.1  # occurrences that a class is granted in a place where training has none
BAND_TRUST = 60.0  # occurrences that a label's counts are worth in a band, and those of all labels in a label
TRACES_PER_COMPONENT, MOST_COMPONENTS = 10, 32
SWEEPS = 5  # of expectation and maximisation
MOST_TRACES = 4096  # of a label, that its components are found in
TINY = 1e-30


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


TRUSTS = (5.0, 20.0, 60.0, 200.0)
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
    band = bands(classes.shape[1])
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


class Mixture(nn.Module):
    """p(classes | group): components of independent positions and channels; a group is a label.

    Args:
        log_weight: ln of each component's share of its group (M,), all groups' components one after the other.
        log_tables: ln p (M, n, K) of each channel's classes; kept in half precision.
        ends: (groups + 1,) where each group's components begin, and the end.
        persistent: whether the module's state holds it.
    """

    log_weight: Tensor

    def __init__(
        self, log_weight: Tensor, log_tables: Sequence[Tensor], ends: Tensor, *, persistent: bool = True
    ) -> None:
        super().__init__()
        self.register_buffer("log_weight", log_weight.float(), persistent=persistent)
        self.register_buffer("ends", ends, persistent=persistent)
        for k, table in enumerate(log_tables):
            self.register_buffer(f"log_table{k}", table.half(), persistent=persistent)
            self.register_buffer(f"table{k}", table.half().float().exp(), persistent=False)
        self._ends: list[int] = ends.tolist()

    def __len__(self) -> int:
        return len(self._ends) - 1

    @torch.no_grad()
    def forward(self, likelihood: Sequence[Tensor], group: Tensor) -> list[Tensor]:
        """ln p (B, n, K) of each channel's classes given all that is observed elsewhere, but for a constant.

        likelihood: ln p(observation | class) (B, n, K) of each channel, but for a constant; group (B,).
        """
        found = [torch.empty_like(part) for part in likelihood]
        for g in torch.unique(group).tolist():
            rows = torch.nonzero(group == g)[:, 0]
            mine = slice(self._ends[g], self._ends[g + 1])
            tables, evidence = [], []
            for k, part in enumerate(likelihood):
                own = part[rows]
                own = (own - own.amax(dim=-1, keepdim=True)).exp().transpose(0, 1)  # (n, b, K)
                tables.append(self.get_buffer(f"table{k}")[mine].transpose(0, 1))  # (n, M, K)
                evidence.append((own @ tables[k].mT).clamp(min=TINY).log())  # (n, b, M)
            whole = self.log_weight[mine] + torch.stack(evidence).sum(dim=(0, 1))
            for k, table in enumerate(tables):
                elsewhere = (whole - evidence[k]).softmax(dim=-1)
                found[k][rows] = (elsewhere @ table).clamp(min=TINY).log().transpose(0, 1)
        return found

    def log_likelihood(self, classes: Tensor, group: Tensor) -> Tensor:
        """ln p (B,) of whole traces (B, C, n) without noise; group (B,)."""
        found = torch.empty(len(classes), device=classes.device)
        for g in torch.unique(group).tolist():
            rows, mine = torch.nonzero(group == g)[:, 0], slice(self._ends[g], self._ends[g + 1])
            evidence = [
                _evidence(classes[rows, k], self.get_buffer(f"table{k}")[mine]) for k in range(classes.shape[1])
            ]
            found[rows] = (self.log_weight[mine] + torch.stack(evidence).sum(dim=0)).logsumexp(dim=-1)
        return found


def fit_mixtures(
    classes: Tensor, label: Tensor, labels: int, centres: Sequence[Tensor], fold: Tensor, *, hidden: bool = False
) -> tuple[Mixture, Mixture]:
    """The mixtures of training classes (N, C, n), whose centres are z (K,) of each channel: of all, and by folds (N,).

    A mixture has a group for each of `labels`, and with `hidden` one more of all traces, for no label. By folds group
    `f * (labels + hidden) + label` has not seen fold f: were the network trained beside a mixture that has counted the
    very traces it is shown, it would learn to believe it too much. The smoothing is the one under which the folds are
    likeliest: SPREADS are tried first, then TRUSTS.
    """
    apart = [
        group
        for f in range(int(fold.max()) + 1)
        for group in find_groups(classes[fold != f], label[fold != f], labels, centres, hidden=hidden)
    ]
    place = label + (labels + hidden) * fold

    def likelihood(smoothing: Smoothing) -> float:
        found = count_mixture(apart, smoothing, persistent=False)
        return float(found.log_likelihood(classes, place).double().mean())

    best = max((replace(FIRST_SMOOTHING, near=near, pull=pull) for near, pull in SPREADS), key=likelihood)
    best = max((replace(best, trust=trust) for trust in TRUSTS), key=likelihood)
    whole = find_groups(classes, label, labels, centres, hidden=hidden)
    return count_mixture(whole, best), count_mixture(apart, best, persistent=False)


@dataclass(frozen=True)
class Group:
    """A label's traces and their shares of its components.

    Attributes:
        classes: (N, C, n). share: (N, M). priors: p (n, K) of each channel, what counts are smoothed by.
    """

    classes: Tensor
    share: Tensor
    priors: list[Tensor]

    def weight(self) -> Tensor:
        """(M,) shares of the components, none of them 0."""
        return (self.share.sum(dim=0) + 1) / (len(self.classes) + self.share.shape[1])

    def tables(self, smoothing: Smoothing) -> list[Tensor]:
        """p (M, n, K) of each channel."""
        return [_table(self.classes[:, k], self.share, prior, smoothing) for k, prior in enumerate(self.priors)]

    def better(self) -> Group:
        """Expectation and maximisation, once."""
        tables = self.tables(FIRST_SMOOTHING)
        evidence = torch.stack([_evidence(self.classes[:, k], table) for k, table in enumerate(tables)])
        return replace(self, share=(self.weight().log() + evidence.sum(dim=0)).softmax(dim=-1))


def find_groups(
    classes: Tensor, label: Tensor, labels: int, centres: Sequence[Tensor], *, hidden: bool = False
) -> list[Group]:
    """The components of each label, and with `hidden` those of all traces."""
    centres = [z.to(classes.device) for z in centres]
    priors = [band_prior(classes[:, k], label, labels, len(z)) for k, z in enumerate(centres)]
    band, groups = bands(classes.shape[2]), []
    for g in range(labels + hidden):
        mine = classes if g == labels else classes[label == g]
        mine = mine[:: math.ceil(len(mine) / MOST_TRACES) or 1]
        group = Group(mine, _clusters(mine, centres), [prior[g][band] for prior in priors])
        for _ in range(SWEEPS if group.share.shape[1] > 1 else 0):
            group = group.better()
        groups.append(group)
    return groups


def count_mixture(groups: Sequence[Group], smoothing: Smoothing, *, persistent: bool = True) -> Mixture:
    """The mixture of groups whose components were found."""
    tables = zip(*[group.tables(smoothing) for group in groups], strict=True)
    sizes = [0, *(group.share.shape[1] for group in groups)]
    return Mixture(
        torch.cat([group.weight() for group in groups]).log(),
        [torch.cat(parts).log() for parts in tables],
        torch.tensor(sizes).cumsum(0),
        persistent=persistent,
    )


def _clusters(classes: Tensor, centres: Sequence[Tensor]) -> Tensor:
    """Shares (N, M) to begin with: clusters of the traces' z."""
    z = torch.cat([centre[classes[:, k]] for k, centre in enumerate(centres)], dim=1).cpu().numpy()
    count = min(MOST_COMPONENTS, len(z) // TRACES_PER_COMPONENT, len(np.unique(z, axis=0)))
    if count <= 1:
        return torch.ones(len(classes), 1, device=classes.device)
    with threadpool_limits(1):
        found = KMeans(count, n_init=1, random_state=0).fit_predict(z)
    return nn.functional.one_hot(torch.from_numpy(found).long(), count).float().to(classes.device)


def _kernel(size: int, near: float, device: torch.device) -> Tensor:
    """(K, K) how near classes are, by their ranks; rows sum to 1."""
    rank = torch.arange(size, device=device)
    return torch.softmax(-(((rank[:, None] - rank) / max(1.0, near * size)) ** 2) / 2, dim=-1)


def _table(classes: Tensor, share: Tensor, prior: Tensor, smoothing: Smoothing) -> Tensor:
    """p (M, n, K) of one channel's classes (N, n), whose traces' shares of the components are (N, M)."""
    (N, M), (n, K) = share.shape, prior.shape
    kernel = _kernel(K, smoothing.near, prior.device)
    counts = torch.zeros(n * K, M, device=share.device)
    where = torch.arange(n, device=classes.device) * K + classes
    counts.index_add_(0, where.flatten(), share[:, None].expand(N, n, M).reshape(N * n, M))
    counts = counts.T.reshape(M, n, K)
    tilted = prior * ((counts + smoothing.pull * prior) @ kernel) / (prior @ kernel)
    tilted = tilted / tilted.sum(dim=-1, keepdim=True)
    return (counts + smoothing.trust * tilted) / (counts.sum(dim=-1, keepdim=True) + smoothing.trust)


def _evidence(classes: Tensor, table: Tensor) -> Tensor:
    """ln p (N, M) of each trace's classes (N, n) in each component."""
    position = torch.arange(classes.shape[1], device=classes.device)
    return torch.stack([part[position, classes].log().sum(dim=1) for part in table], dim=1)
