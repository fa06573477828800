"""Anomaly detection: a one-class model that knows one label only, from synthetic or from real traces, finds the rest.

One of the three tasks that NetDiffus (Sivaroopan et al. 2024) evaluates with. The model is a one-class support vector
machine (Schölkopf et al. 2001) on ranks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.svm import OneClassSVM
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.features import shortened
from netdiffus.metrics.ranks import rank_scale, ranks
from netdiffus.metrics.reference import Interval, interval
from netdiffus.metrics.score import Score

MOST = 300  # traces of a label that a model learns from
TESTED = 2_000  # test traces
FEWEST = 10
DRAWS = 4


def anomaly(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The area under the ROC curve of each label against all others in the real test part, and the mean over labels.

    `anomaly.tstr_auc` learned the normal label from synthetic traces, `anomaly.trtr_auc` from as many real ones.
    """
    scale = rank_scale(shortened(sets.train))
    test = shortened(sets.test).sample(TESTED, rng)
    points = ranks(test, scale)
    values, spans, skipped = {}, {}, []
    with threadpool_limits(1):
        for label in sets.labels:
            truth = test.labels != label
            synthetic, real = (shortened(part.of(label)).sample(MOST, rng) for part in (sets.synthetic, sets.train))
            if min(len(synthetic), len(real)) < FEWEST or truth.all() or not truth.any():
                skipped.append(label)
                continue
            values[label] = _auc(ranks(synthetic, scale), points, truth)
            count = min(len(synthetic), len(real))
            known = ranks(real, scale)
            draws = [_auc(known[rng.choice(len(known), count)], points, truth) for _ in range(DRAWS)]
            normal = int(np.count_nonzero(~truth))
            sd = float(np.sqrt(1 / (12 * normal)) * max(2 * (1 - np.mean(draws)), 0.05))
            spans[label] = interval(draws, sd=sd, lowest=0.0, highest=1.0)
    if not values:
        note = f"needs {FEWEST} real and {FEWEST} synthetic traces of a label, and test traces of two labels"
        yield Score("anomaly.tstr_auc", None, 0.5, None, "max", "AUC", note=note)
        return
    note = "one-class SVM, each label in turn is the normal one" + (f"; not {', '.join(skipped)}" if skipped else "")
    real_mean = float(np.mean([span.middle for span in spans.values()]))
    half = float(np.sqrt(np.sum([(span.middle - span.low) ** 2 for span in spans.values()])) / len(spans))
    span = Interval(real_mean, real_mean - half, min(1.0, real_mean + half))
    yield Score("anomaly.trtr_auc", real_mean, 0.5, None, "max", "AUC", note=note)
    yield _score(float(np.mean(list(values.values()))), span, None, note)
    for label, value in values.items():
        yield _score(value, spans[label], label, "")


def _score(value: float, span: Interval, label: str | None, note: str) -> Score:
    return Score("anomaly.tstr_auc", value, 0.5, span.middle, "max", "AUC", label, note, low=span.low, high=span.high)


def _auc(known: NDArray[np.float64], points: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    model = OneClassSVM(nu=0.1, gamma="scale").fit(known)
    return float(roc_auc_score(truth, -model.decision_function(points)))
