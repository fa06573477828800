"""TrafficModel: fit, sample, save, load."""

import pytest

import netdiffus
from netdiffus.errors import InputError


def test_fit_sample_save_load(small_dataset, tmp_path) -> None:
    model = netdiffus.TrafficModel(preset="tiny", steps=30).fit(small_dataset)
    drawn = model.sample({"chat": 12, "bulk": 5}, seed=4)
    assert drawn["label"].value_counts().sort("label")["count"].to_list() == [5, 12]
    folder = model.save(tmp_path / "model")
    again = netdiffus.TrafficModel.load(folder)
    assert again.sample({"chat": 12, "bulk": 5}, seed=4).equals(drawn)
    assert not again.sample({"chat": 12, "bulk": 5}, seed=5).equals(drawn)
    assert again.options["preset"] == "tiny"


def test_not_fitted(tmp_path) -> None:
    with pytest.raises(InputError, match=r"call fit\(DATASET\) or load\(MODEL\) first"):
        netdiffus.TrafficModel().sample(3)


def test_the_door() -> None:
    verbs = {"check", "describe", "evaluate", "generate", "prepare", "repair", "train"}
    assert set(netdiffus.__all__) == {"TrafficModel", "__version__"} | verbs
    assert callable(netdiffus.prepare)
    with pytest.raises(AttributeError, match="no attribute 'frobnicate'"):
        netdiffus.frobnicate  # noqa: B018
