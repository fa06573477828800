"""Which contexts are counted: chosen greedily, by how likely they make traces that were not counted (contexts.py).

A channel's contexts grow by the code that gains most, as long as that gains LEAST_GAIN nats a code. Every gain is
measured out-of-fold, and so is its price (leak.py): contexts stop growing where the area under the ROC curve of a
membership attack on the counts would exceed OF_CONTEXTS; sets of few or of very diverse traces get none.

Workers choose contexts each for itself, by the same few rows, and count them together: each counts a part of the
traces, and all add up what they found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from netdiffus.diffusion.contexts import MOST_PLACES, Contexts, ContextSpec, ContextTable, Place, found_at, hashed
from netdiffus.diffusion.leak import OF_CONTEXTS, leak
from netdiffus.diffusion.prior import FLOOR
from netdiffus.diffusion.workers import ALONE, Workers, gathered, part_of

STRENGTHS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Strengths of the back-off that are tried."""
FARTHEST = 4
"""Rows that a context reaches back at most."""
LEAST_GAIN = 0.01
SPARSE = 16
"""Keys are numbered by a table of all that there could be, unless it has so many times as many places as keys."""
COUNTED_ROWS, TRIED_ROWS = 1 << 20, 1 << 18
"""Rows of training traces that are counted, and that contexts are chosen by, at most."""


@dataclass(frozen=True)
class CountedTraces:
    """Training traces: codes (N, C, n), label ids (N,), and the fold (N,) that each is in, of `folds`."""

    codes: Tensor
    label: Tensor
    fold: Tensor
    folds: int

    def few(self, rows: int) -> CountedTraces:
        """At most so many rows, of traces spread evenly over the table."""
        step = math.ceil(self.codes.shape[0] * self.codes.shape[2] / rows)
        return replace(self, codes=self.codes[::step], label=self.label[::step], fold=self.fold[::step])

    def part(self, workers: Workers) -> CountedTraces:
        """Those that one of the workers counts."""
        if workers.size == 1:
            return self
        mine = part_of(workers)
        return replace(self, codes=self.codes[mine], label=self.label[mine], fold=self.fold[mine])

    @property
    def folds_of_rows(self) -> Tensor:
        """(N * n,) the fold of each row."""
        return self.fold[:, None].expand(-1, self.codes.shape[2]).reshape(-1)


@dataclass(frozen=True)
class _Seen:
    """Of each row (R,): counts of its code in its context, of all codes there, and how many kinds these are."""

    counts: Tensor
    totals: Tensor
    kinds: Tensor

    def given(self, shorter: Tensor, strength: float) -> Tensor:
        """Probabilities (R,) of the rows' codes, given those of the next shorter contexts."""
        back_off = strength * self.kinds + FLOOR
        return (self.counts + back_off * shorter) / (self.totals + back_off)


@dataclass(frozen=True)
class _Given:
    """Contexts, which of them each row (R,) is in, and the probabilities (R,) of the codes under the counts of other
    folds, and of all."""

    places: tuple[Place, ...]
    strength: float
    context: Tensor
    others: Tensor
    all: Tensor

    @property
    def loss(self) -> float:
        """Nats a code, out-of-fold."""
        return float(-self.others.log().mean())

    def leak(self, rows: int) -> float:
        """How well counted traces of so many rows are told from others (leak.py)."""
        return leak(*(part.log().view(-1, rows).sum(dim=1) for part in (self.all, self.others)))


def fit_contexts(
    traces: CountedTraces,
    crossed: Sequence[Tensor],
    channels: Sequence[int],
    most: int = MOST_PLACES,
    workers: Workers = ALONE,
) -> Contexts:
    """The contexts of training traces, with a column of counts for each fold that is left out and one of all.

    Args:
        crossed: out-of-fold log-priors (folds, labels, n, K) of each channel.
        channels: those that have contexts.
        most: codes in a context; 0: no contexts.
        workers: who hold the same traces and count together.
    """
    tried, counted = traces.few(TRIED_ROWS), traces.few(COUNTED_ROWS)
    tables: list[list[ContextTable]] = []
    for channel, prior in enumerate(crossed):
        chosen = _choose(tried, prior, channel, most) if channel in channels else []
        counts = (_occurrences(counted, order.places, channel, workers) for order in chosen)
        tables.append([_table(each, order.places, order.strength) for each, order in zip(counts, chosen, strict=True)])
    return Contexts(tables)


def candidates(channels: int, channel: int) -> list[Place]:
    """Where a channel's contexts may look: the row's earlier channels, the row before, its own channel farther back."""
    same = [(k, 0) for k in range(channel)]
    before = [(k, 1) for k in range(channels)]
    farther = [(k, back) for k in sorted({0, channel}) for back in range(2, FARTHEST + 1)]
    return same + before + farther


def _choose(traces: CountedTraces, prior: Tensor, channel: int, most: int) -> list[_Given]:
    """The orders of a channel, from the shortest contexts to the longest."""
    codes, label = traces.codes[:, channel], traces.label
    row = torch.arange(codes.shape[1], device=codes.device)
    shares = prior[traces.fold[:, None], label[:, None], row, codes].exp().flatten().double()
    by_label = label[:, None].expand(-1, len(row)).reshape(-1)
    best, found = _Given((), 0.0, by_label, shares, shares), list[_Given]()
    while len(found) < most:
        tries = [
            _tried(traces, place, channel, best)
            for place in candidates(traces.codes.shape[1], channel)
            if place not in best.places
        ]
        longer = min(tries, key=lambda tried: tried.loss)
        if longer.loss > best.loss - LEAST_GAIN or longer.leak(codes.shape[1]) > OF_CONTEXTS:
            break
        best = longer
        found.append(best)
    return found


def _tried(traces: CountedTraces, place: Place, channel: int, shorter: _Given) -> _Given:
    """Contexts that are longer by the code at a place, with the strength that is best."""
    value = found_at(traces.codes, place).flatten()
    context = _numbered(shorter.context * (int(value.max()) + 1) + value)
    codes = traces.codes[:, channel].flatten()
    entry = _numbered(context * (int(codes.max()) + 1) + codes)
    seen, seen_by_all = _counted(context, entry, traces.folds_of_rows, traces.folds)
    others, strength = min(
        ((seen.given(shorter.others, strength), strength) for strength in STRENGTHS),
        key=lambda given: float(-given[0].log().mean()),
    )
    return _Given((*shorter.places, place), strength, context, others, seen_by_all.given(shorter.all, strength))


def _numbered(keys: Tensor) -> Tensor:
    """Numbers (R,) from 0 on of keys (R,) that are at least 0: equal ones have one number, and none is left out."""
    span = int(keys.max()) + 1
    if span > SPARSE * len(keys):
        number: Tensor = torch.unique(keys, return_inverse=True)[1]
        return number
    there = torch.zeros(span, dtype=torch.long, device=keys.device)
    there[keys] = 1
    return (there.cumsum(0) - 1)[keys]


def _counted(context: Tensor, entry: Tensor, fold: Tensor, folds: int) -> tuple[_Seen, _Seen]:
    """What the other folds say of each row (R,), and what all do; given the numbers and the fold of each (R,)."""
    contexts, entries = int(context.max()) + 1, int(entry.max()) + 1
    owner = torch.empty(entries, dtype=torch.long, device=entry.device)
    owner[entry] = context
    of_fold = torch.bincount(entry * folds + fold, minlength=entries * folds).view(entries, folds)
    whole = of_fold.sum(dim=1, keepdim=True)
    counts = torch.cat([whole - of_fold, whole], dim=1).double()
    totals = torch.zeros(contexts, folds + 1, dtype=torch.float64, device=entry.device)
    kinds = torch.zeros_like(totals).index_add_(0, owner, (counts > 0).double())
    totals.index_add_(0, owner, counts)
    others, every = (
        _Seen(counts[entry, column], totals[context, column], kinds[context, column]) for column in (fold, folds)
    )
    return others, every


@dataclass(frozen=True)
class _Occurrences:
    """Key, code and fold (R,) of rows, how often each occurs (R,), and how many folds there are."""

    key: Tensor
    code: Tensor
    fold: Tensor
    times: Tensor
    folds: int


def _occurrences(traces: CountedTraces, places: tuple[Place, ...], channel: int, workers: Workers) -> _Occurrences:
    """What occurs in the contexts of one order: each worker counts a part of the traces, and all have all of it."""
    part = traces.part(workers)
    key = hashed(part.codes, part.label, places).flatten()
    rows = torch.stack([key, part.codes[:, channel].flatten(), part.folds_of_rows, torch.ones_like(key)])
    if workers.size > 1:
        found, times = torch.unique(rows[:3], dim=1, return_counts=True)
        rows = gathered(workers, torch.cat([found, times[None]]))
    key, code, fold, times = rows
    return _Occurrences(key, code, fold, times, traces.folds)


def _table(seen: _Occurrences, places: tuple[Place, ...], strength: float) -> ContextTable:
    """The contexts of one order."""
    codes, folds = seen.code, seen.folds
    keys, context = torch.unique(seen.key, return_inverse=True)
    size = int(codes.max()) + 1
    pairs, entry = torch.unique(context * size + codes, return_inverse=True)
    cells = torch.zeros(len(pairs) * folds, dtype=torch.long, device=codes.device)
    of_fold = cells.index_add_(0, entry * folds + seen.fold, seen.times).view(len(pairs), folds).float()
    whole = of_fold.sum(dim=1, keepdim=True)
    counts, owner = torch.cat([whole - of_fold, whole], dim=1), pairs // size
    table = ContextTable(ContextSpec(places, strength, len(keys), len(pairs)), folds + 1, codes.device)
    table.keys, table.codes, table.counts = keys, pairs % size, counts
    table.ends = torch.searchsorted(owner, torch.arange(len(keys) + 1, device=codes.device))
    table.totals.index_add_(0, owner, counts)
    table.kinds.index_add_(0, owner, (counts > 0).float())
    return table
