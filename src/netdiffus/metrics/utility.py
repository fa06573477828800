"""Utility: is a classifier that learned from synthetic traces as good on real ones as one that learned from real?

Train on synthetic, test on real (TSTR; Esteban, Hyland and Rätsch 2017) beside train on real, test on real (TRTR).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.copies import seen_before
from netdiffus.metrics.features import FIRST_PACKETS, features
from netdiffus.metrics.reference import Interval, interval, share_interval
from netdiffus.metrics.score import Confusion, Score

TREES = 100
MOST = 10_000  # traces that a forest learns from
FOREST = f"random forest, {TREES} trees, first {FIRST_PACKETS} packets"


@dataclass(frozen=True)
class Result:
    """How one classifier did on the real test part; `right` (N,) says for each trace whether it was right."""

    truth: NDArray[np.str_]
    right: NDArray[np.bool_]
    accuracy: float
    macro_f1: float
    f1: dict[str, float]
    recall: dict[str, float]
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
    both, guess = train.joined(synthetic), sets.test.guess
    seed = int(rng.integers(2**31))

    if not sets.draws:  # of one that stands beside another only the value counts
        tstr = learn(synthetic, sets.test, sets.channels, seed)
        yield Score("utility.tstr_accuracy", tstr.accuracy, guess, None, "max", note=FOREST)
        yield Score("utility.tstr_macro_f1", tstr.macro_f1, None, None, "max", note=FOREST)
        return
    forest = grow(train, sets.channels, seed)
    trtr = judge(sets.test.labels, forest.predict(features(sets.test, sets.channels)))
    yield Score("utility.trtr_accuracy", trtr.accuracy, guess, None, "max", note=FOREST, confusion=trtr.confusion)
    yield Score("utility.trtr_macro_f1", trtr.macro_f1, None, None, "max", note=FOREST)
    fewer, others = train.two_draws(_as_many(synthetic, sets.labels), rng)
    matched = trtr if len(fewer) == len(train) else learn(fewer, sets.test, sets.channels, seed)
    again = learn(others, sets.test, sets.channels, seed)
    span = spread(matched, again)
    note = "trained on as many real traces of each label as there are synthetic ones (or all there are)"
    yield Score("utility.trtr_matched_accuracy", matched.accuracy, guess, trtr.accuracy, "max", note=note)
    yield Score("utility.trtr_matched_macro_f1", matched.macro_f1, None, trtr.macro_f1, "max", note=note)
    tstr = learn(synthetic, sets.test, sets.channels, seed)
    note = FOREST if shared.all() else f"without {', '.join(np.array(sets.labels)[~shared])}, which have no traces"
    yield from _both("utility.tstr", tstr, matched, guess, span, note, tstr.confusion)
    yield from _ratio(tstr, matched, trtr, guess, span)
    yield from _augmented(learn(both, sets.test, sets.channels, seed), trtr, guess)
    yield from _on_synthetic(forest, trtr, synthetic.take(np.isin(synthetic.labels, sets.labels)), sets.channels)
    yield from _unseen(sets, trtr, tstr, matched, again)
    for label, f1 in tstr.f1.items():
        yield Score("utility.trtr_f1", trtr.f1[label], 0.0, 1.0, "max", label=label)
        tested = int(np.count_nonzero(sets.test.labels == label))
        real = share_interval(trtr.f1[label], tested, tested)
        yield Score("utility.tstr_f1", f1, 0.0, real.middle, "max", label=label, low=real.low, high=real.high)


def grow(train: Traces, channels: tuple[str, ...], seed: int) -> RandomForestClassifier:
    """The forest of some traces."""
    forest = RandomForestClassifier(TREES, random_state=seed, n_jobs=2)
    return forest.fit(features(train, channels), train.labels)


def _as_many(synthetic: Traces, labels: list[str]) -> dict[str, int]:
    """The synthetic traces of each label; where it has none, the mean of the rest."""
    counts = synthetic.counts(labels)
    mean = round(np.mean([count for count in counts.values() if count]))
    return {label: count or mean for label, count in counts.items()}


def spread(one: Result, two: Result) -> Interval:
    """The interval of the accuracy of `one`, from the test traces that only one of two real-trained models got right.

    That is the variance of a difference of paired shares (McNemar 1947); at least one trace is taken to differ.
    """
    apart = max(int(np.count_nonzero(one.right != two.right)), 1)
    return interval([one.accuracy], sd=float(np.sqrt(apart) / len(one.right)) / np.sqrt(2), lowest=0.0, highest=1.0)


def f1_interval(result: Result) -> Interval:
    """The interval of the macro F1 of another real-trained model: the labels' F1 vary like shares of their traces."""
    halves = []
    for label, f1 in result.f1.items():
        tested = int(np.count_nonzero(result.truth == label))
        span = share_interval(f1, tested, tested)
        halves.append(max(span.middle - span.low, span.high - span.middle))
    half = float(np.sqrt(np.sum(np.square(halves))) / len(halves))
    return Interval(result.macro_f1, max(0.0, result.macro_f1 - half), min(1.0, result.macro_f1 + half))


def _augmented(augmented: Result, trtr: Result, guess: float) -> Iterator[Score]:
    note = "trained on real and synthetic traces together; above the ceiling, the synthetic ones helped"
    for score in _both("utility.augmented", augmented, trtr, guess, spread(trtr, augmented), note):
        yield replace(score, high=1.0)  # more real traces would help, too


def _both(
    name: str,
    found: Result,
    ceiling: Result,
    guess: float,
    span: Interval,
    note: str,
    confusion: Confusion | None = None,
) -> Iterator[Score]:
    """Accuracy, within `span`, and macro F1 of one result beside those of its ceiling."""
    yield Score(
        f"{name}_accuracy", found.accuracy, guess, ceiling.accuracy, "max", note=note, confusion=confusion,
        low=span.low, high=span.high,
    )  # fmt: skip
    f1_span = f1_interval(ceiling)
    yield Score(
        f"{name}_macro_f1", found.macro_f1, None, ceiling.macro_f1, "max", note=note, low=f1_span.low, high=f1_span.high
    )


def _on_synthetic(
    forest: RandomForestClassifier, trtr: Result, synthetic: Traces, channels: tuple[str, ...]
) -> Iterator[Score]:
    """Train on real, test on synthetic: does a synthetic trace look like its label to one who knows the real ones?"""
    found = judge(synthetic.labels, forest.predict(features(synthetic, channels)))
    named = [label for label in found.recall if label in trtr.recall]
    value, real = (float(np.mean([result.recall[label] for label in named])) for result in (found, trtr))
    sizes = [sum(1 for label in result.truth if label in named) for result in (found, trtr)]
    span = share_interval(real, sizes[1], sizes[0])
    note = "trained on real, tested on synthetic traces; mean over labels of the share that is recognised"
    yield Score(
        "utility.trts_accuracy", value, 1 / len(trtr.recall), real, "max", note=note, low=span.low, high=span.high
    )


def _unseen(sets: Comparison, trtr: Result, tstr: Result, matched: Result, again: Result) -> Iterator[Score]:
    """The accuracies once more without the test traces that also occur in the training part, if there are any."""
    seen = seen_before(sets.test, sets.train, list(range(len(sets.channels))))
    if not seen.any():
        return
    why = f"without {np.count_nonzero(seen):,} of {len(seen):,} test traces, which occur in the training part too"
    if seen.all():
        for name in ("trtr", "tstr"):
            yield Score(f"utility.{name}_accuracy_unseen", None, None, None, "max", note=why)
        return
    real, made, one, two = (_part(result, ~seen) for result in (trtr, tstr, matched, again))
    half = spread(one, two).high - one.accuracy
    yield Score("utility.trtr_accuracy_unseen", real.accuracy, None, None, "max", note=why)
    yield Score(
        "utility.tstr_accuracy_unseen", made.accuracy, None, one.accuracy, "max", note=why,
        low=max(0.0, one.accuracy - half), high=min(1.0, one.accuracy + half),
    )  # fmt: skip


def _part(result: Result, rows: NDArray[np.bool_]) -> Result:
    """The same over some of the test traces, as far as `spread` needs it."""
    right = result.right[rows]
    return replace(result, truth=result.truth[rows], right=right, accuracy=float(right.mean()))


def learn(train: Traces, test: Traces, channels: tuple[str, ...], seed: int) -> Result:
    """Train the forest on one set, test it on another."""
    return judge(test.labels, grow(train, channels, seed).predict(features(test, channels)))


def judge(truth: NDArray[np.str_], predicted: NDArray[np.str_]) -> Result:
    """Accuracy, F1 of each label in `truth` and their mean, and the confusion over the labels of both."""
    labels = np.unique(truth)
    every = np.union1d(truth, predicted)
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


def _ratio(tstr: Result, matched: Result, trtr: Result, guess: float, span: Interval) -> Iterator[Score]:
    """The headline: what share of the real-trained accuracy the synthetic-trained one reaches."""
    if trtr.accuracy == 0:
        yield Score("utility.ratio", None, None, None, "max", note="the forest trained on real traces is never right")
        return
    note = "accuracy trained on synthetic / trained on real; ceiling: as many real traces, floor: always the same label"
    value, floor, ceiling, low, high = (
        accuracy / trtr.accuracy for accuracy in (tstr.accuracy, guess, matched.accuracy, span.low, span.high)
    )
    yield Score("utility.ratio", value, floor, ceiling, "max", note=note, low=low, high=high)
