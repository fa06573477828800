"""Utility: is a classifier that learned from synthetic traces as good on real ones as one that learned from real?

Train on synthetic, test on real (TSTR; Esteban, Hyland and Rätsch 2017), compared with train on real (TRTR).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netdiffus.metrics.classification import Result, accuracy_interval, f1_interval, result_of
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.copies import seen_before
from netdiffus.metrics.features import FIRST_PACKETS, features
from netdiffus.metrics.forest import TREES, forest_of, forest_result
from netdiffus.metrics.intervals import Interval, share_interval
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.samples import majority
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

MOST = 10_000  # traces that a forest learns from
FOREST = f"random forest, {TREES} trees, first {FIRST_PACKETS} packets"


GUESSING = "always the most frequent label"
TRTR = ScoreType(
    "utility.trtr_accuracy", "max",
    "traffic classification: accuracy of a random forest trained on the real training part, tested on the real test "
    "part",
    useless_is=GUESSING, confusion="trained on real",
)  # fmt: skip
TRTR_F1 = ScoreType("utility.trtr_macro_f1", "max", "the same in macro F1")
MATCHED = ScoreType(
    "utility.trtr_matched_accuracy", "max",
    "trained on as many real traces of each label as there are synthetic; of a missing label, the mean of the others",
    useless_is=GUESSING,
)  # fmt: skip
MATCHED_F1 = ScoreType("utility.trtr_matched_macro_f1", "max", "the same in macro F1")
TSTR = ScoreType(
    "utility.tstr_accuracy", "max", "trained on synthetic, tested on real; ceiling: as many real traces",
    useless_is=GUESSING, compared=True, confusion="trained on synthetic",
)  # fmt: skip
TSTR_F1 = ScoreType("utility.tstr_macro_f1", "max", "the same in macro F1", compared=True)
RATIO = ScoreType(
    "utility.ratio", "max", "TSTR / TRTR accuracy; ceiling: with as many real traces", range=(0.0, float("inf")),
    useless_is=GUESSING,
)  # fmt: skip
AUGMENTED = ScoreType(
    "utility.augmented_accuracy", "max", "trained on real and synthetic together; ceiling: on real",
    useless_is=GUESSING, evidence=("mixing",),
)  # fmt: skip
AUGMENTED_F1 = ScoreType("utility.augmented_macro_f1", "max", "the same in macro F1")
TRTS = ScoreType(
    "utility.trts_accuracy", "max", "trained on real, tested on synthetic, mean of the labels' shares",
    useless_is="guessing",
)  # fmt: skip
TRTR_LABEL = ScoreType("utility.trtr_f1", "max", "F1 of each label, trained on real", useless=0.0, useless_is="0")
TSTR_LABEL = ScoreType("utility.tstr_f1", "max", "F1 of each label, trained on synthetic", useless=0.0, useless_is="0")
TRTR_UNSEEN = ScoreType(
    "utility.trtr_accuracy_unseen", "max",
    "without test traces that occur in the training part; only if there are any",
)  # fmt: skip
TSTR_UNSEEN = ScoreType("utility.tstr_accuracy_unseen", "max", "the same trained on synthetic")
TYPES = (
    TRTR, TRTR_F1, MATCHED, MATCHED_F1, TSTR, TSTR_F1, RATIO, AUGMENTED, AUGMENTED_F1, TRTS, TRTR_LABEL, TSTR_LABEL,
    TRTR_UNSEEN, TSTR_UNSEEN,
)  # fmt: skip


@dataclass(frozen=True)
class Trained:
    """How forests do on the real test part, by what they learned from.

    Attributes:
        trtr: all real training traces.
        matched, again: as many real traces of each label as there are synthetic ones, twice.
        tstr: the synthetic traces.
    """

    trtr: Result
    matched: Result
    again: Result
    tstr: Result

    @property
    def span(self) -> Interval:
        """The interval of the accuracy that as many real traces give."""
        return accuracy_interval(self.matched, self.again)


def utility(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Accuracy, macro F1, F1 of each label and confusion, trained on real, on synthetic, and on both.

    The reference is the forest trained on all real training traces. `trtr_matched` is trained on as many real traces
    of each label as there are synthetic ones: what a perfect generator of this size would get.
    """
    shared = np.isin(sets.labels, sets.synthetic.labels)
    if not shared.any():
        note = f"no real label ({', '.join(sets.labels)}) occurs among the synthetic traces"
        for kind in (TSTR, TSTR_F1, RATIO):
            yield kind.score(None, note=note)
        return
    train, synthetic = sets.train.sample(MOST, rng), sets.synthetic.sample(MOST, rng)
    seed = int(rng.integers(2**31))
    forest = forest_of(train, sets.channels, seed)
    trained = _trained(forest, train, synthetic, sets, rng, seed)
    guess = majority(sets.test)
    yield from _references(trained, guess)
    absent = [label for label, present in zip(sets.labels, shared, strict=True) if not present]
    note = f"without {', '.join(absent)}, which have no traces" if absent else FOREST
    yield TSTR.score(trained.tstr.accuracy, trained.span, guess, note=note, confusion=trained.tstr.confusion)
    yield TSTR_F1.score(trained.tstr.macro_f1, f1_interval(trained.matched), note=note)
    yield _ratio(trained, guess)
    augmented = forest_result(train.joined(synthetic), sets.test, sets.channels, seed)
    yield from _augmented(augmented, trained.trtr, guess)
    yield _on_synthetic(forest, trained.trtr, synthetic.take(np.isin(synthetic.labels, sets.labels)), sets.channels)
    yield from _unseen(sets, trained)
    yield from _by_label(sets, trained)


def _values(sets: Comparison, rng: np.random.Generator) -> Mapping[str, float | None]:
    if not np.isin(sets.labels, sets.synthetic.labels).any():
        return dict.fromkeys((TSTR.name, TSTR_F1.name, RATIO.name))
    sets.train.sample(MOST, rng)  # as `utility` draws
    synthetic = sets.synthetic.sample(MOST, rng)
    tstr = forest_result(synthetic, sets.test, sets.channels, int(rng.integers(2**31)))
    return {TSTR.name: tstr.accuracy, TSTR_F1.name: tstr.macro_f1}


def _trained(
    forest: RandomForestClassifier,
    train: Traces,
    synthetic: Traces,
    sets: Comparison,
    rng: np.random.Generator,
    seed: int,
) -> Trained:
    """Every forest but the augmented one; `forest` learned from `train`."""
    trtr = result_of(sets.test.labels, forest.predict(features(sets.test, sets.channels)))
    fewer, others = train.two_draws(_as_many(synthetic, sets.labels), rng)
    matched = trtr if len(fewer) == len(train) else forest_result(fewer, sets.test, sets.channels, seed)
    again, tstr = (forest_result(part, sets.test, sets.channels, seed) for part in (others, synthetic))
    return Trained(trtr, matched, again, tstr)


def _as_many(synthetic: Traces, labels: list[str]) -> dict[str, int]:
    """The number of synthetic traces of each label; where it has none, the mean of the rest."""
    counts = synthetic.counts(labels)
    mean = round(np.mean([count for count in counts.values() if count]))
    return {label: count or mean for label, count in counts.items()}


def _references(trained: Trained, guess: float) -> Iterator[Score]:
    """What real training traces give: all of them, and as many as there are synthetic."""
    trtr, matched = trained.trtr, trained.matched
    yield TRTR.score(trtr.accuracy, useless=guess, note=FOREST, confusion=trtr.confusion)
    yield TRTR_F1.score(trtr.macro_f1, note=FOREST)
    note = "trained on as many real traces of each label as there are synthetic ones (or all there are)"
    yield MATCHED.score(matched.accuracy, trtr.accuracy, guess, note=note)
    yield MATCHED_F1.score(matched.macro_f1, trtr.macro_f1, note=note)


def _ratio(trained: Trained, guess: float) -> Score:
    """The headline: what share of the real-trained accuracy the synthetic-trained one reaches."""
    whole, span = trained.trtr.accuracy, trained.span
    if whole == 0:
        return RATIO.score(None, note="the forest trained on real traces is never right")
    note = "accuracy trained on synthetic / trained on real; ceiling: as many real traces, floor: always the same label"
    real = Interval(trained.matched.accuracy / whole, span.low / whole, span.high / whole)
    return RATIO.score(trained.tstr.accuracy / whole, real, guess / whole, note=note)


def _augmented(augmented: Result, trtr: Result, guess: float) -> Iterator[Score]:
    note = "trained on real and synthetic traces together; above the ceiling, the synthetic ones helped"
    accuracy, f1 = (  # more real traces would help, too
        replace(span, high=1.0) for span in (accuracy_interval(trtr, augmented), f1_interval(trtr))
    )
    yield AUGMENTED.score(augmented.accuracy, accuracy, guess, note=note)
    yield AUGMENTED_F1.score(augmented.macro_f1, f1, note=note)


def _on_synthetic(forest: RandomForestClassifier, trtr: Result, synthetic: Traces, channels: tuple[str, ...]) -> Score:
    """Train on real, test on synthetic: does a classifier of real traffic recognise the labels of synthetic traces?"""
    found = result_of(synthetic.labels, forest.predict(features(synthetic, channels)))
    named = [label for label in found.recall if label in trtr.recall]
    value, real = (float(np.mean([result.recall[label] for label in named])) for result in (found, trtr))
    sizes = [sum(1 for label in result.truth if label in named) for result in (found, trtr)]
    note = "trained on real, tested on synthetic traces; mean over labels of the share that is recognised"
    return TRTS.score(value, share_interval(real, sizes[1], sizes[0]), 1 / len(trtr.recall), note=note)


def _unseen(sets: Comparison, trained: Trained) -> Iterator[Score]:
    """The accuracies once more without the test traces that also occur in the training part, if there are any."""
    seen = seen_before(sets.test, sets.train, list(range(len(sets.channels))))
    if not seen.any():
        return
    why = f"without {np.count_nonzero(seen):,} of {len(seen):,} test traces, which occur in the training part too"
    if seen.all():
        for kind in (TRTR_UNSEEN, TSTR_UNSEEN):
            yield kind.score(None, note=why)
        return
    results = (trained.trtr, trained.tstr, trained.matched, trained.again)
    real, synthetic, one, two = (_part(result, ~seen) for result in results)
    yield TRTR_UNSEEN.score(real.accuracy, note=why)
    half = accuracy_interval(one, two).high - one.accuracy
    span = Interval(one.accuracy, max(0.0, one.accuracy - half), min(1.0, one.accuracy + half))
    yield TSTR_UNSEEN.score(synthetic.accuracy, span, note=why)


def _part(result: Result, rows: NDArray[np.bool_]) -> Result:
    """The result over some of the test traces, with what `accuracy_interval` needs."""
    right = result.right[rows]
    return replace(result, truth=result.truth[rows], right=right, accuracy=float(right.mean()))


def _by_label(sets: Comparison, trained: Trained) -> Iterator[Score]:
    for label, f1 in trained.tstr.f1.items():
        real = trained.trtr.f1[label]
        tested = int(np.count_nonzero(sets.test.labels == label))
        yield TRTR_LABEL.score(real, 1.0, label=label)
        yield TSTR_LABEL.score(f1, share_interval(real, tested, tested), label=label)


METRIC = Metric(
    utility,
    Comparison,
    "Does a classifier that learned from synthetic traces recognise real ones?",
    "utility",
    TYPES,
    baselines=True,
    values=_values,
)
