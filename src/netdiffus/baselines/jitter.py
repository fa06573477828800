"""Resampling with jitter: real traces with every value slightly perturbed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

SPREAD = 0.05


def resampled(labels: NDArray[np.str_], counts: Mapping[str, int], rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows drawn with replacement, `counts` of each label, one label after another."""
    rows = [rng.choice(np.flatnonzero(labels == label), count) for label, count in counts.items()]
    return np.concatenate([np.zeros(0, dtype=np.intp), *rows])


def jitter(
    series: NDArray[np.float64], labels: NDArray[np.str_], counts: Mapping[str, int], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Traces drawn with replacement from those of their label, every value scaled by 1 + 0.05 N(0, 1) and rounded.

    Zeros, directions and lengths stay as they are.
    """
    drawn = resampled(labels, counts, rng)
    moved = np.round(series[drawn] * (1 + SPREAD * rng.standard_normal((len(drawn), *series.shape[1:]))))
    return moved, np.repeat(np.array(list(counts), dtype=labels.dtype), list(counts.values()))
