"""evaluate: real beside synthetic, from datasets and tables, with what is refused."""

import json

import numpy as np
import polars as pl
import pytest

from bench.small_traffic import two_labels
from netdiffus.api.verbs import evaluate, generate
from netdiffus.baselines import BASELINES
from netdiffus.errors import InputError
from netdiffus.store.dataset import read_dataset


@pytest.fixture(scope="module")
def report(small_dataset, small_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    synthetic = generate(small_model, folder / "s.parquet", count=100)
    return evaluate(small_dataset, synthetic, folder / "report"), folder / "report"


def test_what_is_in_the_folder(report) -> None:
    scores, folder = report
    assert {path.name for path in folder.iterdir()} == {"scores.json", "report.html", "report.md", "overview.png"}
    entries = json.loads((folder / "scores.json").read_text())
    keys = {"name", "value", "floor", "ceiling", "goal", "unit", "label", "note"}
    assert all(keys <= entry.keys() for entry in entries)
    names = {entry["name"] for entry in entries if entry["label"] is None}
    assert {"utility.tstr_accuracy", "utility.trtr_accuracy", "copies.exact", "marginal.size.jsd"} <= names
    assert len(scores.table()) == len(entries)
    assert "sha256" in (folder / "report.html").read_text()
    assert (folder / "overview.png").read_bytes().startswith(b"\x89PNG")


def test_more_of_the_same_is_good_and_swapped_labels_are_not(small_table, tmp_path, only_metrics) -> None:
    only_metrics("utility")
    two_labels(200, seed=1).write_parquet(tmp_path / "more.parquet")
    swapped = pl.col("label").replace_strict({"chat": "bulk", "bulk": "chat"})
    two_labels(200, seed=1).with_columns(swapped).write_parquet(tmp_path / "swapped.parquet")
    more = evaluate(small_table, tmp_path / "more.parquet", baselines=False)
    wrong = evaluate(small_table, tmp_path / "swapped.parquet", baselines=False)
    assert more["utility.tstr_accuracy"].value > 0.95
    assert wrong["utility.tstr_accuracy"].value < 0.05
    with pytest.raises(KeyError):
        more["no.such.score"]


def test_a_test_part_of_ones_own(small_table, tmp_path, only_metrics) -> None:
    only_metrics("marginal")
    two_labels(60, seed=2).write_parquet(tmp_path / "test.parquet")
    two_labels(50, seed=3).write_parquet(tmp_path / "synthetic.parquet")
    scores = evaluate(small_table, tmp_path / "synthetic.parquet", test=tmp_path / "test.parquet", baselines=False)
    assert len(scores.evaluation.sets.test) == 60
    assert len(scores.evaluation.sets.train) == 200


def test_what_lies_behind_the_model_is_not_held_against_it(small_dataset, tmp_path, only_metrics) -> None:
    only_metrics("marginal")
    cut = [pl.col(name).list.head(5) for name in ("size", "direction", "gap_ns")]
    two_labels(100, seed=3).with_columns(cut).write_parquet(tmp_path / "first-five.parquet")
    scores = evaluate(small_dataset, tmp_path / "first-five.parquet", baselines=False)
    assert scores.evaluation.sets.train.series.shape[-1] == 5
    assert scores["marginal.length.jsd"].value < 0.05


@pytest.mark.usefixtures("unrepeated_metrics", "quick_metrics")
def test_channels_in_common_are_compared(small_dataset, tmp_path) -> None:
    two_labels(50, seed=3).drop("gap_ns").write_parquet(tmp_path / "no-gaps.parquet")
    scores = evaluate(small_dataset, tmp_path / "no-gaps.parquet", baselines=False)
    assert scores.evaluation.sets.channels == ("size", "direction")


def test_what_is_refused(small_dataset, tmp_path) -> None:
    two_labels(9, seed=0).write_parquet(tmp_path / "few.parquet")
    with pytest.raises(InputError, match="at least 10 synthetic traces; got 9"):
        evaluate(small_dataset, tmp_path / "few.parquet", tmp_path / "out")
    pl.DataFrame({"label": ["a"] * 20, "up_bytes": [[1]] * 20}).write_parquet(tmp_path / "binned.parquet")
    with pytest.raises(InputError, match="a channel in common; got real: size, direction, gap_ns; synthetic: up_bytes"):
        evaluate(small_dataset, tmp_path / "binned.parquet", tmp_path / "out")
    with pytest.raises(InputError, match="which does not exist"):
        evaluate(small_dataset, tmp_path / "nothing.csv", tmp_path / "out")
    (tmp_path / "a.pcap").write_bytes(b"")
    with pytest.raises(InputError, match="run 'netdiffus prepare' on it first"):
        evaluate(small_dataset, tmp_path / "a.pcap", tmp_path / "out")
    _, traces = read_dataset(small_dataset)
    assert len(traces) == 200
    assert not (tmp_path / "out").exists()


def test_every_baseline_draws_from_a_stream_of_its_own(small_table, tmp_path, monkeypatch, only_metrics) -> None:
    """Also two whose names are equally long, as jitter and markov are."""
    only_metrics("detection")
    drawn = {}

    def recorder(name, baseline):
        def record(series, labels, counts, rng):
            drawn[name] = rng.bit_generator.state["state"]["state"]
            return baseline(series, labels, counts, rng)

        return record

    for name, baseline in BASELINES.items():
        monkeypatch.setitem(BASELINES, name, recorder(name, baseline))
    two_labels(50, seed=3).write_parquet(tmp_path / "synthetic.parquet")
    first = evaluate(small_table, tmp_path / "synthetic.parquet")
    assert len(drawn) == len(set(drawn.values())) == len(BASELINES)
    before = dict(drawn)
    again = evaluate(small_table, tmp_path / "synthetic.parquet")
    assert drawn == before, "a seed repeats them"
    name = "baseline.markov.detection.auc"
    assert first[name] == again[name]
    assert np.isfinite(first[name].value)
