"""Baselines: simple generators that a model must outperform.

Each is `f(series, labels, counts, rng) -> (series, labels)`: from real traces (N, C, n), NaN past the end, and their
labels (N,), generate `counts` new ones of each label. Every label in `counts` must have real traces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from netdiffus.baselines.histogram import histogram
from netdiffus.baselines.jitter import jitter
from netdiffus.baselines.markov import markov

Baseline = Callable[
    [NDArray[np.float64], NDArray[np.str_], Mapping[str, int], np.random.Generator],
    tuple[NDArray[np.float64], NDArray[np.str_]],
]

BASELINES: dict[str, Baseline] = {"jitter": jitter, "histogram": histogram, "markov": markov}

__all__ = ["BASELINES", "Baseline"]
