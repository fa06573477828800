"""evaluate on plain arrays, and what it says of bad ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import netdiffus
from netdiffus.errors import InputError
from quick_metrics import quick_metrics

NAN = np.nan


def arrays(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two labels, two channels, some traces shorter than others."""
    rng = np.random.default_rng(seed)
    labels = np.array(["low", "high"] * (count // 2))
    series = rng.integers(0, 500, (count, 2, 8)).astype(np.float64)
    series[labels == "high"] += 900
    series[::3, :, 6:] = NAN
    return series, labels


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("arrays") / "report"
    with quick_metrics():
        found = netdiffus.evaluate(arrays(200, 0), arrays(120, 1), folder, channels=["up_bytes", "down_bytes"])
    return found, folder


def test_arrays_become_scores_with_intervals_and_a_report(scores) -> None:  # type: ignore[no-untyped-def]
    found, folder = scores
    ratio = found["utility.ratio"]
    assert ratio.value == pytest.approx(1, abs=0.05)
    assert ratio.low <= ratio.ceiling <= ratio.high
    assert {"low", "high"} <= set(found.table().columns)
    entries = json.loads((folder / "scores.json").read_text())
    assert all({"low", "high"} <= entry.keys() for entry in entries)
    assert (folder / "report.html").exists()
    assert len(found.verdicts()) == 4


def test_baselines_stand_in_the_same_list(scores, only_metrics) -> None:  # type: ignore[no-untyped-def]
    found, folder = scores
    for name in ("jitter", "histogram", "markov"):
        assert found[f"baseline.{name}.utility.tstr_accuracy"].value is not None
        assert f'<th scope="col" class="n">{name}</th>' in (folder / "report.html").read_text()
    only_metrics("utility")
    without = netdiffus.evaluate(arrays(60, 0), arrays(60, 1), baselines=False)
    assert not [score.name for score in without if score.name.startswith("baseline.")]


@pytest.mark.usefixtures("quick_metrics")
def test_one_channel_needs_no_third_axis_and_repeats_itself() -> None:
    real, synthetic, test = ((series[:, 0], labels) for series, labels in (arrays(30, 0), arrays(60, 1), arrays(60, 2)))
    one, two = (netdiffus.evaluate(real, synthetic, test=test, seed=3, baselines=False) for _ in range(2))
    assert one.evaluation.sets.channels == ("channel 1",)
    assert len(one.evaluation.sets.test) == 60
    assert one.evaluation.scores == two.evaluation.scores


def test_test_rows_in_training_are_said_loudly_with_the_figure_without_them(tmp_path: Path, only_metrics) -> None:  # type: ignore[no-untyped-def]
    only_metrics("leakage", "utility")
    real, test = arrays(100, 0), arrays(40, 1)
    leaked = (np.concatenate([test[0], real[0][:10]]), np.concatenate([test[1], real[1][:10]]))
    found = netdiffus.evaluate(real, arrays(100, 2), tmp_path / "report", test=leaked, baselines=False)
    assert found["leakage.test_in_train"].value == 0.2
    assert "10 of 50 test traces occur in the training part too" in found["leakage.test_in_train"].note
    unseen = found["utility.tstr_accuracy_unseen"]
    assert unseen.value is not None
    assert unseen.note == "without 10 of 50 test traces, which occur in the training part too"
    for page in ("report.html", "report.md"):
        assert "Test traces occur in the training part." in (tmp_path / "report" / page).read_text()


@pytest.mark.usefixtures("quick_metrics")
def test_labels_that_do_not_overlap_still_make_a_report(tmp_path: Path) -> None:
    series, labels = arrays(60, 1)
    other = (series, np.char.add("other ", labels))
    found = netdiffus.evaluate(arrays(60, 0), other, tmp_path / "report")
    assert found["labels.covered"].value == 0
    assert found["utility.ratio"].note == "no real label (high, low) occurs among the synthetic traces"
    assert (tmp_path / "report" / "report.html").exists()


@pytest.mark.usefixtures("quick_metrics")
def test_few_traces_are_measured_as_far_as_they_go() -> None:
    found = netdiffus.evaluate(arrays(50, 0), arrays(10, 1))
    assert found["marginal.channel 1.jsd"].value is not None
    assert "needs 20" in found["detection.auc"].note


def test_what_is_refused() -> None:
    good = arrays(60, 0)
    holed = (good[0].copy(), good[1])
    holed[0][4, 0, 2] = NAN
    infinite = (good[0].copy(), good[1])
    infinite[0][7, 1, 3] = np.inf
    for bad, words in (
        (holed, "NaN inside 1 traces, the first is number 4"),
        (infinite, "an infinite value in 1 traces, the first is number 7"),
        ((good[0][:, :1], good[1]), r"2 channels \(channel 1, channel 2\) in every set; got 1 in the set 'synthetic'"),
        ((good[0], good[1][:5]), r"labels \(N,\) in the set 'synthetic'; got arrays of shape \(60, 2, 8\) and \(5,\)"),
        ((good[0][:4], good[1][:4]), "at least 10 synthetic traces; got 4"),
    ):
        with pytest.raises(InputError, match=words):
            netdiffus.evaluate(good, bad)
    with pytest.raises(InputError, match="all sets as paths, or all as pairs"):
        netdiffus.evaluate(good, "synthetic.parquet")
