"""A score goes through JSON and back, and knows its reference."""

from __future__ import annotations

import json

import pytest
from scipy.stats import t as student

from netdiffus.metrics import Confusion, Score, ScoreType, find, metric_of, type_of
from netdiffus.metrics.intervals import Interval
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


def test_a_score_of_a_type_has_real_at_the_good_end_and_the_useless_at_the_other() -> None:
    small = ScoreType("x.CHANNEL.y", "min", "a distance", useless=1.0, unit="share").of("gap_ns")
    score = small.score(0.5, Interval(0.2, 0.1, 0.3), label="dns", note="a note")
    expected = Score("x.gap_ns.y", 0.5, 0.2, 1.0, "min", "share", "dns", "a note", low=0.1, high=0.3)
    assert score == expected
    large = ScoreType("z", "max", "an accuracy")
    assert large.score(0.5, 0.9, 0.1) == Score("z", 0.5, 0.1, 0.9, "max")
    assert large.score(None, note="why") == Score("z", None, None, None, "max", note="why")


def test_types_are_found_by_the_names_of_scores() -> None:
    types = {
        name: type_of(name) for name in ("marginal.my.channel.jsd", "marginal.mean.jsd", "lowdata.5.real", "no.such")
    }
    assert [kind and kind.name for kind in types.values()] == [
        "marginal.CHANNEL.jsd", "marginal.mean.jsd", "lowdata.K.real", None
    ]  # fmt: skip
    assert metric_of("idle.length") == "bursts"
    assert metric_of("detection.cnn_auc") == "fingerprinting"
    assert metric_of("baseline.jitter.detection.auc") is None
