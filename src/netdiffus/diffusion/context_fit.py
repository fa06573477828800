"""Which contexts are counted: chosen greedily by the out-of-fold likelihood of the training traces (contexts.py)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from netdiffus.diffusion.contexts import (
    COUNTED_ROWS,
    FARTHEST,
    FLOOR,
    LEAST_GAIN,
    MOST_PLACES,
    STRENGTHS,
    TRIED_ROWS,
    WITNESSES,
    Contexts,
    ContextSpec,
    ContextTable,
    Place,
    hashed,
)


@dataclass(frozen=True)
class CountedTraces:
    """Training traces.

    Attributes:
        codes: (N, C, n). label: (N,) ids.
        unit: (N,) numbers of what each trace belongs to; traces of one unit are one witness.
        fold: (N,) that each unit is in, of `folds`.
    """

    codes: Tensor
    label: Tensor
    unit: Tensor
    fold: Tensor
    folds: int

    def few(self, rows: int) -> CountedTraces:
        """At most so many rows, of traces spread evenly over the table."""
        step = math.ceil(self.codes.shape[0] * self.codes.shape[2] / rows)
        parts = {name: getattr(self, name)[::step] for name in ("codes", "label", "unit", "fold")}
        return replace(self, **parts)

    def of_rows(self, values: Tensor) -> Tensor:
        """(N * n,) what each row's trace has, of values (N,)."""
        return values[:, None].expand(-1, self.codes.shape[2]).reshape(-1)


@dataclass(frozen=True)
class _Counted:
    """A table, and where in it each row (R,) of the counted traces is: its context and its entry."""

    table: ContextTable
    context: Tensor
    entry: Tensor


def fit_contexts(
    traces: CountedTraces, crossed: Sequence[Tensor], channels: Sequence[int], most: int = MOST_PLACES
) -> Contexts:
    """The contexts of training traces, with a column of counts for each fold that is left out and one of all.

    Args:
        crossed: out-of-fold log-priors (folds, labels, n, K) of each channel.
        channels: those that have contexts.
        most: codes in a context; 0: no contexts.
    """
    tried, counted = traces.few(TRIED_ROWS), traces.few(COUNTED_ROWS)
    tables: list[list[ContextTable]] = []
    for channel, prior in enumerate(crossed):
        chosen = _choose(tried, prior, channel, most) if channel in channels else []
        tables.append([_count(counted, places, channel, strength).table for places, strength in chosen])
    return Contexts(tables)


def _choose(traces: CountedTraces, prior: Tensor, channel: int, most: int) -> list[tuple[tuple[Place, ...], float]]:
    """The places and the strength of each order of a channel."""
    codes, label = traces.codes[:, channel], traces.label
    row = torch.arange(codes.shape[1], device=codes.device)
    shares = prior[traces.fold[:, None], label[:, None], row, codes].exp().flatten().double()
    best, places = float(-shares.log().mean()), tuple[Place, ...]()
    found: list[tuple[tuple[Place, ...], float]] = []
    while len(places) < most:
        tries = [
            _tried(traces, (*places, place), channel, shares)
            for place in candidates(traces.codes.shape[1], channel)
            if place not in places
        ]
        loss, longer, strength, given = min(tries, key=lambda tried: tried[0])
        if loss > best - LEAST_GAIN:
            break
        best, places, shares = loss, longer, given
        found.append((places, strength))
    return found


def candidates(channels: int, channel: int) -> list[Place]:
    """Where a channel's contexts may look: the row's earlier channels, the row before, its own channel farther back."""
    same = [(k, 0) for k in range(channel)]
    before = [(k, 1) for k in range(channels)]
    farther = [(k, back) for k in sorted({0, channel}) for back in range(2, FARTHEST + 1)]
    return same + before + farther


def _tried(
    traces: CountedTraces, places: tuple[Place, ...], channel: int, shorter: Tensor
) -> tuple[float, tuple[Place, ...], float, Tensor]:
    """The out-of-fold loss of longer contexts with the strength that is best, and the codes' probabilities (R,)."""
    counted, column = _count(traces, places, channel), traces.of_rows(traces.fold)
    table = counted.table
    counts = table.counts[counted.entry, column].double()
    totals = table.totals[counted.context, column].double()
    kinds = table.kinds[counted.context, column].double()
    tries = []
    for strength in STRENGTHS:
        back_off = strength * kinds + FLOOR
        given = (counts + back_off * shorter) / (totals + back_off)
        tries.append((float(-given.log().mean()), places, strength, given))
    return min(tries, key=lambda tried: tried[0])


def _count(traces: CountedTraces, places: tuple[Place, ...], channel: int, strength: float = 1.0) -> _Counted:
    """Count the contexts of one order."""
    codes, fold = traces.codes[:, channel].flatten(), traces.of_rows(traces.fold)
    keys, context = torch.unique(hashed(traces.codes, traces.label, places).flatten(), return_inverse=True)
    size = int(codes.max()) + 1
    pairs, entry = torch.unique(context * size + codes, return_inverse=True)
    units = int(traces.unit.max()) + 1
    witness, first = torch.unique(entry * units + traces.of_rows(traces.unit), return_inverse=True)
    fold_of = torch.empty_like(witness)
    fold_of[first] = fold
    witnesses = _but_one(witness // units, fold_of, len(pairs), traces.folds)
    counts = _but_one(entry, fold, len(pairs), traces.folds).where(witnesses >= WITNESSES, 0.0)
    owner = pairs // size
    table = ContextTable(ContextSpec(places, strength, len(keys), len(pairs)), traces.folds + 1, codes.device)
    table.keys, table.codes, table.counts = keys, pairs % size, counts
    table.ends = torch.searchsorted(owner, torch.arange(len(keys) + 1, device=codes.device))
    table.totals.index_add_(0, owner, counts)
    table.kinds.index_add_(0, owner, (counts > 0).float())
    return _Counted(table, context, entry)


def _but_one(entry: Tensor, fold: Tensor, entries: int, folds: int) -> Tensor:
    """How often each entry occurs (E, folds + 1) but in one fold; last, in all, given entries (R,) and folds (R,)."""
    found = torch.bincount(entry * folds + fold, minlength=entries * folds).view(entries, folds).float()
    whole = found.sum(dim=1, keepdim=True)
    return torch.cat([whole - found, whole], dim=1)
