"""Anomaly detection: a one-class model trained on a single label, synthetic or real, detects the rest.

One of the three tasks that NetDiffus (Sivaroopan et al. 2024) evaluates with. The model is a one-class support vector
machine (Schölkopf et al. 2001) on ranks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.arrays import Floats
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.features import shortened
from netdiffus.metrics.intervals import Interval, interval
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.ranks import rank_scale, ranks
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType

if TYPE_CHECKING:
    from sklearn.svm import OneClassSVM

MOST = 300  # traces of a label that a model learns from
TESTED = 2_000  # test traces
FEWEST = 10
DRAWS = 4
TRTR = ScoreType(
    "anomaly.trtr_auc", "max",
    "anomaly detection: AUC of a one-class model trained on a single label, over all and per label; on real traces",
    useless=0.5, useless_is="0.5", unit="AUC",
)  # fmt: skip
TSTR = ScoreType(
    "anomaly.tstr_auc", "max", "the same trained on synthetic traces", useless=0.5, useless_is="0.5", unit="AUC"
)  # fmt: skip


def anomaly(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The area under the ROC curve of each label against all others in the real test part, and the mean over labels.

    `anomaly.tstr_auc` learned the normal label from synthetic traces, `anomaly.trtr_auc` from as many real ones.
    """
    scale = rank_scale(shortened(sets.train))
    test = shortened(sets.test).sample(TESTED, rng)
    points = ranks(test, scale)
    values, spans, skipped = {}, {}, []
    svm = one_class_svm()  # loads scikit-learn before its threads are limited
    with threadpool_limits(1):
        for label in sets.labels:
            truth = test.labels != label
            synthetic, real = (shortened(part.of(label)).sample(MOST, rng) for part in (sets.synthetic, sets.train))
            if min(len(synthetic), len(real)) < FEWEST or truth.all() or not truth.any():
                skipped.append(label)
                continue
            values[label] = _auc(svm, ranks(synthetic, scale), points, truth)
            count = min(len(synthetic), len(real))
            known = ranks(real, scale)
            draws = [_auc(svm, known[rng.choice(len(known), count)], points, truth) for _ in range(DRAWS)]
            normal = int(np.count_nonzero(~truth))
            sd = float(np.sqrt(1 / (12 * normal)) * max(2 * (1 - np.mean(draws)), 0.05))
            spans[label] = interval(draws, sd=sd, lowest=0.0, highest=1.0)
    if not values:
        note = f"needs {FEWEST} real and {FEWEST} synthetic traces of a label, and test traces of two labels"
        yield TSTR.score(None, note=note)
        return
    note = "one-class SVM, each label in turn is the normal one" + (f"; not {', '.join(skipped)}" if skipped else "")
    real_mean = float(np.mean([span.middle for span in spans.values()]))
    half = float(np.sqrt(np.sum([(span.middle - span.low) ** 2 for span in spans.values()])) / len(spans))
    span = Interval(real_mean, real_mean - half, min(1.0, real_mean + half))
    yield TRTR.score(real_mean, note=note)
    yield TSTR.score(float(np.mean(list(values.values()))), span, note=note)
    for label, value in values.items():
        yield TSTR.score(value, spans[label], label=label)


def _auc(svm: OneClassSVM, known: Floats, points: Floats, truth: NDArray[np.bool_]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, -svm.fit(known).decision_function(points)))


def one_class_svm() -> OneClassSVM:
    """The one-class model, not fitted yet."""
    from sklearn.svm import OneClassSVM

    return OneClassSVM(nu=0.1, gamma="scale")


METRIC = Metric(
    anomaly,
    Comparison,
    "Does an anomaly detector that learned normal traffic from synthetic traces find the rest?",
    "utility",
    (TRTR, TSTR),
)
