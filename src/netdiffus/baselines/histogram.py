"""Independent histograms: every value drawn by itself, as often as its label has it at that position."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def histogram(
    series: NDArray[np.float64], labels: NDArray[np.str_], counts: Mapping[str, int], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """A length drawn from the label's lengths, then each channel at each position from the real values found there.

    Marginals are right; what a packet has to do with its neighbours, or its size with its direction, is lost.
    """
    made = [_of_label(series[labels == label], count, rng) for label, count in counts.items()]
    empty = np.zeros((0, *series.shape[1:]))
    return np.concatenate([empty, *made]), np.repeat(np.array(list(counts), dtype=labels.dtype), list(counts.values()))


def _of_label(series: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    lengths = rng.choice(np.count_nonzero(~np.isnan(series[:, 0]), axis=1), count)
    made = np.full((count, *series.shape[1:]), np.nan)
    for position in range(series.shape[2]):
        present = np.flatnonzero(lengths > position)
        for channel in range(series.shape[1]):
            real = series[:, channel, position]
            if len(present):
                made[present, channel, position] = rng.choice(real[~np.isnan(real)], len(present))
    return made
