"""Members of a model: those that model.json says it learned from, of its own dataset and no other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench.small_traffic import two_labels
from netdiffus.api.verbs import evaluate, generate, prepare, train
from netdiffus.errors import InputError
from netdiffus.models.backends import load_model
from netdiffus.models.membership import member_losses, members
from netdiffus.store.cards import DatasetCard, ModelCard
from netdiffus.store.dataset import read_dataset
from small_checkpoint import imported


@pytest.fixture
def likelihood_alone(only_metrics) -> None:
    """Of all metrics, the attack on a model's losses."""
    only_metrics("membership_likelihood")


def test_members_are_what_was_learned(small_dataset: Path, small_model: Path) -> None:
    card, traces = read_dataset(small_dataset)
    held = ModelCard.read(small_model).held_out
    part = traces.filter(pl.col("split") == "train")
    assert held is not None
    assert len(held) == 8
    assert set(held) <= set(part["trace_id"])
    found = members(load_model(small_model), traces, card.hash)
    assert set(found["trace_id"]) == set(part["trace_id"]) - set(held)


def test_members_of_a_published_model(small_dataset: Path, tmp_path: Path) -> None:
    model = train(small_dataset, tmp_path / "model", preset="netdiffus2", steps=1, width=32, depth=1)
    assert len(ModelCard.read(model).held_out or []) == 8


@pytest.mark.usefixtures("likelihood_alone")
def test_another_dataset_is_refused(small_dataset: Path, small_model: Path, tmp_path: Path) -> None:
    two_labels(200, seed=5).write_parquet(tmp_path / "other.parquet")
    other = prepare(tmp_path / "other.parquet", tmp_path / "other")
    made = generate(small_model, tmp_path / "made.parquet", count=40)
    words = rf"the dataset that the model was trained on \({DatasetCard.read(small_dataset).hash[:16]}\); got another"
    with pytest.raises(InputError, match=words):
        evaluate(other, made, model=small_model, baselines=False)
    scores = evaluate(small_dataset, made, model=small_model, baselines=False)
    assert scores["membership.likelihood_auc"].value is not None


def test_a_model_that_does_not_say_what_it_held_out_is_refused(
    small_dataset: Path, small_model: Path, tmp_path: Path
) -> None:
    old = shutil.copytree(small_model, tmp_path / "old")
    card = json.loads((old / "model.json").read_text())
    del card["held_out"]
    (old / "model.json").write_text(json.dumps(card))
    found, traces = read_dataset(small_dataset)
    with pytest.raises(InputError, match="a model that says which traces it held out; got one that does not"):
        members(load_model(old), traces, found.hash)


@pytest.mark.usefixtures("likelihood_alone")
@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_an_imported_model_is_evaluated(schedule: str, small_dataset: Path, tmp_path: Path) -> None:
    """Of an imported one it is not known what it learned: the training part of the real traces is taken for it."""
    labels = ["bulk", "chat", "other"]
    model = imported(tmp_path, labels=labels, scale=(-1460.0, 1460.0), schedule=schedule, steps=40)
    made = generate(model, tmp_path / "made.parquet", count={"bulk": 20, "chat": 20}, sampling_steps=4)
    scores = evaluate(small_dataset, made, model=model, baselines=False)
    assert 0 <= scores["membership.likelihood_auc"].value <= 1
    _, traces = read_dataset(small_dataset)
    parts = [traces.filter(pl.col("split") == name) for name in ("train", "test")]
    losses, _ = member_losses(load_model(model), *parts, np.random.default_rng(0))
    assert np.isfinite(losses).all()


@pytest.mark.usefixtures("likelihood_alone")
def test_members_are_no_others_where_the_dataset_has_no_test_part(small_table: Path, tmp_path: Path) -> None:
    """Then a test part is drawn of the traces that were learned: what was held out of it is all that is left."""
    dataset = prepare(small_table, tmp_path / "dataset", test=0.0)
    model = train(dataset, tmp_path / "model", preset="tiny", steps=1, validation=0.5)
    made = generate(model, tmp_path / "made.parquet", count=40)
    card, traces = read_dataset(dataset)
    inside = set(members(load_model(model), traces, card.hash)["trace_id"])
    asked: list[set[int]] = []
    real = member_losses

    def noted(model, members, others, rng):
        asked.append(set(others["trace_id"]))
        return real(model, members, others, rng)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netdiffus.models.membership.member_losses", noted)
        evaluate(dataset, made, model=model, baselines=False)
    assert asked[0]
    assert not asked[0] & inside
