"""Detection: can a classifier tell synthetic from real traces? (Two-sample test of Lopez-Paz and Oquab, 2017.)"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.arrays import Floats
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.detector import FOLDS, auc_interval, detector_auc
from netdiffus.metrics.features import features
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import resamples
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

Columns = Callable[[Traces], Floats]
MOST = 4_000  # traces of each side
FEWEST = 20
DRAWS = 3
AUC = ScoreType(
    "detection.auc", "min",
    "area under the ROC curve of gradient boosting that tells synthetic from real test traces", useless=1.0,
    useless_is="1", unit="AUC", evidence=("independence",), compared=True,
)  # fmt: skip


def detection(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The AUC of gradient boosting, cross-validated: 0.5 where it cannot tell, 1 where it recognises every trace.

    Both sides have equally many traces of each label. The floor is the same between real and real.
    """
    columns = partial(features, channels=sets.channels)
    seed = int(rng.integers(2**31))
    value, count = auc(sets.test, sets.synthetic, columns, rng, seed)
    if value is None:
        note = f"needs {FEWEST} traces of shared labels on each side; got {count}"
        yield AUC.score(None, note=note)
        return
    draws = [auc(first, second, columns, rng, seed)[0] for first, second in resamples(sets, rng, DRAWS)]
    span = auc_interval([draw for draw in draws if draw is not None], count)
    note = f"gradient boosting, {FOLDS} folds, {count} real test traces and as many synthetic of the same labels"
    yield AUC.score(value, span, note=note)


def _values(sets: Comparison, rng: np.random.Generator) -> Mapping[str, float | None]:
    seed = int(rng.integers(2**31))
    return {AUC.name: auc(sets.test, sets.synthetic, partial(features, channels=sets.channels), rng, seed)[0]}


def auc(
    real: Traces,
    other: Traces,
    columns: Columns,
    rng: np.random.Generator,
    seed: int,
    folds: int = FOLDS,
    most: int = MOST,
) -> tuple[float | None, int]:
    """The AUC of telling `other` from `real` by their columns, and the number of traces used of each side.

    At most `most` traces of each side, equally many of each label; None where there are fewer than 20.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier  # before its threads are limited

    other = other.matching(real, rng).sample(most, rng)
    real = real.matching(other, rng)
    if len(real) < FEWEST:
        return None, len(real)

    def boosted(x: Floats, y: NDArray[np.intp]) -> HistGradientBoostingClassifier:
        return HistGradientBoostingClassifier(random_state=seed).fit(x, y)

    with threadpool_limits(1):  # on busy cores its threads wait for each other a hundred times longer than they work
        return detector_auc(columns(real), columns(other), boosted, seed, folds), len(real)


METRIC = Metric(
    detection,
    Comparison,
    "Can a detector tell synthetic traces from real ones?",
    "fidelity",
    (AUC,),
    baselines=True,
    values=_values,
)
