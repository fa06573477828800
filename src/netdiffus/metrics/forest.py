"""The random forest (Breiman 2001) of all metrics that train one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from netdiffus.metrics.classification import Result, result_of
from netdiffus.metrics.features import features
from netdiffus.metrics.traces import Traces

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

TREES = 100
FEW = 500  # rows up to which a second thread costs more than it brings


def forest(x: NDArray[Any], y: NDArray[Any], seed: int, trees: int = TREES) -> RandomForestClassifier:
    """A forest fitted to features (N, K) and their classes (N,); the number of threads does not change it."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(trees, random_state=seed, n_jobs=1 if len(x) <= FEW else 2).fit(x, y)


def forest_of(train: Traces, channels: tuple[str, ...], seed: int, trees: int = TREES) -> RandomForestClassifier:
    """A forest that learned the labels of traces."""
    return forest(features(train, channels), train.labels, seed, trees)


def forest_result(train: Traces, test: Traces, channels: tuple[str, ...], seed: int, trees: int = TREES) -> Result:
    """How a forest that learned from some traces does on others."""
    learned = forest_of(train, channels, seed, trees)
    return result_of(test.labels, learned.predict(features(test, channels)))
