"""The four figures that matter, in plain words: what each means, what a good one is, and how this one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from netdiffus.metrics import Score, find

GOOD, FAIR = 0.1, 0.3  # of the way from real to useless
COPIES_FAIR = 0.05  # share of copies beyond that between two real samples
NEAR = 0.5
GRADES = (
    f"Good: at most {GOOD:.0%} of the way from what real traffic gets to what a useless generator gets. "
    f"Fair: at most {FAIR:.0%}. Poor: more. "
    f"Copies: good within two standard errors of real traffic's own rate, fair up to {COPIES_FAIR:.0%} above it."
)


@dataclass(frozen=True)
class Headline:
    """One figure with its reading; `grade` is "good", "fair", "poor" or "unknown"."""

    title: str
    figure: str
    grade: str
    verdict: str
    good: str


@dataclass(frozen=True)
class Reading:
    """A score over all labels beside real traffic's, in words, and the label that is farthest from real."""

    value: str
    real: str
    reading: str
    worst: str

    @classmethod
    def of(cls, score: Score, scores: Sequence[Score]) -> Reading:
        """The reading of one of `scores`, which hold those of its labels too."""
        labels = [other for other in scores if other.name == score.name and other.label is not None]
        worst = max(labels, key=lambda other: (other.value or 0.0) - (other.floor or 0.0), default=None)
        return cls(
            figure(score.value),
            figure(score.floor),
            "worse" if score.flagged else "as real" if score.excess is not None else "",
            "–" if worst is None else f"{worst.label} {figure(worst.value)} (real {figure(worst.floor)})",
        )


def figure(value: float | None, unit: str = "") -> str:
    """A number for readers: shares in per cent, times in a fitting unit, three digits that count."""
    if value is None:
        return "–"
    if unit == "ns":
        for size, name in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
            if abs(value) >= size:
                return f"{value / size:.3g} {name}"
        return f"{value:.3g} ns"
    if unit == "share":
        return f"{value:.1%}"
    number = f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"
    if 0 < value < 0.0005:
        number = "<0.001"
    return f"{number} {unit}" if unit and unit != "AUC" else number


def grade(score: Score | None) -> str:
    """How far the score is on the way from real to useless."""
    if score is None or score.normalised is None:
        return "unknown"
    return "good" if score.normalised <= GOOD else "fair" if score.normalised <= FAIR else "poor"


def headlines(scores: Sequence[Score], real_count: int, synthetic_count: int) -> list[Headline]:
    """The four figures that matter: use, likeness, copies, detection.

    `real_count` and `synthetic_count` are the numbers of real test and of synthetic traces.
    """
    by_name = list(scores)
    return [_use(by_name), _likeness(by_name), _copies(by_name, real_count, synthetic_count), _detection(by_name)]


def _unknown(title: str, score: Score | None) -> Headline:
    return Headline(title, "–", "unknown", (score.note if score else "") or "Not computed.", "")


def _use(scores: list[Score]) -> Headline:
    title = "Accuracy when trained on synthetic, relative to real"
    ratio, tstr, trtr = (find(scores, f"utility.{name}") for name in ("ratio", "tstr_accuracy", "trtr_accuracy"))
    if ratio is None or ratio.value is None or not (tstr and trtr):
        return _unknown(title, ratio)
    words = {"good": "nearly as well as", "fair": "somewhat worse than", "poor": "much worse than"}
    how = words.get(grade(ratio), "compared with")
    return Headline(
        title,
        figure(ratio.value),
        grade(ratio),
        f"A classifier trained only on synthetic traffic recognises real traffic {how} one trained on real "
        f"traffic: {figure(tstr.value, 'share')} of the test flows against {figure(trtr.value, 'share')}.",
        f"A good one is near {figure(ratio.ceiling)}, what as many real flows reach; "
        f"guessing gives {figure(ratio.floor)}.",
    )


def _likeness(scores: list[Score]) -> Headline:
    title = "Distance of distributions, mean over labels and channels"
    score = find(scores, "marginal.by_label.jsd")
    if score is None or score.value is None:
        return _unknown(title, score)
    words = {
        "good": "The values of each label are almost those of real traffic.",
        "fair": "The values of each label are roughly those of real traffic; the table of labels shows where not.",
        "poor": "The values of the labels differ clearly from real traffic; the table of labels shows which.",
    }
    ceiling = f", one label against all the others {figure(score.ceiling)}" if score.ceiling is not None else ""
    return Headline(
        title,
        figure(score.value),
        grade(score),
        words.get(grade(score), "There is nothing to compare it with."),
        f"A good one is near {figure(score.floor)}: real against real has that{ceiling}. "
        "(Jensen-Shannon divergence: 0 equal, 1 disjoint.)",
    )


def _copies(scores: list[Score], real_count: int, synthetic_count: int) -> Headline:
    title = "Synthetic flows that are copies of training flows"
    exact, shape, near = (find(scores, f"copies.{name}") for name in ("exact", "exact_shape", "nearest_ratio"))
    if exact is None or exact.value is None:
        return _unknown(title, exact)
    grades = [_copy_grade(score, real_count, synthetic_count) for score in (exact, shape) if score]
    if near and near.value is not None and near.value < NEAR:
        grades.append("poor")
    worst = max(grades, key=("good", "fair", "poor").index)
    words = {
        "good": "No more copies than there are between two real samples.",
        "fair": "A few more copies than there are between two real samples.",
        "poor": "Training flows are reproduced exactly or nearly: inspect them before publishing.",
    }
    more = ""
    if shape is not None and shape.value is not None:
        real = figure(shape.floor, "share")
        more = f" Without timing: {figure(shape.value, 'share')}, and {real} of the real test flows."
    return Headline(
        title,
        figure(exact.value, "share"),
        worst,
        words[worst] + more,
        f"A good one is at most {figure(exact.floor, 'share')}: as many real test flows equal a training flow.",
    )


def _copy_grade(score: Score, real_count: int, synthetic_count: int) -> str:
    value, floor = score.value or 0.0, score.floor or 0.0
    error = sqrt(value * (1 - value) / max(1, synthetic_count) + floor * (1 - floor) / max(1, real_count))
    return "good" if value <= floor + 2 * error else "fair" if value <= floor + COPIES_FAIR else "poor"


def _detection(scores: list[Score]) -> Headline:
    title = "How well a detector tells synthetic from real"
    score = find(scores, "detection.auc")
    if score is None or score.value is None:
        return _unknown(title, score)
    words = {
        "good": "A detector trained to find synthetic flows does barely better than chance.",
        "fair": "A detector trained to find synthetic flows finds some of them.",
        "poor": "A detector trained to find synthetic flows finds most of them.",
    }
    return Headline(
        title,
        figure(score.value),
        grade(score),
        words.get(grade(score), "There is nothing to compare it with."),
        f"A good one is near 0.5 (real against real: {figure(score.floor)}); at 1 every flow is recognised. "
        "(Area under the ROC curve.)",
    )
