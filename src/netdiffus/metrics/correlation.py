"""Correlation of channels: are a packet's size, direction and gap related as in real traffic?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from netdiffus.arrays import Floats
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import measured, score_of, values_of
from netdiffus.metrics.order import demeaned, shuffled
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

MOST = 4_000  # traces of each side
SHIFTS = (-1, 0, 1)
CHANNELS = ScoreType(
    "correlation.channels", "min",
    "difference of the correlation between channels inside a trace, shifts -1 to 1, mean over labels",
    range=(0.0, 2.0), useless_is="channels in random order", evidence=("shape",), compared=True,
)  # fmt: skip


def correlation(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The mean difference of the correlation between two channels inside a trace, of each label, at shifts -1, 0, 1.

    The ceiling is what real traces get with each channel in a random order of its own.
    """
    if len(sets.channels) < 2:
        yield CHANNELS.score(None, note="the traces have one channel only")
        return
    found = measured(sets, rng, _measure, MOST)
    part = sets.test.sample(MOST, rng)
    useless = _measure(part, shuffled(part, rng, together=False))[CHANNELS.name]
    note = "mean over labels and pairs of channels; the ceiling is real traces with each channel in random order"
    yield score_of(CHANNELS, found, useless, note=note)


def _values(sets: Comparison, rng: np.random.Generator) -> Mapping[str, float | None]:
    return values_of(sets, rng, _measure, MOST) if len(sets.channels) > 1 else {CHANNELS.name: None}


def _measure(real: Traces, other: Traces) -> dict[str, float]:
    labels = np.intersect1d(real.labels, other.labels)
    differences = [np.abs(correlations(real.of(label)) - correlations(other.of(label))).mean() for label in labels]
    return {CHANNELS.name: float(np.mean(differences))}


def correlations(traces: Traces) -> Floats:
    """The correlation of each pair of channels at each shift (pairs * shifts,); 0 where one of them is flat."""
    x = demeaned(traces)
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


METRIC = Metric(
    correlation,
    Comparison,
    "Are the size, direction and timing of a packet related as in real traffic?",
    "fidelity",
    (CHANNELS,),
    baselines=True,
    values=_values,
)
