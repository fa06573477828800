"""Contamination: are test traces among the synthetic ones? Then the test part cannot judge training on them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.copies import distinct, seen_before, views
from netdiffus.metrics.intervals import Interval, share_interval
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.score import FLAGGED, Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

SURE = 1 / 40_000
"""The probability of a false alarm, as everywhere (metrics/score.py)."""
COPIES = ScoreType(
    "contamination.copies", "min",
    "share of the synthetic traces that equals a test trace; floor: of the training part", useless=1.0, useless_is="1",
    unit="share",
)  # fmt: skip
UNSEEN = ScoreType(
    "contamination.unseen", "min",
    "distinct test traces, which no training trace equals, among the synthetic ones, as a share of these. Floor: as "
    "many as other real traces hit, by halves of the training part. The interval is that of the exact test of two "
    "Poisson rates (Przyborowski and Wilenski 1940)",
    useless=1.0, useless_is="1", unit="share", evidence=("contamination",),
)  # fmt: skip
UNSEEN_SHAPE = ScoreType(
    "contamination.unseen_shape", "min", "the same without the gaps", useless=1.0, useless_is="1", unit="share",
    evidence=("contamination",),
)  # fmt: skip


def contamination(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Synthetic traces that equal a test trace, compared with training traces that do.

    Real traffic repeats itself, so neither share is 0. `contamination.unseen` counts each test trace once, and only
    those that no training trace equals: frequent traces are in both parts, and a generator that never saw the test part
    hits the rest no more often than other real traces do. How often those do is measured between the halves of the
    training part. The two counts are compared by the exact conditional test of two Poisson rates
    (Przyborowski and Wilenski 1940): the interval ends where that test is passed at 2.5 %, or, if that is farther, so
    that FLAGGED times as far is where it is passed at one in 40,000.
    """
    everything = list(range(len(sets.channels)))
    synthetic, real = (seen_before(part, sets.test, everything) for part in (sets.synthetic, sets.train))
    note = f"{np.count_nonzero(synthetic):,} of {len(synthetic):,} synthetic traces equal a test trace; "
    note += "floor: of training traces"
    span = share_interval(float(real.mean()), len(real), len(synthetic))
    yield COPIES.score(float(synthetic.mean()), span, note=note)
    rows = rng.permutation(len(sets.train))
    halves = sets.train.take(rows[: len(rows) // 2]), sets.train.take(rows[len(rows) // 2 :])
    for kind, (chosen, where) in zip((UNSEEN, UNSEEN_SHAPE), views(sets), strict=False):
        count = _met(sets.synthetic, sets.test, sets.train, chosen)
        chance = _met(halves[0], sets.test, halves[1], chosen) + _met(halves[1], sets.test, halves[0], chosen)
        yield _unseen(kind, count, chance, sets, where)


def _met(traces: Traces, test: Traces, others: Traces, channels: list[int]) -> int:
    """How many distinct test traces are among `traces` and not among `others`."""
    return len(distinct(traces, channels) & distinct(test, channels) - distinct(others, channels))


def _unseen(kind: ScoreType, count: int, chance: int, sets: Comparison, where: str) -> Score:
    n, of_real = len(sets.synthetic), len(sets.train)
    share = n / (n + of_real)
    usual, most = (_most(chance, share, n, alpha) / n for alpha in (0.025, SURE))
    floor = chance / of_real
    high = max(usual, floor + (most - floor) / FLAGGED)
    note = (
        f"{count:,} distinct test traces that no training trace equals are among {n:,} synthetic traces, {where}; "
        f"{chance * n / of_real:,.1f} would be among as many real ones"
    )
    return kind.score(count / n, Interval(floor, 0.0, min(high, 1.0)), note=note)


def _most(chance: int, share: float, n: int, alpha: float) -> int:
    """The largest count, of n traces, that chance explains with a probability of at least alpha."""
    counts = np.arange(1, n + 1)
    from scipy.stats import binom

    explained = np.flatnonzero(binom.sf(counts - 1, counts + chance, share) >= alpha)
    return int(counts[explained[-1]]) if len(explained) else 0


METRIC = Metric(
    contamination,
    Comparison,
    "Are test traces among the synthetic ones?",
    "privacy",
    (COPIES, UNSEEN, UNSEEN_SHAPE),
)
