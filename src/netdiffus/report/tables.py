"""The rows of the report's tables: scores, labels, confusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netdiffus.metrics import METRICS, Score, Traces, find, metric_of, type_of
from netdiffus.report.headlines import figure

BASELINE = "baseline."


@dataclass(frozen=True)
class ScoreRow:
    """One score, ready to read; `question` is that of its metric."""

    question: str
    name: str
    value: str
    floor: str
    ceiling: str
    real: str
    goal: str
    grade: str
    note: str


@dataclass(frozen=True)
class LabelRow:
    """How one label compares."""

    label: str
    real: int
    synthetic: int
    real_f1: str
    synthetic_f1: str
    lost: float
    worst: str


@dataclass(frozen=True)
class ConfusionRow:
    """The test traces of one label: what share was given each label, in the order of the rows."""

    number: int
    label: str
    shares: tuple[float, ...]


def score_rows(scores: Sequence[Score]) -> list[ScoreRow]:
    """The scores over all labels."""
    return [
        ScoreRow(
            _question(score.name),
            score.name,
            figure(score.value, score.unit),
            figure(score.floor, score.unit),
            figure(score.ceiling, score.unit),
            span(score),
            "small" if score.goal == "min" else "large",
            "worse" if score.flagged else "as real" if score.excess is not None else "",
            score.note,
        )
        for score in scores
        if score.label is None and not score.name.startswith(BASELINE)
    ]


def _question(name: str) -> str:
    metric = metric_of(name)
    return "" if metric is None else METRICS[metric].question


def span(score: Score) -> str:
    """The 95 % interval of real traces."""
    if score.low is None or score.high is None:
        return "–"
    return f"{figure(score.low, score.unit)} to {figure(score.high, score.unit)}"


@dataclass(frozen=True)
class ComparedRow:
    """One score of the synthetic set, of real traffic and of each baseline."""

    name: str
    goal: str
    value: str
    real: str
    baselines: tuple[str, ...]


def baseline_names(scores: Sequence[Score]) -> list[str]:
    """The simple generators that were measured, in their order."""
    return list(dict.fromkeys(score.name.split(".")[1] for score in scores if score.name.startswith(BASELINE)))


def compared_rows(scores: Sequence[Score]) -> list[ComparedRow]:
    """One row per score that is declared as compared and that baselines have too."""
    names, found = baseline_names(scores), {score.name: score for score in scores if score.label is None}
    rows = []
    for name, score in found.items():
        if name.startswith(BASELINE):
            continue
        others = [found.get(f"{BASELINE}{baseline}.{name}") for baseline in names]
        kind = type_of(name)
        if kind is not None and kind.compared and any(others):
            values = tuple(figure(other.value, other.unit) if other else "–" for other in others)
            goal = "small" if score.goal == "min" else "large"
            value, real = figure(score.value, score.unit), figure(score.reference, score.unit)
            rows.append(ComparedRow(name, goal, value, real, values))
    return rows


def label_rows(scores: Sequence[Score], real: Traces, synthetic: Traces) -> list[LabelRow]:
    """One row per label, those that lose most to real-trained classifiers first."""
    rows, labels = [], list(map(str, np.union1d(real.labels, synthetic.labels)))
    counts, drawn = real.counts(labels), synthetic.counts(labels)
    for label in labels:
        real_f1, synthetic_f1 = (find(list(scores), f"utility.{name}_f1", label) for name in ("trtr", "tstr"))
        before, after = (score.value if score else None for score in (real_f1, synthetic_f1))
        rows.append(
            LabelRow(
                label,
                counts[label],
                drawn[label],
                figure(before),
                figure(after),
                0.0 if before is None or after is None else before - after,
                worst_marginal(scores, label),
            )
        )
    return sorted(rows, key=lambda row: (-row.lost, row.label))


def worst_marginal(scores: Sequence[Score], label: str) -> str:
    """The channel of this label whose distribution is farthest above its floor."""
    found = [
        (score.value - (score.floor or 0.0), score)
        for score in scores
        if score.label == label and score.name.endswith(".jsd") and ".mean." not in score.name
        if score.value is not None
    ]
    if not found:
        return "–"
    score = max(found, key=lambda pair: pair[0])[1]
    return f"{score.name.split('.')[1]} {figure(score.value)} (real {figure(score.floor)})"


def confusion_rows(score: Score) -> list[ConfusionRow]:
    """The confusion of a score with each row's counts as shares of the row; empty where it has none."""
    if score.confusion is None:
        return []
    return [
        ConfusionRow(number, label, tuple(count / max(1, sum(counts)) for count in counts))
        for number, (label, counts) in enumerate(
            zip(score.confusion.labels, score.confusion.counts, strict=True), start=1
        )
    ]
