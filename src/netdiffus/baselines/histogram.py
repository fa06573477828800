"""Independent histograms: every value is drawn on its own, from those of its label at that position."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def histogram(
    series: NDArray[np.float64], labels: NDArray[np.str_], counts: Mapping[str, int], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Draw a length from the label's lengths, then each channel at each position from the real values at that position.

    Marginals are right; dependence between packets, and between the channels of a packet, is lost.
    """
    generated = [_of_label(series[labels == label], count, rng) for label, count in counts.items()]
    empty = np.zeros((0, *series.shape[1:]))
    return np.concatenate([empty, *generated]), np.repeat(
        np.array(list(counts), dtype=labels.dtype), list(counts.values())
    )


def _of_label(series: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    lengths = rng.choice(np.count_nonzero(~np.isnan(series[:, 0]), axis=1), count)
    generated = np.full((count, *series.shape[1:]), np.nan)
    for position in range(series.shape[2]):
        present = np.flatnonzero(lengths > position)
        for channel in range(series.shape[1]):
            real = series[:, channel, position]
            if len(present):
                generated[present, channel, position] = rng.choice(real[~np.isnan(real)], len(present))
    return generated
