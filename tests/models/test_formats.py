"""Models that an older netdiffus wrote can be read: format 5 had one list of options for every network."""

import json
import shutil
from pathlib import Path

import pytest

from netdiffus.api.verbs import generate, prepare, train
from netdiffus.models.backends import load_model
from netdiffus.models.manifest import read_model
from netdiffus.models.options import RowOptions, UNetOptions, train_options
from netdiffus.recordings import captures
from small_checkpoint import imported

FLAT = train_options("netdiffus2").model_dump() | RowOptions.of().model_dump()


def as_format_5(model: Path, out: Path, **options: object) -> Path:
    """The same model as an older netdiffus wrote it."""
    shutil.copytree(model, out)
    card = json.loads((out / "model.json").read_text())
    imported = card["config"]["network"] == "imported"
    card["config"] = ({} if imported else FLAT) | card["config"] | options
    card["codec"]["codec"] = card["codec"]["codec"].replace("packets", "gasf")
    del card["held_out"]
    (out / "model.json").write_text(json.dumps(card | {"format": 5}))
    return out


def same_draws(one: Path, other: Path, folder: Path, name: str) -> bool:
    made = [generate(model, folder / f"{k}{name}", count=4, seed=1) for k, model in enumerate((one, other))]
    return made[0].read_bytes() == made[1].read_bytes()


def test_a_row_model(small_model, tmp_path) -> None:
    old = as_format_5(small_model, tmp_path / "old")
    assert read_model(old).options == read_model(small_model).options
    assert read_model(old).card.held_out is None
    assert same_draws(small_model, old, tmp_path, ".csv")


def test_a_published_model(small_dataset, tmp_path) -> None:
    small = {"preset": "netdiffus2", "width": 32, "depth": 1, "timesteps": 5}
    model = train(small_dataset, tmp_path / "model", steps=1, **small)
    old = as_format_5(model, tmp_path / "old")
    assert isinstance(read_model(old).options, UNetOptions)
    assert read_model(old).options == read_model(model).options
    assert same_draws(model, old, tmp_path, ".csv")


def test_an_imported_model(tmp_path) -> None:
    model = imported(tmp_path)
    old = as_format_5(model, tmp_path / "old", network="unet")
    assert read_model(old).options == read_model(model).options
    assert load_model(old).forms == ("images",)


def test_a_model_of_packets_and_its_old_name(tmp_path) -> None:
    dataset = prepare(captures()["ntp"][0], tmp_path / "dataset", packets=4)
    model = train(dataset, tmp_path / "model", image="bits", preset="tiny", steps=1, batch=8)
    assert read_model(model).options.image == "fields"
    old = as_format_5(model, tmp_path / "old", image="bits")
    assert read_model(old).options == read_model(model).options
    assert same_draws(model, old, tmp_path, ".pcap")


@pytest.mark.parametrize("name", ["fields", "bits"])
def test_both_names_are_accepted(name) -> None:
    assert train_options(image=name).image == "fields"
