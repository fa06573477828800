"""How a classifier did on real test traces, and what other real-trained classifiers would."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.metrics.intervals import Interval, interval, share_interval
from netdiffus.metrics.score import Confusion


@dataclass(frozen=True)
class Result:
    """How one classifier did on some traces; `right` (N,) marks those it recognised."""

    truth: NDArray[np.str_]
    right: NDArray[np.bool_]
    accuracy: float
    macro_f1: float
    f1: dict[str, float]
    recall: dict[str, float]
    confusion: Confusion


def result_of(truth: NDArray[np.str_], predicted: NDArray[np.str_]) -> Result:
    """Accuracy, F1 of each label in `truth` and their mean, and the confusion over the labels of both."""
    labels = np.unique(truth)
    every = np.union1d(truth, predicted)
    from sklearn.metrics import f1_score

    f1 = f1_score(truth, predicted, labels=labels, average=None, zero_division=0.0)
    pairs = np.searchsorted(every, truth) * len(every) + np.searchsorted(every, predicted)
    counts = np.bincount(pairs, minlength=len(every) ** 2).reshape(len(every), -1)
    right = truth == predicted
    return Result(
        truth,
        right,
        float(np.mean(truth == predicted)),
        float(np.mean(f1)),
        {str(label): float(value) for label, value in zip(labels, f1, strict=True)},
        {str(label): float(right[truth == label].mean()) for label in labels},
        Confusion(tuple(map(str, every)), tuple(tuple(map(int, row)) for row in counts)),
    )


def accuracy_interval(one: Result, two: Result) -> Interval:
    """The interval of the accuracy of `one`, from the test traces that only one of two real-trained models got right.

    That is the variance of a difference of paired shares (McNemar 1947); at least one trace is taken to differ.
    """
    different = max(int(np.count_nonzero(one.right != two.right)), 1)
    return interval([one.accuracy], sd=float(np.sqrt(different) / len(one.right)) / np.sqrt(2), lowest=0.0, highest=1.0)


def f1_interval(result: Result) -> Interval:
    """The interval of the macro F1 of another real-trained model: the labels' F1 vary like shares of their traces."""
    halves = []
    for label, f1 in result.f1.items():
        tested = int(np.count_nonzero(result.truth == label))
        span = share_interval(f1, tested, tested)
        halves.append(max(span.middle - span.low, span.high - span.middle))
    half = float(np.sqrt(np.sum(np.square(halves))) / len(halves))
    return Interval(result.macro_f1, max(0.0, result.macro_f1 - half), min(1.0, result.macro_f1 + half))
