"""The membership attack on a training's own weights: it finds what was learned by heart, and only that."""

import numpy as np
import polars as pl
import pytest
import torch

import netdiffus
from netdiffus.diffusion.attack import _matched, attacked
from netdiffus.models.card import attack_said, model_readme
from netdiffus.models.counted import Channels
from netdiffus.models.manifest import read_model
from netdiffus.models.options import train_options
from netdiffus.models.rows import fit_rows
from netdiffus.models.training_data import LabelledSeries, row_data
from netdiffus.store.cards import ModelCard

CPU = torch.device("cpu")


def trained(steps: int, traces: int, **options):
    """A training on random codes: nothing can be told of a trace that was not seen."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, 12, (traces, 1, 12)).astype(np.float64)
    chosen = train_options("tiny", steps=steps, contexts=0, batch=64, **options)
    learned = LabelledSeries(values, pl.Series(["a", "b"] * (traces // 2)))
    fit = fit_rows(row_data(learned, Channels(["size"]), chosen, CPU), chosen, CPU, None).fit
    for _ in fit.run(lambda record: record.step / steps):
        pass
    return fit


def test_what_is_learned_by_heart_is_found() -> None:
    fit = trained(250, 60, validation=0.4)
    fit.best = {name: value.detach().clone() for name, value in fit.network.named_parameters()}  # not the best ones
    attack = attacked(fit)
    assert attack is not None
    assert attack.auc > 0.8
    assert 200 < attack.traces <= 1024
    assert attacked(fit) == attack


def test_where_traces_tell_nothing_of_each_other_it_finds_nothing_at_first() -> None:
    attack = attacked(trained(1, 1000, validation=0.2))
    assert attack is not None
    assert 0.4 < attack.auc < 0.6


def test_labels_are_matched() -> None:
    here, there = _matched(torch.tensor([0, 0, 0, 1, 2]), torch.tensor([1, 0, 1, 0]))
    assert here.tolist() == [0, 1, 3]
    assert there.tolist() == [1, 3, 0]


def test_nothing_held_out_is_nothing_measured() -> None:
    assert attacked(trained(1, 100, validation=0.0)) is None


def test_a_model_says_what_was_measured(small_model) -> None:
    card, manifest = ModelCard.read(small_model), read_model(small_model)
    assert card.attack is not None
    assert 0.3 < card.attack["auc"] < 0.9
    assert f"an AUC of {card.attack['auc']:.3f}" in (small_model / "README.md").read_text(encoding="utf-8")
    assert attack_said(manifest) in model_readme(manifest, 1)


@pytest.mark.parametrize("options", [{"preset": "netdiffus2", "width": 32, "depth": 1}, {"epsilon": 4.0, "length": 4}])
def test_losses_that_are_no_likelihoods_and_guarantees_are_not_attacked(options, small_dataset, tmp_path) -> None:
    """A figure of the private traces would have to be paid for."""
    steps = {} if "epsilon" in options else {"steps": 1}
    model = netdiffus.train(small_dataset, tmp_path / "model", **options, **steps)
    assert ModelCard.read(model).attack is None
    assert "membership attack" not in (model / "README.md").read_text(encoding="utf-8")
