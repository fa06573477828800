"""Spectrum of binned series: is there as much slow and fast variation, and the same periods, as in real traffic?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.order import centred, disordered
from netdiffus.metrics.reference import measured, measured_score
from netdiffus.metrics.score import Score

MOST = 4_000  # traces of each side


def spectrum(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Total variation between the mean power spectra of each label, in [0, 1], mean over labels; binned series only.

    The ceiling is real traces with their bins in random order, whose spectrum is flat.
    """
    binned = [(index, name) for index, name in enumerate(sets.channels) if name.endswith("_bytes")]

    def measure(real: Traces, other: Traces) -> dict[str, float]:
        labels = np.intersect1d(real.labels, other.labels)
        a, b = ([power(part.of(label)) for label in labels] for part in (real, other))
        return {
            name: float(np.mean([np.abs(p[index] - q[index]).sum() / 2 for p, q in zip(a, b, strict=True)]))
            for index, name in binned
        }

    found = measured(sets, rng, measure, MOST) if binned else {}
    part = sets.test.sample(MOST, rng)
    useless = measure(part, disordered(part, rng)) if binned else {}
    for _, name in binned:
        if name in found:
            yield measured_score(f"spectrum.{name}", found[name], "min", useless[name], note="mean over the labels")
        else:
            note = "real and synthetic traces share no label"
            yield Score(f"spectrum.{name}", None, None, None, "min", note=note)


def power(traces: Traces) -> NDArray[np.float64]:
    """The mean periodogram (C, frequencies) without the mean, each row a distribution; zeros where all are flat."""
    spectra = np.abs(np.fft.rfft(centred(traces), axis=2)[:, :, 1:]) ** 2
    mean = spectra.mean(axis=0)
    total = mean.sum(axis=1, keepdims=True)
    return np.asarray(mean / np.where(total > 0, total, 1.0))
