"""Atoms: the few values that make up most of real traffic; does the synthetic traffic hit them exactly?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.score import Score

TOP = 20


def atoms(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """For each channel, the share of its values that are among the 20 most frequent of the real training part.

    The ceiling is the share in the real test part. A larger share than the real one is no virtue: the marginal
    distances say so.
    """
    for index, channel in enumerate(sets.channels):
        top = most_frequent(sets.train.series[:, index], TOP)
        real, synthetic = (share(part.series[:, index], top) for part in (sets.test, sets.synthetic))
        listed = ", ".join(f"{value:g}" for value in top[:5])
        note = f"the {len(top)} most frequent real values, first {listed}" if synthetic is not None else "no values"
        yield Score(f"atoms.{channel}.share", synthetic, 0.0, real, "max", "share", note=note)


def most_frequent(values: NDArray[np.float64], top: int) -> NDArray[np.float64]:
    """The `top` most frequent values, most frequent first; the smaller one of two that are equally frequent."""
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    return distinct[np.argsort(-counts, kind="stable")[:top]]


def share(values: NDArray[np.float64], atoms: NDArray[np.float64]) -> float | None:
    """The share of the values (absent ones left out) that are atoms; None where there are no values."""
    present = values[~np.isnan(values)]
    return float(np.isin(present, atoms).mean()) if len(present) else None
