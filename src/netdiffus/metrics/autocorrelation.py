"""Autocorrelation: does a packet depend on those before it as in real traffic?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.order import centred, disordered
from netdiffus.metrics.reference import measured, measured_score
from netdiffus.metrics.score import Score

LAGS = 10
MOST = 4_000  # traces of each side


def autocorrelation(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """For each channel, the mean difference of the autocorrelation inside a trace at lags 1 to 10.

    The ceiling is what real traces get whose packets are in random order.
    """

    def measure(real: Traces, other: Traces) -> dict[str, float]:
        difference = np.abs(autocorrelations(real) - autocorrelations(other)).mean(axis=1)
        return dict(zip(sets.channels, map(float, difference), strict=True))

    found = measured(sets, rng, measure, MOST)
    part = sets.test.sample(MOST, rng)
    useless = measure(part, disordered(part, rng))
    note = f"mean over lags 1 to {LAGS}; the ceiling is real traces with their packets in random order"
    for channel in sets.channels:
        name = f"autocorrelation.{channel}"
        if channel in found:
            yield measured_score(name, found[channel], "min", useless[channel], note=note)
        else:
            yield Score(name, None, None, None, "min", note="real and synthetic traces share no label")


def autocorrelations(traces: Traces) -> NDArray[np.float64]:
    """Each channel's correlation (C, lags) with itself so many positions later, pooled over the traces; 0 if flat."""
    x = centred(traces)
    variance = np.sum(x**2, axis=(0, 2))
    lags = range(1, min(LAGS, x.shape[2] - 1) + 1)
    shared = [np.sum(x[:, :, :-lag] * x[:, :, lag:], axis=(0, 2)) for lag in lags]
    if not shared:
        return np.zeros((x.shape[1], 1))
    return np.stack(shared, axis=1) / np.where(variance > 0, variance, 1.0)[:, None]
