"""Spectrum of binned series: are slow and fast variation, and the periods, as strong as in real traffic?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.arrays import Floats
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import measured, score_of
from netdiffus.metrics.order import demeaned, shuffled
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

MOST = 4_000  # traces of each side
VARIATION = ScoreType(
    "spectrum.CHANNEL", "min",
    "total variation of the mean power spectra, mean over labels; binned series only",
    useless_is="bins in random order", evidence=("shape",),
)  # fmt: skip


def spectrum(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Total variation between the mean power spectra of each label, in [0, 1], mean over labels; binned series only.

    The ceiling is real traces with their bins in random order, whose spectrum is flat.
    """
    kinds = {index: VARIATION.of(channel) for index, channel in enumerate(sets.channels) if channel.endswith("_bytes")}
    if not kinds:
        return

    def measure(real: Traces, other: Traces) -> dict[str, float]:
        labels = np.intersect1d(real.labels, other.labels)
        a, b = ([power(part.of(label)) for label in labels] for part in (real, other))
        return {
            kind.name: float(np.mean([np.abs(p[index] - q[index]).sum() / 2 for p, q in zip(a, b, strict=True)]))
            for index, kind in kinds.items()
        }

    found = measured(sets, rng, measure, MOST)
    part = sets.test.sample(MOST, rng)
    useless = measure(part, shuffled(part, rng))
    for kind in kinds.values():
        yield score_of(kind, found, useless[kind.name], note="mean over the labels")


def power(traces: Traces) -> Floats:
    """The mean periodogram (C, frequencies) without the mean, each row a distribution; zeros where all are flat."""
    spectra = np.abs(np.fft.rfft(demeaned(traces), axis=2)[:, :, 1:]) ** 2
    mean = spectra.mean(axis=0)
    total = mean.sum(axis=1, keepdims=True)
    return np.asarray(mean / np.where(total > 0, total, 1.0))


METRIC = Metric(
    spectrum,
    Comparison,
    "Do byte counts over time vary as fast, and with the same periods, as in real traffic?",
    "fidelity",
    (VARIATION,),
)
