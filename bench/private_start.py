"""What the compared private methods begin from: traces as codes of noisy values, noisy tables, and draws of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from netdiffus.arrays import Bools, Floats, Ints
from netdiffus.imaging.channels import fold
from netdiffus.metrics import Traces
from netdiffus.models.private import CODES, CONTEXTS, LABELS, PAIRS, VALUES, WEIGHTS
from netdiffus.privacy.alphabet import Codes, private_codes
from netdiffus.privacy.findings import kept
from netdiffus.privacy.grid import public_grid
from netdiffus.privacy.leaves import Leaves
from netdiffus.privacy.ledger import Entry, Look, epsilon_of, plan
from netdiffus.privacy.noise import noisy
from netdiffus.privacy.tables import Cell, Coded, Noise, tables

CHANNELS = ("size", "direction")
DELTA = 1e-5
SURELY = 1e-6
"""The least share of a code that a logarithm is taken of."""

Draw = Callable[[Ints, np.random.Generator], Floats]
"""Signed sizes (M, n), NaN past the end, of traces of labels (M,)."""


@dataclass(frozen=True)
class Private:
    """The traces to be protected: signed sizes (N, n), NaN past the end, and ids (N,) of labels, which are public."""

    values: Floats
    ids: Ints
    labels: Sequence[str]

    @classmethod
    def of(cls, traces: Traces) -> Private:
        """Of traces of sizes and directions."""
        labels, ids = np.unique(traces.labels, return_inverse=True)
        return cls(fold(traces.series, CHANNELS)[:, 0], ids.astype(np.int64), labels.tolist())


@dataclass(frozen=True)
class Method:
    """What a method releases: how to draw from it, and the epsilon at DELTA of all that it looked at."""

    draw: Draw
    spent: float


@dataclass(frozen=True)
class Start:
    """What every method pays for first, beside the private traces.

    Attributes:
        codes: (N, n) private. ids: (N,) private. book: the codes of values. traces_of: (labels,) noisy numbers.
        entries: the ledger; it has all looks that were planned, done or not.
    """

    codes: Ints
    ids: Ints
    book: Codes
    traces_of: Floats
    entries: list[Entry]

    def sigma(self, name: str) -> float:
        """The noise of a look."""
        return next(entry.sigma for entry in self.entries if entry.name == name)

    @property
    def spent(self) -> float:
        """Epsilon of all planned looks."""
        return epsilon_of(self.entries, DELTA)

    def values(self, codes: Ints, rng: np.random.Generator) -> Floats:
        """Signed sizes of codes of any shape, drawn from what each code is shown as."""
        book, shown = self.book, self.book.shown
        found, weights = np.full(codes.shape, np.nan), book.weights[shown]
        for code in np.unique(codes[codes < len(book) - 1]):
            mine = book.of_value[shown] == code
            which = codes == code
            found[which] = rng.choice(book.grid.values[shown[mine]], which.sum(), p=weights[mine] / weights[mine].sum())
        return found


def begin(private: Private, looks: Mapping[str, tuple[int, float]], epsilon: float, share: float = 1.0) -> Start:
    """Count labels and values, and plan the other looks.

    Args:
        looks: of each other look the counts that one trace changes by 1, and its weight. share: of the budget, in
            squares of 1 / sigma; the rest is left to what no look is.
    """
    n = private.values.shape[1]
    wanted = {LABELS: (1, WEIGHTS[LABELS]), VALUES: (n, WEIGHTS[VALUES])} | dict(looks)
    planned = plan([Look(name, cells, 1, weight) for name, (cells, weight) in wanted.items()], epsilon, DELTA)
    entries = [entry.model_copy(update={"sigma": entry.sigma / math.sqrt(share)}) for entry in planned]
    sigma = {entry.name: entry.sigma for entry in entries}
    traces_of = np.maximum(noisy(np.bincount(private.ids, minlength=len(private.labels)), sigma[LABELS]), 1)
    book = private_codes(private.values, public_grid("signed_size"), sigma[VALUES])
    return Start(book.encode(private.values), private.ids, book, traces_of.astype(np.float64), entries)


def going(codes: Ints, size: int) -> Bools:
    """Which codes (N, n) follow no end of their trace; the last of `size` codes is absence."""
    ended: Bools = np.pad(codes[:, :-1] == size - 1, ((0, 0), (1, 0)))
    return ~ended


def label_cells(start: Start) -> list[Cell]:
    """Tables by label and position alone."""
    size, labels, left, found = len(start.book), len(start.traces_of), start.traces_of, list[Cell]()
    alive, sigma = going(start.codes, size), start.sigma(CODES)
    for row in range(start.codes.shape[1]):
        places = (start.ids * size + start.codes[:, row])[alive[:, row]]
        counts = noisy(np.bincount(places, minlength=labels * size).reshape(labels, size), sigma).astype(np.float64)
        pooled = kept(counts.sum(axis=0), np.full(size, 1e-9), sigma * math.sqrt(labels), 0.0)
        shares = kept(counts, left[:, None] * pooled, sigma)
        found.append(Cell(row, 0, [], Leaves(labels), shares))
        left = left * (1 - shares[:, -1])
    return found


def context_cells(start: Start, seed: int) -> list[Cell]:
    """The tables of `train --epsilon`."""
    coded = Coded(start.codes[:, None], start.ids, [len(start.book)])
    noise = Noise(start.sigma(CODES), start.sigma(PAIRS), start.sigma(CONTEXTS))
    return list(tables(coded, start.traces_of, noise, np.random.default_rng(seed)))


def leaf_of(cell: Cell, codes: Ints, ids: Ints) -> Ints:
    """The leaf (M,) of a position, of traces of codes (M, n) up to it."""
    return cell.tree.of(ids, [codes[:, cell.row - back] for _, back in cell.places])


def log_shares(cells: Sequence[Cell], codes: Ints, ids: Ints) -> Floats:
    """(M, n, K) logarithms of what tables expect at each position of traces."""
    return np.stack([np.log(np.maximum(cell.shares[leaf_of(cell, codes, ids)], SURELY)) for cell in cells], axis=1)


def chosen(shares: Floats, rng: np.random.Generator) -> Ints:
    """A code (M,) of each row of shares (M, K), which need not add up to 1."""
    ends = shares.cumsum(axis=1)
    return np.asarray((ends <= rng.random(len(ends))[:, None] * ends[:, -1:]).sum(axis=1).clip(max=shares.shape[1] - 1))


def draw_cells(cells: Sequence[Cell], ids: Ints, rng: np.random.Generator) -> Ints:
    """Codes (M, n) of traces of labels (M,)."""
    absent = cells[0].shares.shape[1] - 1
    codes, alive = np.full((len(ids), len(cells)), absent), np.ones(len(ids), dtype=bool)
    for cell in cells:
        leaf = np.where(alive, leaf_of(cell, codes, ids), -1)
        order = np.argsort(leaf, kind="stable")
        bounds = np.searchsorted(leaf[order], np.arange(len(cell.tree) + 1))
        for number in np.flatnonzero(np.diff(bounds)):
            rows = order[bounds[number] : bounds[number + 1]]
            ends = cell.shares[number].cumsum()
            codes[rows, cell.row] = np.searchsorted(ends, rng.random(len(rows)) * ends[-1], side="right").clip(
                max=absent
            )
        alive &= codes[:, cell.row] != absent
    return codes


def by_label(private: Private, epsilon: float, setting: Mapping[str, float], seed: int) -> Method:
    """Noisy tables by label and position alone; `codes` is the weight of their look."""
    start = begin(private, {CODES: (private.values.shape[1], setting["codes"])}, epsilon)
    cells = label_cells(start)
    return Method(lambda ids, rng: start.values(draw_cells(cells, ids, rng), rng), start.spent)


def as_product(private: Private, epsilon: float, setting: Mapping[str, float], seed: int) -> Method:
    """The tables of `train --epsilon`, whose contexts have `contexts` of the budget."""
    start = begin(private, product_looks(private.values.shape[1], setting["contexts"]), epsilon)
    cells = context_cells(start, seed)
    return Method(lambda ids, rng: start.values(draw_cells(cells, ids, rng), rng), start.spent)


def product_looks(n: int, contexts: float = WEIGHTS[CONTEXTS]) -> dict[str, tuple[int, float]]:
    """The looks of `train --epsilon` for n positions, but for those that all methods have."""
    rest = WEIGHTS[CODES] + WEIGHTS[PAIRS] + WEIGHTS[CONTEXTS] - contexts
    both = WEIGHTS[CODES] + WEIGHTS[PAIRS]
    weights = {CODES: rest * WEIGHTS[CODES] / both, PAIRS: rest * WEIGHTS[PAIRS] / both, CONTEXTS: contexts}
    return {name: (n, weight) for name, weight in weights.items()}
