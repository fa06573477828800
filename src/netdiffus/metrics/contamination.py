"""Contamination: are test traces among the synthetic ones? Then the test part says nothing of training on them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import binom

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.copies import distinct, seen_before, views
from netdiffus.metrics.reference import share_interval
from netdiffus.metrics.score import FLAGGED, Score

SURE = 1 / 40_000
"""The probability of a false alarm, as everywhere (metrics/score.py)."""


def contamination(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Synthetic traces that equal a test trace, beside training traces that do.

    Real traffic repeats itself, so both are more than none. `contamination.unseen` counts each test trace once, and
    only those that no training trace equals: what is frequent is in both parts, and one who never saw the test part
    meets the rest no more often than other real traces do. How often those do, each half of the training part tells,
    as seen from the other half. The two counts are compared by the exact conditional test of two Poisson rates
    (Przyborowski and Wilenski 1940): the interval ends where that test is passed at 2.5 %, or, if that is farther, so
    that FLAGGED times as far is where it is passed at one in 40,000.
    """
    everything = list(range(len(sets.channels)))
    made, real = (seen_before(part, sets.test, everything) for part in (sets.synthetic, sets.train))
    note = f"{np.count_nonzero(made):,} of {len(made):,} synthetic traces equal a test trace; floor: of training traces"
    span = share_interval(float(real.mean()), len(real), len(made))
    yield Score(
        "contamination.copies",
        float(made.mean()),
        span.middle,
        1.0,
        "min",
        "share",
        note=note,
        low=span.low,
        high=span.high,
    )
    rows = rng.permutation(len(sets.train))
    halves = sets.train.take(rows[: len(rows) // 2]), sets.train.take(rows[len(rows) // 2 :])
    for suffix, chosen, where in views(sets):
        count = _met(sets.synthetic, sets.test, sets.train, chosen)
        chance = _met(halves[0], sets.test, halves[1], chosen) + _met(halves[1], sets.test, halves[0], chosen)
        yield _only(f"contamination.unseen{suffix}", count, chance, sets, where)


def _met(traces: Traces, test: Traces, others: Traces, channels: list[int]) -> int:
    """How many distinct test traces are among `traces` and not among `others`."""
    return len(distinct(traces, channels) & distinct(test, channels) - distinct(others, channels))


def _only(name: str, count: int, chance: int, sets: Comparison, where: str) -> Score:
    n, of_real = len(sets.synthetic), len(sets.train)
    share = n / (n + of_real)
    usual, most = (_most(chance, share, n, alpha) / n for alpha in (0.025, SURE))
    floor = chance / of_real
    high = max(usual, floor + (most - floor) / FLAGGED)
    note = (
        f"{count:,} distinct test traces that no training trace equals are among {n:,} synthetic traces, {where}; "
        f"{chance * n / of_real:,.1f} would be among as many real ones"
    )
    return Score(name, count / n, floor, 1.0, "min", "share", note=note, low=0.0, high=min(high, 1.0))


def _most(chance: int, share: float, n: int, alpha: float) -> int:
    """The largest count, of n traces, that chance explains with a probability of at least alpha."""
    counts = np.arange(1, n + 1)
    explained = np.flatnonzero(binom.sf(counts - 1, counts + chance, share) >= alpha)
    return int(counts[explained[-1]]) if len(explained) else 0
