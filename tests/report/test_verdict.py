"""The answers follow the scores and the intervals, not a taste."""

from __future__ import annotations

import pytest

from netdiffus.metrics import Score
from netdiffus.report import verdicts, weakest


def spanned(name: str, value: float, real: float, half: float, goal: str = "min", label: str | None = None) -> Score:
    floor, ceiling = (real, 1.0) if goal == "min" else (0.0, real)
    return Score(name, value, floor, ceiling, goal, "", label, low=real - half, high=real + half)  # type: ignore[arg-type]


def scores(**changed: float) -> list[Score]:
    """Those of a perfect generator, with some values changed."""
    values = {
        "utility.ratio": 1.0, "utility.tstr_accuracy": 0.9, "utility.trtr_matched_accuracy": 0.9,
        "utility.augmented_accuracy": 0.9, "utility.tstr_macro_f1": 0.9, "labels.covered": 1.0,
        "copies.exact": 0.0, "membership.auc": 0.5, "totals.bytes": 0.1, "bursts.length": 0.1, "detection.auc": 0.5,
        "lowdata.5.augmented": 0.5,
    } | {name.replace("__", "."): value for name, value in changed.items()}  # fmt: skip
    real = {"utility.ratio": 1.0, "labels.covered": 1.0, "copies.exact": 0.0, "membership.auc": 0.5,
            "totals.bytes": 0.1, "bursts.length": 0.1, "detection.auc": 0.5, "lowdata.5.augmented": 0.5,
            "bits.detection_auc": 0.5}  # fmt: skip
    large = ("utility", "labels", "lowdata", "conformance")
    found = [
        spanned(name, value, real.get(name, 0.9), 0.02, "max" if name.startswith(large) else "min")
        for name, value in values.items()
    ]
    return [*found, Score("lowdata.5.real", 0.5, None, None, "max"), Score("lowdata.20.real", 0.7, None, None, "max")]


@pytest.mark.parametrize(
    ("changed", "answers"),
    [
        ({}, ["yes", "yes", "with care", "yes"]),
        ({"utility__ratio": 0.96}, ["yes", "yes", "with care", "yes"]),  # within chance
        ({"utility__ratio": 0.8, "utility__tstr_macro_f1": 0.72}, ["with care", "yes", "with care", "yes"]),
        ({"utility__ratio": 0.4, "utility__tstr_macro_f1": 0.4}, ["no", "yes", "with care", "yes"]),
        ({"labels__covered": 0.5}, ["no", "yes", "with care", "yes"]),
        ({"utility__augmented_accuracy": 0.8}, ["yes", "no", "with care", "yes"]),
        ({"lowdata__5__augmented": 0.3}, ["yes", "with care", "with care", "yes"]),
        ({"membership__auc": 0.7}, ["yes", "yes", "no", "yes"]),
        ({"copies__exact": 0.2}, ["yes", "yes", "no", "yes"]),
        ({"detection__auc": 0.9}, ["yes", "yes", "with care", "with care"]),
        ({"totals__bytes": 0.5}, ["yes", "yes", "with care", "no"]),
        ({"bits__detection_auc": 0.9}, ["yes", "yes", "with care", "with care"]),
        ({"conformance__clean_flows": 0.5}, ["yes", "yes", "with care", "no"]),
    ],
)
def test_answers(changed: dict[str, float], answers: list[str]) -> None:
    assert [verdict.answer for verdict in verdicts(scores(**changed))] == answers


def test_why_names_the_figures() -> None:
    alone, mixed, publish, feed = verdicts(scores(utility__ratio=0.8, utility__tstr_macro_f1=0.72, membership__auc=0.7))
    assert "at least as much as 20 real traces of each label" in alone.why
    assert "no harm" in mixed.why
    assert "membership.auc 0.700 (real 0.500)" in publish.why
    assert "Headers were not looked at" in feed.why
    helped = verdicts(scores(lowdata__5__augmented=0.8))[1]
    assert "helps one who has only 5 real traces of each label" in helped.why


def test_nothing_known_is_said_to_be_unknown() -> None:
    assert {verdict.answer for verdict in verdicts([])} == {"unknown"}


def test_the_weakest_labels_and_why() -> None:
    found = [
        spanned("marginal.gap_ns.jsd", 0.3, 0.1, 0.02, label="mqtt"),
        spanned("marginal.size.jsd", 0.9, 0.1, 0.02, label="web"),
        spanned("marginal.size.jsd", 0.11, 0.1, 0.02, label="dns"),
        Score("marginal.mean.jsd", None, None, None, "min", label="ssh"),
        Score("utility.trtr_f1", 0.95, 0, 1, "max", label="web"),
        Score("utility.tstr_f1", 0.61, 0, 0.95, "max", label="web"),
        Score("utility.trtr_f1", 0.97, 0, 1, "max", label="redis"),
        Score("utility.tstr_f1", 0.5, 0, 0.97, "max", label="redis", low=0.7, high=1.0),
    ]
    assert weakest(found) == [
        "ssh: it has no synthetic traces",
        "redis: F1 0.500 instead of 0.970",
        "web: size jsd 0.900 (real 0.100), F1 0.610 instead of 0.950",
        "mqtt: gap ns jsd 0.300 (real 0.100)",
    ]
