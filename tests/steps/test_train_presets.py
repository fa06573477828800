"""train: the published presets, models of older formats, and places that cannot be written."""

import errno
import json
import shutil
import time

import polars as pl
import pytest

from netdiffus.api.verbs import generate, train
from netdiffus.errors import InputError
from netdiffus.models.backends import load_model
from netdiffus.models.options import train_options
from netdiffus.steps import train as step
from netdiffus.store.cards import ModelCard


def test_minutes_are_kept(small_dataset, tmp_path) -> None:
    began = time.monotonic()
    train(small_dataset, tmp_path / "model", preset="tiny", minutes=0.03)
    assert 1.8 <= time.monotonic() - began < 15
    assert ModelCard.read(tmp_path / "model").seconds == pytest.approx(1.8, abs=1.5)


def test_a_place_that_cannot_be_written_shows_after_one_step(small_dataset, tmp_path, monkeypatch) -> None:
    def full(path, tensors) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("netdiffus.store.model.write_tensors", full)
    seen = []
    with pytest.raises(OSError, match="No space left"):
        train(small_dataset, tmp_path / "out", preset="tiny", steps=1000, on_progress=seen.append)
    assert [record.step for record in seen] == [1]
    assert not (tmp_path / "out").exists()


def test_an_old_model_stays_until_there_is_something_to_replace_it(small_dataset, small_model, tmp_path) -> None:
    out = tmp_path / "model"
    shutil.copytree(small_model, out)
    before = (out / "weights.safetensors").read_bytes()
    records = step.train(small_dataset, out, train_options("tiny", steps=100, seed=1))
    for record in records:
        if record.step == 3:
            break
    assert (out / "weights.safetensors").read_bytes() == before
    records.close()  # as Ctrl-C does
    assert ModelCard.read(out).steps == 3
    assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()] == [1, 2, 3]


@pytest.mark.parametrize("preset", ["netdiffus", "netdiffus2"])
def test_the_published_presets_train_and_draw(preset, small_dataset, tmp_path) -> None:
    small = {"width": 32, "depth": 1, "length": 32, "timesteps": 20} if preset == "netdiffus" else {"width": 32}
    model = train(small_dataset, tmp_path / "model", preset=preset, steps=3, label_dropout=0.1, **small)
    card = ModelCard.read(model)
    assert card.config["network"] == "unet"
    assert (card.config["learning_rate"], card.config["batch"], card.config["scale"]) == (1e-4, 4, "minmax")
    assert card.codec["angle"] == "direct"
    assert card.codec["length"] == (32 if preset == "netdiffus" else 10)
    for options in ({}, {"sampler": "dpm++2m"}, {"guidance": 2.0}):
        table = pl.read_parquet(generate(model, tmp_path / "s.parquet", count=4, sampling_steps=4, **options))
        assert len(table) == 4
    pictures = generate(model, tmp_path / "pictures", count=4, sampling_steps=3)
    assert len(list(pictures.rglob("*.npz"))) == 4
    train(small_dataset, model, preset=preset, steps=4, label_dropout=0.1, resume=True, **small)
    assert ModelCard.read(model).steps == 4


def test_the_published_presets_as_they_are() -> None:
    one, two = (train_options(name) for name in ("netdiffus", "netdiffus2"))
    assert (one.length, one.width, one.depth, one.timesteps, one.batch, one.learning_rate) == (
        128,
        128,
        3,
        1000,
        4,
        1e-4,
    )
    assert (two.length, two.width, two.depth, two.timesteps, two.batch, two.learning_rate) == (10, 128, 3, 100, 4, 1e-4)
    with pytest.raises(InputError, match="--image gasf for the U-Net"):
        train_options("netdiffus", image="series")


@pytest.mark.parametrize("number", [1, 4])
def test_models_of_an_older_format_are_refused(number, small_model, tmp_path) -> None:
    old = tmp_path / "old"
    shutil.copytree(small_model, old)
    card = json.loads((old / "model.json").read_text())
    (old / "model.json").write_text(json.dumps(card | {"format": number}))
    with pytest.raises(
        InputError, match=rf"a model of format 6 .*; got .* of format {number} .*; make it again with 'netdiffus train"
    ):
        load_model(old)
