"""generate: counts, labels, forms, seeds."""

import json

import numpy as np
import polars as pl
import pytest

from netdiffus.api.verbs import generate, prepare, train
from netdiffus.errors import InputError
from netdiffus.models.counts import parse_counts
from netdiffus.models.label_counts import label_counts
from netdiffus.steps.inputs.load import load_traces
from netdiffus.store.dataset import read_dataset


def test_columns_and_values_of_what_is_drawn(small_dataset, small_model, tmp_path) -> None:
    _, real = read_dataset(small_dataset)
    drawn = pl.read_parquet(generate(small_model, tmp_path / "s.parquet", count=120))
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


def test_a_window_draws_several_rows_at_once(small_dataset, small_model, tmp_path) -> None:
    _, real = read_dataset(small_dataset)
    tables = [
        pl.read_parquet(generate(small_model, tmp_path / "s.parquet", count=30, seed=2, **options))
        for options in ({}, {"window": 1}, {"window": 3, "sampling_steps": 4}, {"window": 1000, "sampling_steps": 4})
    ]
    plain, one, three, whole = tables
    assert plain.equals(one)  # drawn row by row unless asked otherwise
    assert not plain.equals(three)
    assert not three.equals(whole)
    for table in tables:
        assert table["label"].value_counts().sort("label")["count"].to_list() == [15, 15]
        assert set(table["size"].explode()) <= set(real["size"].explode())


def test_what_a_model_that_draws_row_by_row_does_not_take(small_model, tmp_path) -> None:
    words = (
        r"--sampler for a published model \(netdiffus, netdiffus2\); got 'ddim' for one that draws row by row; leave"
    )
    with pytest.raises(InputError, match=words):
        generate(small_model, tmp_path / "x.csv", sampler="ddim")
    for weight in (0.0, 0.5, 2.0):
        with pytest.raises(InputError, match="a model trained with --label-dropout for --guidance; got one without"):
            generate(small_model, tmp_path / "x.csv", guidance=weight)
    for window in (None, 1):
        with pytest.raises(InputError, match="--window of 2 or more for --sampling-steps; got rows that are drawn one"):
            generate(small_model, tmp_path / "x.csv", sampling_steps=4, window=window)
    with pytest.raises(InputError, match="window greater than or equal to 1; got 0"):
        generate(small_model, tmp_path / "x.csv", window=0)
    assert not (tmp_path / "x.csv").exists()
    generate(small_model, tmp_path / "x.csv", guidance=1.0, count=2)  # 1 is the model as it is


def test_guidance_is_the_model_s_own_unless_asked(small_dataset, tmp_path) -> None:
    model = train(
        small_dataset, tmp_path / "model", preset="tiny", steps=30, label_dropout=0.2, guidance=3.0, validation=0.0
    )
    own, asked, plain = (
        pl.read_parquet(generate(model, tmp_path / "s.parquet", count=40, **options))
        for options in ({}, {"guidance": 3.0}, {"guidance": 1.0})
    )
    assert own.equals(asked)
    assert not own.equals(plain)


def test_a_published_model_has_no_window(small_dataset, tmp_path) -> None:
    model = train(small_dataset, tmp_path / "model", preset="netdiffus2", steps=1, width=32, depth=1)
    with pytest.raises(
        InputError, match="a model that draws row by row for --window; got a published one; leave it out"
    ):
        generate(model, tmp_path / "x.csv", count=2, window=2)
    with pytest.raises(
        InputError, match=r"a sampler among learned, heun, dpm\+\+2m, ddim, ancestral, ddpm; got 'euler'"
    ):
        generate(model, tmp_path / "x.csv", count=2, sampler="euler")
