"""Cards and folders: what was written is read again, and nothing else is."""

import json
import shutil

import pytest

from netdiffus.errors import InputError
from netdiffus.store.cards import DatasetCard, ModelCard
from netdiffus.store.dataset import read_dataset


def change(folder, name, **values) -> None:
    data = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(data | values))


@pytest.fixture
def dataset(small_dataset, tmp_path):
    return shutil.copytree(small_dataset, tmp_path / "dataset")


@pytest.fixture
def model(small_model, tmp_path):
    return shutil.copytree(small_model, tmp_path / "model")


def test_a_card_comes_back_as_it_was(dataset) -> None:
    card, traces = read_dataset(dataset)
    card.write(dataset)
    assert DatasetCard.read(dataset) == card
    assert sum(card.labels["chat"].values()) == (traces["label"] == "chat").sum() == 100


def test_other_versions_are_named(dataset, model) -> None:
    change(dataset, "dataset.json", format=2, netdiffus="9.9")
    with pytest.raises(InputError, match=r"dataset of format 1 .* got .*format 2 \(netdiffus 9.9\); make it again"):
        read_dataset(dataset)
    change(model, "model.json", format=0)
    with pytest.raises(InputError, match="model of format 6"):
        ModelCard.read(model)


def test_unknown_keys_are_errors(model) -> None:
    change(model, "model.json", surprise=1)
    with pytest.raises(InputError, match=r"model\.json without unknown keys; got surprise"):
        ModelCard.read(model)


def test_broken_json_is_named(model) -> None:
    (model / "model.json").write_text('{"format": 1,')
    with pytest.raises(InputError, match=r"JSON in .*model\.json"):
        ModelCard.read(model)


def test_traces_that_were_changed_are_noticed(dataset) -> None:
    with (dataset / "traces.parquet").open("ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match="another hash; prepare the dataset again"):
        read_dataset(dataset)


def test_a_folder_without_a_card(tmp_path) -> None:
    with pytest.raises(InputError, match=r"a dataset folder \(with dataset\.json\)"):
        DatasetCard.read(tmp_path)
    with pytest.raises(InputError, match="which does not exist"):
        ModelCard.read(tmp_path / "nothing")
