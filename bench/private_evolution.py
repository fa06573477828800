"""Private evolution: candidates that anyone may see, voted for by the private traces, selected and varied.

Each private trace votes for the nearest candidate of its label, in the space of the classifier's features (the
logarithm of sizes with the sign of the direction, and whether a position is there). A round's votes are a histogram of
which a trace changes one count by 1. Candidates are drawn by their noisy votes above a threshold, and varied: a piece
of a public trace takes the place of a piece, and codes of sizes move to near ones, less from round to round. After the
last round traces are drawn from the candidates by their noisy votes.

Sources: Lin et al., "Differentially private synthetic data via foundation model APIs 1: Images", ICLR 2024 (the rounds,
histogram and threshold); Swanberg et al., "Is API access to LLMs useful for generating private synthetic tabular
data?", 2025 (rows of tables, whose variation needs no model).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from scipy.spatial import KDTree

from bench.private_start import CHANNELS, Method, Private, Start, begin, context_cells, draw_cells, product_looks
from netdiffus import recordings
from netdiffus.api.verbs import prepare
from netdiffus.arrays import Floats, Ints
from netdiffus.imaging.channels import fold
from netdiffus.privacy.noise import noisy
from netdiffus.traffic.traces import series

VOTES = "votes of each round for the nearest candidate"
VOTED = 0.9
"""The weight of all rounds."""
THRESHOLD = 2.0
"""Standard deviations of noise that votes which count are above."""
THERE = 4.0
"""What a position that is there differs from one that is not, beside its size."""
NEAR = 8.0
"""Standard deviation of the first changes of a code, in codes."""
PIECE, MOVED = 0.5, 0.3
"""Chances that a varied trace gets a piece of another one, and that a size of it moves."""


@cache
def public_values(length: int) -> Floats:
    """Signed sizes (M, length) of the recordings of the package, NaN past the end."""
    with tempfile.TemporaryDirectory() as scratch:
        dataset = prepare(recordings.folder(), Path(scratch) / "dataset", packets=length)
        traces = pl.read_parquet(dataset / "traces.parquet")
    return np.asarray(fold(series(traces, length, list(CHANNELS)), CHANNELS)[:, 0])


def features(values: Floats) -> Floats:
    """(M, 2 n) of signed sizes (M, n): logarithms, and whether a position is there."""
    there = ~np.isnan(values)
    sizes = np.nan_to_num(values)
    return np.concatenate([np.sign(sizes) * np.log1p(np.abs(sizes)), THERE * there], axis=1)


@dataclass(frozen=True)
class Population:
    """Candidates of one label: codes (M, n), and their noisy votes (M,), 0 where noise may be all."""

    codes: Ints
    votes: Floats

    def drawn(self, count: int, rng: np.random.Generator) -> Ints:
        """Candidates by their votes; evenly where there are none."""
        whole = self.votes.sum()
        shares = self.votes / whole if whole > 0 else np.full(len(self.votes), 1 / len(self.votes))
        return self.codes[rng.choice(len(self.votes), count, p=shares)]


def voted(private: Floats, candidates: Floats, sigma: float) -> Floats:
    """Noisy votes (M,) of private traces (N, n) for candidates (M, n), 0 where they are below the threshold."""
    nearest: Ints = KDTree(features(candidates)).query(features(private))[1]
    votes = noisy(np.bincount(nearest, minlength=len(candidates)), sigma).astype(np.float64)
    return np.where(votes > THRESHOLD * sigma, votes, 0.0)


def varied(codes: Ints, public: Ints, absent: int, strength: float, rng: np.random.Generator) -> Ints:
    """Candidates (M, n) changed: pieces of public ones, and codes that move by `strength` of NEAR, before their end."""
    n, place = codes.shape[1], np.arange(codes.shape[1])
    first, last = np.sort(rng.integers(0, n + 1, (2, len(codes), 1)), axis=0)
    pieces = (place >= first) & (place < last) & (rng.random((len(codes), 1)) < PIECE)
    found = np.where(pieces, public[rng.integers(0, len(public), len(codes))], codes)
    moves = np.round(NEAR * strength * rng.standard_normal(found.shape)).astype(np.int64)
    moves = np.where((rng.random(found.shape) < MOVED) & (found < absent), moves, 0)
    found = np.where(found < absent, (found + moves).clip(0, absent - 1), absent)
    found[np.logical_or.accumulate(found == absent, axis=1)] = absent
    return found


def evolved(
    start: Start, label: int, private: Floats, public: Ints, setting: Mapping[str, float], rng: np.random.Generator
) -> Population:
    """The last population of a label, of all private traces (N, n) and public ones that the first is drawn from."""
    rounds, most = int(setting["rounds"]), int(setting["candidates"])
    mine, codes, votes = private[start.ids == label], public[rng.choice(len(public), most)], np.zeros(most)
    for number in range(rounds):
        if number:
            parents = np.unique(Population(codes, votes).drawn(most // 2, rng), axis=0)
            children = parents[rng.integers(0, len(parents), most - len(parents))]
            strength = 1 - number / rounds
            codes = np.concatenate([parents, varied(children, public, len(start.book) - 1, strength, rng)])
        votes = voted(mine, start.values(codes, rng), start.sigma(VOTES))
    return Population(codes, votes)


def by_evolution(private: Private, epsilon: float, setting: Mapping[str, float], seed: int) -> Method:
    """Evolution from the recordings, or with a `tables` share above 0 of the budget from what tables draw."""
    n, rng = private.values.shape[1], np.random.default_rng(seed)
    share, rounds = setting["tables"], int(setting["rounds"])
    looks = {name: (cells, share * weight) for name, (cells, weight) in product_looks(n).items()} if share else {}
    start = begin(private, looks | {VOTES: (rounds, VOTED * (1 - share))}, epsilon)
    cells = context_cells(start, seed) if share else []
    populations, public = list[Population](), start.book.encode(np.empty((0, n)) if cells else public_values(n))
    for label in range(len(private.labels)):
        if cells:
            public = draw_cells(cells, np.full(int(setting["candidates"]) * rounds, label), rng)
        populations.append(evolved(start, label, private.values, public, setting, rng))

    def draw(ids: Ints, rng: np.random.Generator) -> Floats:
        codes = np.empty((len(ids), n), dtype=np.int64)
        for label in np.unique(ids):
            codes[ids == label] = populations[label].drawn(int((ids == label).sum()), rng)
        return start.values(codes, rng)

    return Method(draw, start.spent)
