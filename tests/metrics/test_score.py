"""A score goes through JSON and back, and knows its reference."""

from __future__ import annotations

import json

import pytest
from scipy.stats import t as student

from netdiffus.metrics import Confusion, Score, find
from netdiffus.metrics.null import DRAWS
from netdiffus.metrics.score import FLAGGED


def test_journey_through_json() -> None:
    plain = Score("marginal.size.jsd", 0.25, 0.0, 0.5, "min", "", "dns", "a note")
    matrix = Score("utility.tstr_accuracy", 0.5, None, 1.0, "max", confusion=Confusion(("a", "b"), ((1, 0), (1, 0))))
    spanned = Score("x", 0.5, 0.1, 1.0, "min", low=0.0, high=0.2)
    for score in (plain, matrix, spanned):
        assert Score.from_dict(json.loads(json.dumps(score.to_dict()))) == score
    keys = ["name", "value", "floor", "ceiling", "low", "high", "goal", "unit", "label", "note"]
    assert list(plain.to_dict()) == keys


def test_normalised_is_0_for_the_reference_and_1_for_the_useless() -> None:
    assert Score("x", 0.25, 0.0, 0.5, "min").normalised == 0.5
    assert Score("x", 0.4, 0.0, 0.5, "max").normalised == pytest.approx(0.2)
    assert Score("x", 0.6, 0.0, 0.5, "max").normalised == 0
    assert Score("x", 0.6, None, 0.5, "max").normalised is None
    assert (Score("x", 1, 2, 3, "min").reference, Score("x", 1, 2, 3, "max").reference) == (2, 3)


def test_excess_counts_half_widths_on_the_bad_side_only() -> None:
    assert Score("x", 0.3, 0.1, 1, "min", low=0, high=0.2).excess == pytest.approx(2)
    assert Score("x", 0.05, 0.1, 1, "min", low=0, high=0.2).excess == 0
    assert Score("x", 0.6, 0, 0.9, "max", low=0.8, high=1).excess == pytest.approx(3)
    assert Score("x", 0.95, 0, 0.9, "max", low=0.8, high=1).excess == 0
    assert Score("x", 0.5, 0.1, 1, "min").excess is None
    assert not Score("x", 0.5, 0.1, 1, "min").flagged
    assert [Score("x", value, 0.1, 1, "min", low=0, high=0.2).flagged for value in (0.34, 0.36)] == [False, True]


def test_find() -> None:
    scores = [Score("x", 1, None, None, "min", label="a"), Score("x", 2, None, None, "min")]
    assert find(scores, "x") is scores[1]
    assert find(scores, "x", "a") is scores[0]
    assert find(scores, "y") is None


def test_the_border_is_one_per_cent_for_four_hundred_scores_together() -> None:
    border = student.ppf(1 - 0.01 / 400, DRAWS - 1) / student.ppf(0.975, DRAWS - 1)
    assert border == pytest.approx(FLAGGED, abs=0.02)
