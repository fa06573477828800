"""Correlation of channels: do a packet's size, direction and gap hang together as in real traffic?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.order import centred, disordered
from netdiffus.metrics.reference import measured, measured_score
from netdiffus.metrics.score import Score

MOST = 4_000  # traces of each side
SHIFTS = (-1, 0, 1)


def correlation(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The mean difference of the correlation between two channels inside a trace, of each label, at shifts -1, 0, 1.

    The ceiling is what real traces get whose channels are each put in a random order of their own.
    """
    if len(sets.channels) < 2:
        yield Score("correlation.channels", None, None, None, "min", note="the traces have one channel only")
        return

    def measure(real: Traces, other: Traces) -> dict[str, float]:
        labels = np.intersect1d(real.labels, other.labels)
        apart = [np.abs(correlations(real.of(label)) - correlations(other.of(label))).mean() for label in labels]
        return {"channels": float(np.mean(apart))}

    found = measured(sets, rng, measure, MOST)
    part = sets.test.sample(MOST, rng)
    useless = measure(part, disordered(part, rng, together=False))["channels"]
    note = "mean over labels and pairs of channels; the ceiling is real traces with each channel in random order"
    if found:
        yield measured_score("correlation.channels", found["channels"], "min", useless, note=note)
    else:
        yield Score("correlation.channels", None, None, None, "min", note="real and synthetic traces share no label")


def correlations(traces: Traces) -> NDArray[np.float64]:
    """The correlation of each pair of channels at each shift (pairs * shifts,); 0 where one of them is flat."""
    x = centred(traces)
    length = x.shape[2]
    scale = np.sqrt(np.sum(x**2, axis=(0, 2)))
    values = []
    for first in range(x.shape[1]):
        for second in range(first + 1, x.shape[1]):
            for shift in SHIFTS:
                low, high = max(0, -shift), length - max(0, shift)
                shared = np.sum(x[:, first, low:high] * x[:, second, low + shift : high + shift])
                values.append(shared / (scale[first] * scale[second] or 1.0))
    return np.array(values)
