"""Atoms: the few values that make up most of real traffic; does the synthetic traffic hit them exactly?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.reference import measured, measured_score
from netdiffus.metrics.score import Score

TOP = 20
MOST = 20_000  # traces of each side


def atoms(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """For each channel, the share of its values that are among the 20 most frequent of the real test part.

    The ceiling is the share in other real traces of the same labels. A larger share than the real one is no virtue:
    the marginal distances say so.
    """

    def measure(real: Traces, other: Traces) -> dict[str, float]:
        found = {
            channel: share(other.series[:, index], most_frequent(real.series[:, index], TOP))
            for index, channel in enumerate(sets.channels)
        }
        return {channel: value for channel, value in found.items() if value is not None}

    found = measured(sets, rng, measure, MOST)
    for index, channel in enumerate(sets.channels):
        name = f"atoms.{channel}.share"
        if channel not in found:
            yield Score(name, None, 0.0, None, "max", "share", note="no values of a shared label")
            continue
        top = most_frequent(sets.test.series[:, index], TOP)
        listed = ", ".join(f"{value:g}" for value in top[:5])
        note = f"the {len(top)} most frequent real values, first {listed}; labels mixed as in the test part"
        yield measured_score(name, found[channel], "max", 0.0, unit="share", note=note)


def most_frequent(values: NDArray[np.float64], top: int) -> NDArray[np.float64]:
    """The `top` most frequent values, most frequent first; the smaller one of two that are equally frequent."""
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    return distinct[np.argsort(-counts, kind="stable")[:top]]


def share(values: NDArray[np.float64], atoms: NDArray[np.float64]) -> float | None:
    """The share of the values (absent ones left out) that are atoms; None where there are no values."""
    present = values[~np.isnan(values)]
    return float(np.isin(present, atoms).mean()) if len(present) else None
