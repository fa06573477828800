"""Autocorrelation: does a packet depend on the packets before it as in real traffic?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from netdiffus.arrays import Floats
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import Measure, measured, score_of, values_of
from netdiffus.metrics.order import demeaned, shuffled
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

LAGS = 10
MOST = 4_000  # traces of each side
DIFFERENCE = ScoreType(
    "autocorrelation.CHANNEL", "min", "difference of the autocorrelation inside a trace, mean over lags 1 to 10",
    range=(0.0, 2.0), useless_is="packets in random order", evidence=("shape",), compared=True,
)  # fmt: skip


def autocorrelation(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """For each channel, the mean difference of the autocorrelation inside a trace at lags 1 to 10.

    The ceiling is what real traces get with their packets in random order.
    """
    measure = _measure(sets)
    found = measured(sets, rng, measure, MOST)
    part = sets.test.sample(MOST, rng)
    useless = measure(part, shuffled(part, rng))
    note = f"mean over lags 1 to {LAGS}; the ceiling is real traces with their packets in random order"
    for channel in sets.channels:
        kind = DIFFERENCE.of(channel)
        yield score_of(kind, found, useless[kind.name], note=note)


def _values(sets: Comparison, rng: np.random.Generator) -> Mapping[str, float]:
    return values_of(sets, rng, _measure(sets), MOST)


def _measure(sets: Comparison) -> Measure[Traces]:
    names = [DIFFERENCE.of(channel).name for channel in sets.channels]

    def measure(real: Traces, other: Traces) -> dict[str, float]:
        difference = np.abs(autocorrelations(real) - autocorrelations(other)).mean(axis=1)
        return dict(zip(names, map(float, difference), strict=True))

    return measure


def autocorrelations(traces: Traces) -> Floats:
    """Each channel's correlation (C, lags) with itself so many positions later, pooled over the traces; 0 if flat."""
    x = demeaned(traces)
    variance = np.sum(x**2, axis=(0, 2))
    lags = range(1, min(LAGS, x.shape[2] - 1) + 1)
    shared = [np.sum(x[:, :, :-lag] * x[:, :, lag:], axis=(0, 2)) for lag in lags]
    if not shared:
        return np.zeros((x.shape[1], 1))
    return np.stack(shared, axis=1) / np.where(variance > 0, variance, 1.0)[:, None]


METRIC = Metric(
    autocorrelation,
    Comparison,
    "Does a packet depend on the packets before it as in real traffic?",
    "fidelity",
    (DIFFERENCE,),
    baselines=True,
    values=_values,
)
