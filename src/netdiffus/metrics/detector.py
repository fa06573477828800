"""A detector: a classifier that tells other samples from real ones, cross-validated (Lopez-Paz and Oquab 2017)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.metrics.intervals import Interval, interval

FOLDS = 3


def detector_auc(
    real: NDArray[Any],
    other: NDArray[Any],
    fit: Callable[[NDArray[Any], NDArray[np.intp]], Any],
    seed: int,
    folds: int = FOLDS,
) -> float:
    """The area under the ROC curve of telling `other` from `real`, both features (N, K).

    Args:
        fit: (features, classes: 0 real, 1 other) → a classifier with `predict_proba`.
        seed: of the folds.
    """
    x = np.concatenate([real, other])
    y = np.repeat([0, 1], [len(real), len(other)])
    suspicion = np.zeros(len(y))
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    for learned, judged in StratifiedKFold(folds, shuffle=True, random_state=seed).split(x, y):
        suspicion[judged] = fit(x[learned], y[learned]).predict_proba(x[judged])[:, 1]
    return float(roc_auc_score(y, suspicion))


def auc_interval(draws: list[float], count: int) -> Interval | None:
    """The interval of such an area between real sets of `count` elements each; None without draws.

    The deviation is that of the rank sum where both sides are equal, and half as much again because the folds share
    their elements.
    """
    sd = 1.5 * float(np.sqrt((2 * count + 1) / (12 * count**2)))
    return interval(draws, sd=sd, lowest=0.0, highest=1.0) if draws else None
