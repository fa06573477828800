"""generate: counts, labels, forms, seeds."""

import json

import numpy as np
import polars as pl
import pytest

from netdiffus.api.verbs import generate, prepare
from netdiffus.errors import InputError
from netdiffus.steps.counts import label_counts, parse_counts
from netdiffus.steps.load import load_traces
from netdiffus.store.dataset import read_dataset


def test_columns_and_values_of_what_is_drawn(small_dataset, small_model, tmp_path) -> None:
    _, real = read_dataset(small_dataset)
    drawn = pl.read_parquet(generate(small_model, tmp_path / "s.parquet", count=120, sampling_steps=6))
    assert drawn.schema == real.schema
    assert set(drawn["split"]) == {"synthetic"}
    assert drawn["label"].value_counts().sort("label")["count"].to_list() == [60, 60]
    for channel in ("size", "direction"):
        assert set(drawn[channel].explode()) <= set(real[channel].explode())
    assert drawn["gap_ns"].explode().max() <= real["gap_ns"].explode().max()
    assert not drawn["gap_ns"].explode().is_in(real["gap_ns"].explode().to_list()).all()  # gaps lie between real ones
    lengths = drawn.select(pl.col("size", "direction", "gap_ns").list.len())
    assert (lengths["size"] == lengths["direction"]).all()
    assert (lengths["size"] == lengths["gap_ns"]).all()
    assert lengths["size"].min() >= 1
    assert lengths["size"].max() <= 12


def test_a_seed_gives_the_same_bytes(small_model, tmp_path) -> None:
    files = [
        generate(small_model, tmp_path / name, count=40, seed=seed)
        for name, seed in [("a.csv", 5), ("b.csv", 5), ("c.csv", 6)]
    ]
    one, again, other = (file.read_bytes() for file in files)
    assert one == again
    assert one != other


@pytest.mark.parametrize("form", ["parquet", "csv", "npz"])
def test_every_form_is_read_again(form, small_model, tmp_path) -> None:
    expected = pl.read_parquet(generate(small_model, tmp_path / "s.parquet", count=50))
    path = generate(small_model, tmp_path / f"t.{form}", count=50)
    assert load_traces(path).traces.equals(expected)
    _, prepared = read_dataset(prepare(path, tmp_path / form))
    assert prepared["size"].to_list() == expected["size"].to_list()


def test_every_artefact_says_what_made_it(small_dataset, small_model, tmp_path) -> None:
    path = generate(small_model, tmp_path / "s.parquet", count=10, seed=3)
    made = json.loads(pl.read_parquet_metadata(path)["netdiffus"])
    card, _ = read_dataset(small_dataset)
    assert made["dataset"] == card.hash
    assert made["config"]["seed"] == 3
    assert len(made["model"]) == 64
    with np.load(generate(small_model, tmp_path / "s.npz", count=10, seed=3)) as arrays:
        assert json.loads(str(arrays["provenance"])) == made
    source = pl.read_csv(generate(small_model, tmp_path / "s.csv", count=10, seed=3))["source"][0]
    assert source == f"netdiffus {made['netdiffus']} model {made['model'][:16]} seed 3"


def test_counts_by_mix_by_label_and_balanced() -> None:
    mix = {"a": 700, "b": 200, "c": 100}
    assert label_counts(mix, 10, balance=False) == {"a": 7, "b": 2, "c": 1}
    assert label_counts(mix, 10, balance=True) == {"a": 4, "b": 3, "c": 3}
    assert label_counts(mix, {"c": 5}, balance=False) == {"c": 5}
    assert sum(label_counts(mix, 999, balance=False).values()) == 999


def test_counts_of_the_command_line() -> None:
    assert parse_counts(None) == 1000
    assert parse_counts(["25"]) == 25
    assert parse_counts(["web=3", "a=b=4"]) == {"web": 3, "a=b": 4}
    assert parse_counts([" web =3", "dns= 4"]) == {"web": 3, "dns": 4}
    for wrong in (["x"], ["web="], ["3", "web=4"], ["3", "4"]):
        with pytest.raises(InputError, match="--count LABEL=N once for each label"):
            parse_counts(wrong)


def test_what_is_refused(small_model, tmp_path) -> None:
    with pytest.raises(InputError, match=r"one of the suffixes .pcap, .*, .nprint.npz; got .*x\.jpg"):
        generate(small_model, tmp_path / "x.jpg")
    with pytest.raises(InputError, match="labels among bulk, chat; got 'web'"):
        generate(small_model, tmp_path / "x.csv", count={"web": 3})
    for count in (0, -4, {"chat": 0}):
        with pytest.raises(InputError, match="a count of at least 1"):
            generate(small_model, tmp_path / "x.csv", count=count)
    (tmp_path / "model").mkdir()
    with pytest.raises(InputError, match=r"a model folder \(with model\.json\)"):
        generate(tmp_path / "model", tmp_path / "x.csv")
    assert not (tmp_path / "x.csv").exists()
