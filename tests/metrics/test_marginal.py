"""Marginal distances of arrays that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from netdiffus.metrics import Score, Traces, find, scores

NAN = np.nan


def traces(rows: list[list[float]], labels: str) -> Traces:
    return Traces(np.array(rows, dtype=np.float64)[:, None], np.array(list(labels)))


def run(train: Traces, test: Traces, synthetic: Traces) -> list[Score]:
    return list(scores(train, test, synthetic, ["size"], only=["marginal"]))


def value(found: list[Score], name: str, label: str | None = None) -> float | None:
    score = find(found, name, label)
    assert score is not None, name
    return score.value


def test_by_hand() -> None:
    real = traces([[0, 10]] * 10, "a" * 10)
    found = run(real, real, traces([[0, 10, 10, NAN]] * 5 + [[0, 10, 10, 11]] * 5, "a" * 10))
    # real: half 0, half 10; synthetic, of 35 values: 10, 20, and 5 times the 11 that no real trace has
    assert value(found, "marginal.size.ks") == pytest.approx(0.5 - 10 / 35)
    expected = wasserstein_distance([0, 10], [0, 10, 11], None, [10, 20, 5])
    assert value(found, "marginal.size.wasserstein") == pytest.approx(expected)
    assert value(found, "marginal.size.wasserstein_std") == pytest.approx(expected / 5)
    assert value(found, "marginal.length.jsd") == 1
    assert value(found, "marginal.length.wasserstein") == 1.5
    assert value(found, "marginal.length.wasserstein_std") is None
    # positions 0 and 1 agree, 2 and 3 are absent in real; at 3 half of the synthetic ones are absent too
    assert value(found, "marginal.size.jsd_position") == pytest.approx((0 + 0 + 1 + 0.8112781 - 0.5) / 4)
    floor = find(found, "marginal.size.jsd")
    assert floor is not None
    assert floor.floor == 0


def test_a_balanced_set_is_not_blamed_for_its_mix_but_a_wrong_label_is() -> None:
    real = traces([[1]] * 30 + [[2]] * 10, "a" * 30 + "b" * 10)
    balanced = traces([[1]] * 5 + [[2]] * 5, "a" * 5 + "b" * 5)
    swapped = traces([[2]] * 30 + [[1]] * 10, "a" * 30 + "b" * 10)
    assert value(run(real, real, balanced), "marginal.size.jsd") == pytest.approx(0)
    found = run(real, real, swapped)
    assert value(found, "marginal.size.jsd", "a") == 1
    by_label = find(found, "marginal.by_label.jsd")
    assert by_label is not None
    assert (by_label.value, by_label.floor, by_label.ceiling) == (0.5, 0, 0.5)  # of size and length, length agrees


def test_a_label_without_traces_says_so_and_counts_as_1() -> None:
    real = traces([[1]] * 10 + [[2]] * 10, "a" * 10 + "b" * 10)
    found = run(real, real, traces([[1]] * 10, "a" * 10))
    missing = find(found, "marginal.size.jsd", "b")
    assert missing is not None
    assert missing.value is None
    assert missing.note == "no synthetic values of the label 'b'"
    by_label = find(found, "marginal.by_label.jsd")
    assert by_label is not None
    assert by_label.value == 0.5
    assert "counted as 1, having no synthetic traces: b" in by_label.note


def test_no_shared_label_computes_nothing_and_says_why() -> None:
    real = traces([[1]] * 10, "a" * 10)
    score = find(run(real, real, traces([[1]] * 10, "z" * 10)), "marginal.mean.jsd")
    assert score is not None
    assert score.value is None
    assert "no synthetic values" in score.note
