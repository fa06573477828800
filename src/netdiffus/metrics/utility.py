"""Utility: is a classifier that learned from synthetic traces as good on real ones as one that learned from real?

Train on synthetic, test on real (TSTR; Esteban, Hyland and Rätsch 2017) beside train on real, test on real (TRTR).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import confusion_matrix, f1_score

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.features import FIRST_PACKETS, features
from netdiffus.metrics.score import Confusion, Score

TREES = 200
MOST = 20_000  # traces that a forest learns from
FOREST = f"random forest, {TREES} trees, first {FIRST_PACKETS} packets"


@dataclass(frozen=True)
class Result:
    """How one classifier did on the real test part."""

    accuracy: float
    macro_f1: float
    f1: dict[str, float]
    confusion: Confusion


def utility(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Accuracy, macro F1, F1 of each label and confusion, trained on real, on synthetic, and on both.

    The reference is the forest trained on all real training traces. `trtr_matched` is trained on as many real traces
    of each label as there are synthetic ones: what a perfect generator of this size would get.
    """
    shared = np.isin(sets.labels, sets.synthetic.labels)
    if not shared.any():
        note = f"no real label ({', '.join(sets.labels)}) occurs among the synthetic traces"
        for name in ("tstr_accuracy", "tstr_macro_f1", "ratio"):
            yield Score(f"utility.{name}", None, None, None, "max", note=note)
        return
    train, synthetic = sets.train.sample(MOST, rng), sets.synthetic.sample(MOST, rng)
    both = Traces(np.concatenate([train.series, synthetic.series]), np.concatenate([train.labels, synthetic.labels]))
    guess = float(np.unique(sets.test.labels, return_counts=True)[1].max() / len(sets.test))
    seed = int(rng.integers(2**31))

    trtr = learn(train, sets.test, sets.channels, seed)
    yield Score("utility.trtr_accuracy", trtr.accuracy, guess, None, "max", note=FOREST, confusion=trtr.confusion)
    yield Score("utility.trtr_macro_f1", trtr.macro_f1, None, None, "max", note=FOREST)
    fewer = train.matching(synthetic, rng)
    matched = trtr if len(fewer) == len(train) else learn(fewer, sets.test, sets.channels, seed)
    note = "trained on as many real traces of each label as there are synthetic ones (or all there are)"
    yield Score("utility.trtr_matched_accuracy", matched.accuracy, guess, trtr.accuracy, "max", note=note)
    yield Score("utility.trtr_matched_macro_f1", matched.macro_f1, None, trtr.macro_f1, "max", note=note)
    tstr = learn(synthetic, sets.test, sets.channels, seed)
    note = FOREST if shared.all() else f"without {', '.join(np.array(sets.labels)[~shared])}, which have no traces"
    yield Score("utility.tstr_accuracy", tstr.accuracy, guess, trtr.accuracy, "max", "", None, note, tstr.confusion)
    yield Score("utility.tstr_macro_f1", tstr.macro_f1, None, trtr.macro_f1, "max", note=note)
    yield from _ratio(tstr, matched, trtr, guess)
    augmented = learn(both, sets.test, sets.channels, seed)
    note = "trained on real and synthetic traces together; above the ceiling, the synthetic ones helped"
    yield Score("utility.augmented_accuracy", augmented.accuracy, guess, trtr.accuracy, "max", note=note)
    yield Score("utility.augmented_macro_f1", augmented.macro_f1, None, trtr.macro_f1, "max", note=note)
    for label, f1 in tstr.f1.items():
        yield Score("utility.trtr_f1", trtr.f1[label], 0.0, 1.0, "max", label=label)
        yield Score("utility.tstr_f1", f1, 0.0, trtr.f1[label], "max", label=label)


def learn(train: Traces, test: Traces, channels: tuple[str, ...], seed: int) -> Result:
    """Train the forest on one set, test it on another."""
    forest = RandomForestClassifier(TREES, random_state=seed, n_jobs=2)
    forest.fit(features(train, channels), train.labels)
    return judge(test.labels, forest.predict(features(test, channels)))


def judge(truth: NDArray[np.str_], predicted: NDArray[np.str_]) -> Result:
    """Accuracy, F1 of each label in `truth` and their mean, and the confusion over the labels of both."""
    labels = np.unique(truth)
    every = np.union1d(truth, predicted)
    f1 = f1_score(truth, predicted, labels=labels, average=None, zero_division=0.0)
    counts = tuple(tuple(int(count) for count in row) for row in confusion_matrix(truth, predicted, labels=every))
    return Result(
        float(np.mean(truth == predicted)),
        float(np.mean(f1)),
        {str(label): float(value) for label, value in zip(labels, f1, strict=True)},
        Confusion(tuple(map(str, every)), counts),
    )


def _ratio(tstr: Result, matched: Result, trtr: Result, guess: float) -> Iterator[Score]:
    """The headline: what share of the real-trained accuracy the synthetic-trained one reaches."""
    if trtr.accuracy == 0:
        yield Score("utility.ratio", None, None, None, "max", note="the forest trained on real traces is never right")
        return
    note = "accuracy trained on synthetic / trained on real; ceiling: as many real traces, floor: always the same label"
    floor, ceiling = guess / trtr.accuracy, matched.accuracy / trtr.accuracy
    yield Score("utility.ratio", tstr.accuracy / trtr.accuracy, floor, ceiling, "max", note=note)
