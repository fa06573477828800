"""The words agree with the figures."""

from __future__ import annotations

import pytest

from netdiffus.metrics import Score
from netdiffus.report import figure, headlines


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "", "–"),
        (0.12345, "", "0.123"),
        (0.1234, "share", "12.3%"),
        (1_234_567, "ns", "1.23 ms"),
        (2.5e9, "ns", "2.5 s"),
        (12, "ns", "12 ns"),
        (1234.56, "bytes", "1,234.6 bytes"),
        (0.5, "AUC", "0.500"),
        (0.0001, "", "<0.001"),
        (0.0, "", "0.000"),
    ],
)
def test_figures_for_readers(value: float | None, unit: str, text: str) -> None:
    assert figure(value, unit) == text


def scores(ratio: float, jsd: float, exact: float, near: float, auc: float) -> list[Score]:
    return [
        Score("utility.ratio", ratio, 0.2, 1.0, "max"),
        Score("utility.tstr_accuracy", ratio * 0.9, None, 0.9, "max"),
        Score("utility.trtr_accuracy", 0.9, None, None, "max"),
        Score("marginal.by_label.jsd", jsd, 0.01, 0.21, "min"),
        Score("copies.exact", exact, 0.02, 1.0, "min", "share"),
        Score("copies.nearest_ratio", near, 0.0, 1.0, "max"),
        Score("detection.auc", auc, 0.5, 1.0, "min", "AUC"),
    ]


@pytest.mark.parametrize(
    ("found", "grades"),
    [
        (scores(0.95, 0.02, 0.02, 1.0, 0.52), ["good"] * 4),
        (scores(0.85, 0.05, 0.06, 1.0, 0.62), ["fair"] * 4),
        (scores(0.40, 0.15, 0.30, 1.0, 0.90), ["poor"] * 4),
        (scores(0.95, 0.02, 0.02, 0.1, 0.52), ["good", "good", "poor", "good"]),
    ],
)
def test_grades_follow_the_way_from_real_to_useless(found: list[Score], grades: list[str]) -> None:
    assert [line.grade for line in headlines(found, 1000, 1000)] == grades


def test_the_verdict_names_both_accuracies_and_the_reference() -> None:
    use = headlines(scores(0.5, 0.02, 0.02, 1.0, 0.5), 100, 100)[0]
    assert use.figure == "0.500"
    assert "45.0% of the test flows against 90.0%" in use.verdict
    assert "much worse" in use.verdict
    assert "near 1.000" in use.good


def test_what_could_not_be_computed_says_why() -> None:
    lines = headlines([Score("utility.ratio", None, None, None, "max", note="no label is shared")], 10, 10)
    assert [line.grade for line in lines] == ["unknown"] * 4
    assert lines[0].verdict == "no label is shared"
    assert lines[3].verdict == "Not computed."
