"""An audit of a whole private training: canaries, and the guesses of someone who sees all that the ledger releases."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl

from bench.sets.measures import arrays
from netdiffus.api.verbs import prepare, train
from netdiffus.arrays import Bools, Floats, Ints
from netdiffus.imaging.channels import fold
from netdiffus.metrics import Traces
from netdiffus.metrics.one_run import audited
from netdiffus.models import private
from netdiffus.privacy import alphabet, tables
from netdiffus.privacy.alphabet import Codes, private_codes
from netdiffus.privacy.grid import Grid
from netdiffus.privacy.ledger import Entry, Look, plan
from netdiffus.privacy.noise import noisy

CHANNELS = ("size", "direction")
LABELS = ("a", "b")
CANARIES, BESIDE, POSITIONS = 900, 2000, 10
DELTA = 1e-5


@dataclass(frozen=True)
class Planted:
    """Canaries, which of them are in the training set, the other flows of it, and the dataset of both."""

    canaries: Traces
    inside: Bools
    beside: Traces
    dataset: Path


def planted(folder: Path, seed: int) -> Planted:
    """Made-up traffic of two labels with canaries: flows of sizes drawn evenly, a sixth of the largest sizes, and a
    sixth that all repeat one flow."""
    rng, sixth = np.random.default_rng(seed), CANARIES // 6

    def rows(sizes: Ints) -> pl.DataFrame:
        directions = rng.integers(0, 2, sizes.shape).tolist()
        return pl.DataFrame({"size": sizes.tolist(), "direction": directions, "label": rng.choice(LABELS, len(sizes))})

    beside = rows(rng.choice([0, 64, 517, 1448], (BESIDE, POSITIONS)))
    rare = rng.integers(0, 1500, (CANARIES, POSITIONS))
    rare[:sixth] = rng.integers(1500, 1536, (sixth, POSITIONS))
    rare[sixth : 2 * sixth] = rare[sixth]
    canaries = rows(rare)
    inside = rng.random(CANARIES) < 0.5
    folder.mkdir()
    pl.concat([beside, canaries.filter(inside)]).write_parquet(folder / "t.parquet")
    dataset = prepare(folder / "t.parquet", folder / "dataset", test=0.0, packets=POSITIONS)
    return Planted(arrays(canaries, CHANNELS, POSITIONS), inside, arrays(beside, CHANNELS, POSITIONS), dataset)


@dataclass
class Seen:
    """What a training releases of its counts: of values by position, then of each position by label, and of pairs."""

    books: list[Codes] = field(default_factory=list)
    values: list[tuple[Ints, float]] = field(default_factory=list)
    counts: list[tuple[Ints, float]] = field(default_factory=list)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """While the block runs, what is released is kept."""

        def codes(values: Floats, grid: Grid, sigma: float) -> Codes:
            self.books.append(private_codes(values, grid, sigma))
            return self.books[-1]

        def kept(into: list[tuple[Ints, float]], counts: Ints, sigma: float) -> Ints:
            into.append((noisy(counts, sigma), sigma))
            return into[-1][0]

        with ExitStack() as stack:
            stack.enter_context(patch.object(private, "private_codes", codes))
            stack.enter_context(patch.object(alphabet, "noisy", lambda *given: kept(self.values, *given)))
            stack.enter_context(patch.object(tables, "noisy", lambda *given: kept(self.counts, *given)))
            yield

    def scores(self, traces: Traces, others: Traces) -> Floats:
        """(N,) how much more the counts of each canary's cells are than without it: its likelihood ratio, but for a
        constant."""
        (book,), (values, sigma) = self.books, self.values[0]
        mine, theirs = (fold(part.series, CHANNELS)[:, 0] for part in (traces, others))
        place = np.arange(POSITIONS)
        found: Floats = self._above(
            values, sigma, (place, book.grid.index(mine)), (place, book.grid.index(theirs))
        ).sum(axis=1)
        codes, before = book.encode(mine), book.encode(theirs)
        labels, beside = (np.searchsorted(LABELS, part.labels) for part in (traces, others))
        for row in range(POSITIONS):  # a position has three looks, the first one has one
            counts, sigma = self.counts[max(0, 3 * row - 2)]
            found += self._above(counts, sigma, (labels, codes[:, row]), (beside, before[:, row]))
            if row:
                counts, sigma = self.counts[3 * row - 1]
                pairs = [(part[:, row - 1], part[:, row]) for part in (codes, before)]
                found += self._above(counts, sigma, *pairs)
        return found

    def _above(self, counts: Ints, sigma: float, cells: Sequence[Ints], known: Sequence[Ints]) -> Floats:
        """What is left of the canaries' cells without known traces and half of the other canaries, by its variance."""
        mine, theirs = (tuple(np.broadcast_arrays(*part)) for part in (cells, known))
        left, others = counts.astype(np.float64), np.zeros(counts.shape)
        np.add.at(left, theirs, -1.0)
        np.add.at(others, mine, 1.0)
        above: Floats = (left[mine] - others[mine] / 2) / (sigma**2 + (others[mine] - 1) / 4)
        return above


def audit(epsilon: float, seed: int, *, over: float = 1.0) -> float:
    """The lower bound of epsilon of one training with canaries; `over`: the noise relative to what is paid for."""

    def paid(looks: list[Look], epsilon: float, delta: float) -> list[Entry]:
        return [each.model_copy(update={"sigma": each.sigma * over}) for each in plan(looks, epsilon, delta)]

    seen = Seen()
    with tempfile.TemporaryDirectory() as scratch, patch.object(private, "plan", paid), seen.recorded():
        found = planted(Path(scratch) / "planted", seed)
        train(found.dataset, Path(scratch) / "model", epsilon=epsilon, delta=DELTA)
    return audited(seen.scores(found.canaries, found.beside), found.inside, DELTA)
