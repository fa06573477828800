"""Atoms: the few values that make up most of real traffic; does the synthetic traffic hit them exactly?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.reference import Measure, ends, measured
from netdiffus.metrics.score import Score

TOP = 20
MOST = 20_000  # traces of each side


def atoms(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """For each channel, the share of its values that are among the 20 most frequent of the real training part.

    The ceiling is the share in real traces of the same labels. A larger share than the real one is no virtue: the
    marginal distances say so.
    """
    for index, channel in enumerate(sets.channels):
        top = most_frequent(sets.train.series[:, index], TOP)
        found = measured(sets, rng, _hits(index, top), MOST)
        if "share" not in found:
            yield Score(f"atoms.{channel}.share", None, 0.0, None, "max", "share", note="no values of a shared label")
            continue
        value, real = found["share"]
        listed = ", ".join(f"{value:g}" for value in top[:5])
        note = f"the {len(top)} most frequent real values, first {listed}; labels mixed as in the test part"
        middle = share(sets.test.series[:, index], top) if real is None else real.middle
        low, high = ends(real)
        yield Score(f"atoms.{channel}.share", value, 0.0, middle, "max", "share", note=note, low=low, high=high)


def _hits(index: int, top: NDArray[np.float64]) -> Measure:
    def measure(real: Traces, other: Traces) -> dict[str, float]:
        found = share(other.series[:, index], top)
        return {} if found is None else {"share": found}

    return measure


def most_frequent(values: NDArray[np.float64], top: int) -> NDArray[np.float64]:
    """The `top` most frequent values, most frequent first; the smaller one of two that are equally frequent."""
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    return distinct[np.argsort(-counts, kind="stable")[:top]]


def share(values: NDArray[np.float64], atoms: NDArray[np.float64]) -> float | None:
    """The share of the values (absent ones left out) that are atoms; None where there are no values."""
    present = values[~np.isnan(values)]
    return float(np.isin(present, atoms).mean()) if len(present) else None
