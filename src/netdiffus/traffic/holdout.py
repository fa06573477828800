"""What a training holds back, and the folds that priors are counted in: traces that belong together stay together.

Windows of one session, or flows of one host, are alike. Were some of them held back and others learned from, the
validation would not see that a model has learned them by heart.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from netdiffus.arrays import Bools, Ints

FEWEST_HELD_BACK = 8  # fewer say too little, so that none are held back then
FOLDS = 16
LARGEST = 0.25  # of a label: where a group is larger, its traces are taken one by one


def units(group: pl.Series | None, ids: Ints) -> Ints | None:
    """What stays together: a number for each trace (N,), by its group (N,) and its label's id (N,).

    None where every trace is on its own: there are no groups, or too large ones.
    """
    if group is None or not len(ids):
        return None
    found, unit, sizes = np.unique(np.stack([ids, group.to_numpy()]), axis=1, return_inverse=True, return_counts=True)
    largest = np.zeros(ids.max() + 1, np.int64)
    np.maximum.at(largest, found[0], sizes)
    apart = largest[ids] > LARGEST * np.bincount(ids)[ids]
    numbers: Ints = np.where(apart, len(sizes) + np.arange(len(ids)), unit.ravel())
    return None if apart.all() else numbers


def held_back(ids: Ints, share: float, rng: np.random.Generator, together: Ints | None = None) -> Bools:
    """Which traces (N,) are held back: the share of each label's, rounded; none if all those are too few.

    Those with the same number in `together` (N,) go together; then it may be a few more.
    """
    chosen = np.zeros(len(ids), dtype=bool)
    for k in np.unique(ids):
        rows = np.flatnonzero(ids == k)
        count = min(int(share * len(rows) + 0.5), len(rows) - 1)
        unit, sizes = _numbered(rows, together)
        order = rng.permutation(len(sizes))
        before = np.cumsum(sizes[order]) - sizes[order]
        chosen[rows[np.isin(unit, order[before < count])]] = True
    return chosen if chosen.sum() >= FEWEST_HELD_BACK else np.zeros(len(ids), dtype=bool)


def folds(ids: Ints, rng: np.random.Generator, together: Ints | None = None) -> Ints:
    """The fold (N,) of each trace, of FOLDS; where traces go together each label's are dealt out apart."""
    if together is None:
        return rng.permutation(len(ids)) % FOLDS
    found = np.empty(len(ids), np.int64)
    for k in np.unique(ids):
        rows = np.flatnonzero(ids == k)
        unit, sizes = _numbered(rows, together)
        found[rows] = (rng.permutation(len(sizes)) % FOLDS)[unit]
    return found


def _numbered(rows: Ints, together: Ints | None) -> tuple[Ints, Ints]:
    """The place (N,) of each trace's unit among those of some traces, and how many traces each has."""
    if together is None:
        return np.arange(len(rows)), np.ones(len(rows), np.int64)
    return np.unique(together[rows], return_inverse=True, return_counts=True)[1:]
