"""Utility: the arithmetic of judging, and what the forest makes of separable labels."""

from __future__ import annotations

import numpy as np
import pytest

from netdiffus.metrics import Traces, find, scores
from netdiffus.metrics.boosting import boost
from netdiffus.metrics.classification import f1_interval, result_of
from netdiffus.metrics.features import features

NAN = np.nan


def separable(labels: str) -> Traces:
    return Traces(np.array([[[ord(label) * 10.0, NAN]] for label in labels]), np.array(list(labels)))


def test_judge_by_hand() -> None:
    result = result_of(np.array(list("aabb")), np.array(list("aacb")))
    assert result.accuracy == 0.75
    assert result.f1 == pytest.approx({"a": 1.0, "b": 2 / 3})
    assert result.macro_f1 == pytest.approx(5 / 6)
    assert result.confusion.labels == ("a", "b", "c")
    assert result.confusion.counts == ((2, 0, 0), (0, 1, 1), (0, 0, 0))


def test_features_are_the_first_packets_with_absent_as_minus_1() -> None:
    series = np.full((1, 2, 40), NAN)
    series[0, :, 0] = 5, 1
    columns = features(Traces(series, np.array(["a"])), ["size", "direction"])
    assert columns.shape == (1, 64)
    assert columns[0, [0, 1, 32, 33]].tolist() == [5, -1, 1, -1]
    assert features(Traces(series, np.array(["a"])), ["up_bytes", "down_bytes"]).shape == (1, 80)


def test_real_beside_synthetic_with_a_label_missing() -> None:
    real = separable("aaaabbbb")
    found = list(scores(real, real, separable("aaaa"), ["size"], only=["utility"]))
    assert [score.value for score in found if score.name == "utility.trtr_accuracy"] == [1]
    tstr = find(found, "utility.tstr_accuracy")
    assert tstr is not None
    assert (tstr.value, tstr.floor, tstr.ceiling) == (0.5, 0.5, 1)
    assert tstr.note == "without b, which have no traces"
    assert tstr.confusion is not None
    assert tstr.confusion.counts == ((4, 0), (4, 0))
    augmented = find(found, "utility.augmented_macro_f1")
    assert augmented is not None
    assert augmented.high == 1, "more real traces would help, too"
    ratio = find(found, "utility.ratio")
    assert ratio is not None
    assert (ratio.value, ratio.floor) == (0.5, 0.5)
    assert [score.value for score in found if score.name == "utility.tstr_f1"] == pytest.approx([2 / 3, 0])


def test_labels_that_do_not_overlap_are_named() -> None:
    real = separable("aabb")
    found = list(scores(real, real, separable("zz"), ["size"], only=["utility", "labels"]))
    ratio, covered = find(found, "utility.ratio"), find(found, "labels.covered")
    assert ratio is not None
    assert ratio.value is None
    assert ratio.note == "no real label (a, b) occurs among the synthetic traces"
    assert covered is not None
    assert (covered.value, covered.note) == (0, "missing: a, b; not a real label: z")


def test_the_interval_of_macro_f1_by_hand() -> None:
    truth = np.repeat(np.array(["a", "b"]), 50)
    result = result_of(truth, truth)
    # shares of (1 * 50 + 2) / 54 = 26 / 27 of each label; the deviations of two labels add in squares
    low = 26 / 27 - 1.96 * np.sqrt(26 / 27 * (1 / 27) * 2 / 50)
    found = f1_interval(result)
    assert found.middle == found.high == 1
    assert found.low == pytest.approx(1 - (1 - low) / np.sqrt(2))


def test_boosting_does_not_run_away_from_traces_that_are_nearly_alike() -> None:
    """Without a bound on the leaves its answers grow without end there, and it forgets what it has learned."""
    rng = np.random.default_rng(0)
    labels, shares = [f"app{k:02d}" for k in range(24)], rng.dirichlet(np.ones(6), 24)
    sizes = rng.integers(0, 1500, 6)
    flows = np.stack([sizes[rng.choice(6, (20, 30), p=mine)] for mine in shares])
    near = np.repeat(flows.reshape(-1, 1, 30).astype(float), 20, axis=0)
    for trace in near:  # each lacks a position: all after it stand one place earlier
        place = rng.integers(30)
        trace[0, place:-1] = trace[0, place + 1 :]
    traces = Traces(near, np.repeat(labels, 400))
    assert boost(traces, traces, ("size",), 0).accuracy > 0.99
