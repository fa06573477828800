"""Detection: can a classifier tell synthetic from real traces? (Two-sample test of Lopez-Paz and Oquab, 2017.)"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.features import features
from netdiffus.metrics.reference import interval, measured_score, redraws
from netdiffus.metrics.score import Score

MOST = 4_000  # traces of each side
FEWEST = 20
FOLDS = 3
DRAWS = 3


def detection(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The AUC of gradient boosting, cross-validated: 0.5 when nobody can tell, 1 when every trace gives itself away.

    Both sides have equally many traces of each label. The floor is the same between real and real.
    """
    seed = int(rng.integers(2**31))
    value, count = auc(sets.test, sets.synthetic, sets.channels, rng, seed)
    note = f"gradient boosting, {FOLDS} folds, {count} real test traces and as many synthetic of the same labels"
    if value is None:
        note = f"needs {FEWEST} traces of shared labels on each side, there are {count}"
        yield Score("detection.auc", None, None, 1.0, "min", "AUC", note=note)
        return
    pairs = redraws(sets, rng, DRAWS if sets.draws else 0)
    draws = [auc(first, second, sets.channels, rng, seed)[0] for first, second in pairs]
    # of the rank sum where both sides are equal, and half as much again because the folds share their traces
    sd = 1.5 * float(np.sqrt((2 * count + 1) / (12 * count**2)))
    real = [draw for draw in draws if draw is not None]
    span = interval(real, sd=sd, lowest=0.0, highest=1.0) if real else None
    yield measured_score("detection.auc", (value, span), "min", 1.0, unit="AUC", note=note)


def auc(
    real: Traces, other: Traces, channels: tuple[str, ...], rng: np.random.Generator, seed: int
) -> tuple[float | None, int]:
    """The AUC of telling `other` from `real`, and the traces used of each; None where they are too few."""
    other = other.matching(real, rng).sample(MOST, rng)
    real = real.matching(other, rng)
    if len(real) < FEWEST:
        return None, len(real)
    x = np.concatenate([features(real, channels), features(other, channels)])
    y = np.repeat([0, 1], [len(real), len(other)])
    suspicion = np.zeros(len(y))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with threadpool_limits(1):  # on busy cores its threads wait for each other a hundred times longer than they work
        for learn, judge in folds.split(x, y):
            model = HistGradientBoostingClassifier(random_state=seed).fit(x[learn], y[learn])
            suspicion[judge] = model.predict_proba(x[judge])[:, 1]
    return float(roc_auc_score(y, suspicion)), len(real)
