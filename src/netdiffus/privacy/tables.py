"""Noisy tables of traces: how often each label has each code at each position, and after which codes.

Three looks at the data, each of which counts one cell of a trace at each position of each channel, as long as the trace
lasts: the code given the label; the code given the code before it, whatever the label; the code given the leaf of a
tree over label and codes before it (leaves.py). Positions are visited in the order in which they are drawn, and the
next tree is grown from traces that are drawn from the tables so far.

What the noise leaves of counts is in findings.py: post-processing, which costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from netdiffus.arrays import Bools, Floats, Ints
from netdiffus.privacy.findings import kept, normalised
from netdiffus.privacy.leaves import Leaves
from netdiffus.privacy.noise import noisy
from netdiffus.privacy.public import Public, moved

DEPTH = 4
"""Codes of a context at most."""
ENOUGH = 4.0
"""Standard deviations of noise that a context's traces must be expected to exceed; half as many again for longer."""
FEWEST = 3.0
DRAWN = 60_000
"""Traces that trees are grown from."""
MIXED = 0.1
"""Share of the label's own distribution in what a label and a code before are expected to give together."""

Place = tuple[int, int]


@dataclass(frozen=True)
class Noise:
    """Standard deviations of the noise of the three looks: by label, of pairs, of leaves."""

    labels: float
    pairs: float
    leaves: float


@dataclass(frozen=True)
class Coded:
    """Private traces: codes (N, C, n), label ids (N,), and the sizes of the codebooks, whose last code is absence.

    Attributes:
        possible: (2, labels, K) which codes of the first channel a label can have, at the first position and at
            others, whatever the traces are; None: all.
    """

    codes: Ints
    ids: Ints
    sizes: Sequence[int]
    possible: Bools | None = None


@dataclass(frozen=True)
class Cell:
    """What was found of one position of one channel: released.

    Attributes:
        row, channel: which. places: of the codes of contexts. tree: of the contexts.
        shares: (leaves, K) of the codes after each; the first are those of the labels alone.
    """

    row: int
    channel: int
    places: list[Place]
    tree: Leaves
    shares: Floats

    @property
    def nats(self) -> float:
        """The mean entropy of the codes given the labels."""
        shares = self.shares[: self.tree.labels]
        return float(-(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1).mean())


def places(channel: int, channels: int, row: int) -> list[Place]:
    """Where the contexts of a position look (channel, rows back): the row's earlier channels, then the rows before."""
    near = [(k, 0) for k in range(channel)]
    before = [(channel, 1), *((k, 1) for k in range(channels) if k != channel)]
    found = [*near, *before, *((channel, back) for back in range(2, DEPTH + 1))]
    return [place for place in found if place[1] <= row][:DEPTH]


def tables(
    traces: Coded, traces_of: Floats, noise: Noise, rng: np.random.Generator, public: Public | None = None
) -> Iterator[Cell]:
    """The tables of every position and channel, in the order in which they are drawn.

    Args:
        traces_of: (labels,) noisy numbers of traces. rng: of the draws that grow the trees, which are no secret.
        public: traces to begin from; None: nothing is expected before the first look.
    """
    found = _Tables(traces, traces_of, noise, rng, public)
    channels, n = traces.codes.shape[1:]
    for row in range(n):
        for channel in range(channels):
            yield found.cell(row, channel)


class _Tables:
    """Tables in the making: the private traces, and those that are drawn beside them."""

    def __init__(
        self, traces: Coded, traces_of: Floats, noise: Noise, rng: np.random.Generator, public: Public | None
    ) -> None:
        self.traces, self.noise, self.rng, self.public = traces, noise, rng, public
        self.labels = len(traces_of)
        copies = np.maximum(1, np.round(DRAWN * traces_of / traces_of.sum())).astype(np.int64)
        self.weight = float(traces_of.sum()) / int(copies.sum())
        self.ids = np.repeat(np.arange(self.labels), copies)
        self.codes = np.zeros((len(self.ids), *traces.codes.shape[1:]), dtype=np.int64)
        self.alive = np.ones(len(self.ids), dtype=bool)

    def cell(self, row: int, channel: int) -> Cell:
        """Count a position of a channel, and draw it."""
        size, where = self.traces.sizes[channel], places(channel, self.traces.codes.shape[1], row)
        real = self._alive(row)
        codes, ids = self.traces.codes[real, channel, row], self.traces.ids[real]
        columns, drawn = self._columns(self.traces.codes[real], where, row), self._columns(self.codes, where, row)
        going, before = self.ids[self.alive], [part[self.alive] for part in drawn]
        expected = np.bincount(going, minlength=self.labels).astype(np.float64) * self.weight
        counted = noisy(_counted(ids, codes, self.labels, size), self.noise.labels).astype(np.float64)
        pooled, of_label = self._of_labels(counted, expected, channel, row)
        tree = Leaves(self.labels)
        shares = of_label = self._possible(tree, of_label, channel, row)
        if where:
            after = self._pairs((channel, row), (columns[0], codes), where[0], pooled, before[0])
            enough = max(ENOUGH * self.noise.leaves, FEWEST)
            fewest = [enough, *[1.5 * enough] * (len(where) - 1)]
            tree = Leaves.grow(self.labels, going, before, self.weight, fewest)
            leaf = tree.of(going, before)
            counts = noisy(_counted(tree.of(ids, columns), codes, len(tree), size), self.noise.leaves)
            held = np.bincount(leaf, minlength=len(tree)).astype(np.float64) * self.weight
            shares = self._shares(tree, counts.astype(np.float64), held, of_label, after)
            shares = self._possible(tree, self._ended(tree, shares, where[0]), channel, row)
        found = Cell(row, channel, where, tree, shares)
        self._draw(found, drawn)
        return found

    def _possible(self, tree: Leaves, shares: Floats, channel: int, row: int) -> Floats:
        """Shares (leaves, K) of what a label can have; all of them where it can have none of what it seems to."""
        if self.traces.possible is None or channel:
            return shares
        can = self.traces.possible[min(row, 1)][tree.roots]
        return normalised(np.where(can, np.maximum(shares, 1e-12), 0.0))

    def _ended(self, tree: Leaves, shares: Floats, place: Place) -> Floats:
        """Shares (leaves, K) that are absence alone where the trace ends in an earlier channel of the same row.

        Counts of such leaves hold noise alone.
        """
        if place != (0, 0):
            return shares
        over = (tree.orders == 1) & (tree.codes == self.traces.sizes[0] - 1)
        for leaf in range(self.labels, len(tree)):
            over[leaf] |= over[tree.parents[leaf]]
        ended = np.zeros(shares.shape[1])
        ended[-1] = 1.0
        return np.asarray(np.where(over[:, None], ended, shares))

    def _alive(self, row: int) -> Bools:
        """Which private traces (N,) have not ended before a row."""
        if not row:
            return np.ones(len(self.traces.ids), dtype=bool)
        return np.asarray(self.traces.codes[:, 0, row - 1] != self.traces.sizes[0] - 1)

    def _columns(self, codes: Ints, where: Sequence[Place], row: int) -> list[Ints]:
        return [codes[:, k, row - back] for k, back in where]

    def _of_labels(self, counts: Floats, traces_of: Floats, channel: int, row: int) -> tuple[Floats, Floats]:
        """Shares (K,) of the codes of all traces, and (labels, K) of each label.

        Args:
            counts: (labels, K) with noise. traces_of: (labels,) expected.
        """
        together, spread = counts.sum(axis=0), self.noise.labels * np.sqrt(self.labels)
        expected = np.full(counts.shape[1], 1e-9)
        if self.public is not None:
            known = traces_of.sum() * self.public.shares(channel, row)
            expected = moved(expected, known, together, spread)
        pooled = kept(together, expected, spread, 0.0)
        of_each = traces_of[:, None] * pooled
        if self.public is not None:
            known = traces_of[:, None] * self.public.of_labels(channel, row, np.tile(pooled, (self.labels, 1)))
            of_each = moved(of_each, known, counts, self.noise.labels)
        return pooled, kept(counts, of_each, self.noise.labels)

    def _pairs(
        self, which: tuple[int, int], pairs: tuple[Ints, Ints], place: Place, pooled: Floats, drawn: Ints
    ) -> Floats:
        """(K', K) how much likelier each code is after each code of a place than it is at all.

        Args:
            which: channel and row of the codes. pairs: the private traces' codes at the place, and those after them.
            drawn: codes at the place of the drawn traces that have not ended.
        """
        size = self.traces.sizes[place[0]]
        counts = noisy(_counted(*pairs, size, len(pooled)), self.noise.pairs).astype(np.float64)
        held = (np.bincount(drawn, minlength=size) * self.weight)[:, None]
        expected = held * pooled
        if self.public is not None:
            expected = moved(expected, held * self.public.after(*which, place, pooled), counts, self.noise.pairs)
        found = kept(counts, expected, self.noise.pairs)
        return np.asarray(found / np.maximum(pooled, 1e-9))

    def _shares(self, tree: Leaves, counts: Floats, held: Floats, of_label: Floats, after: Floats) -> Floats:
        """(leaves, K): what shorter contexts expect, corrected by the noisy counts of each leaf and those below it."""
        below, whole = tree.gathered(counts), tree.gathered(held)
        spread = self.noise.leaves * np.sqrt(tree.gathered(np.ones(len(tree))))
        shares, parents, codes, orders = np.empty_like(counts), tree.parents, tree.codes, tree.orders
        shares[: tree.labels] = of_label
        for order in range(1, len(tree.keys) + 1):
            rows = np.flatnonzero(orders == order)
            longer = shares[parents[rows]]
            if order == 1:
                both = normalised(np.minimum(longer * after[codes[rows]], 1.0) + 1e-6)
                longer = (1 - MIXED) * both + MIXED * longer
            shares[rows] = kept(below[rows], whole[rows, None] * longer, spread[rows, None])
        inner = np.setdiff1d(parents[tree.labels :], [-1])  # what of them goes on to no longer context
        inner = inner[held[inner] >= ENOUGH * self.noise.leaves]
        shares[inner] = kept(counts[inner], held[inner, None] * shares[inner], self.noise.leaves)
        return shares

    def _draw(self, cell: Cell, drawn: Sequence[Ints]) -> None:
        """The next codes of the drawn traces that have not ended."""
        leaf = cell.tree.of(self.ids, drawn)
        ends = cell.shares.cumsum(axis=1)
        points, codes = self.rng.random(len(leaf)), self.codes[:, cell.channel, cell.row]
        for number in np.unique(leaf[self.alive]):
            rows = np.flatnonzero((leaf == number) & self.alive)
            codes[rows] = np.searchsorted(ends[number], points[rows] * ends[number, -1], side="right")
        codes[:] = np.where(self.alive, np.minimum(codes, cell.shares.shape[1] - 1), cell.shares.shape[1] - 1)
        if cell.channel == self.codes.shape[1] - 1:
            self.alive = self.codes[:, 0, cell.row] != self.traces.sizes[0] - 1


def _counted(first: Ints, second: Ints, rows: int, columns: int) -> Ints:
    """(rows, columns) how often each pair occurs."""
    return np.bincount(first * columns + second, minlength=rows * columns).reshape(rows, columns)
