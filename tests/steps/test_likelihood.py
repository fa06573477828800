"""What a model loses on traces: the same for the same trace, less for likely ones, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from netdiffus.api.verbs import evaluate, generate
from netdiffus.errors import InputError
from netdiffus.metrics import Traces
from netdiffus.steps.generate import LoadedModel, load_model
from netdiffus.steps.likelihood import MOST, member_losses, trace_losses
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.traces import series


@pytest.fixture(scope="module")
def model(small_model: Path) -> LoadedModel:
    return load_model(small_model)


@pytest.fixture(scope="module")
def tables(small_dataset: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    _, traces = read_dataset(small_dataset)
    return traces.filter(pl.col("split") == "train"), traces.filter(pl.col("split") == "test")


def test_the_loss_is_of_the_trace_alone_and_lower_under_its_own_label(
    model: LoadedModel, tables: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    assert model.codec is not None
    table = tables[1].head(20)
    traces = Traces(series(table, model.codec.length, model.codec.channels), table["label"].to_numpy().astype(np.str_))
    losses = trace_losses(model, traces)
    assert losses.shape == (20,)
    assert np.isfinite(losses).all()
    assert trace_losses(model, traces.take(np.array([3, 1]))) == pytest.approx(losses[[3, 1]], abs=1e-5)
    other = {"chat": "bulk", "bulk": "chat"}
    swapped = Traces(traces.series, np.array([other[label] for label in traces.labels.tolist()]))
    assert trace_losses(model, swapped).mean() > losses.mean()


def test_members_and_others_are_as_many_of_each_label(
    model: LoadedModel, tables: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    members, others = member_losses(model, *tables, np.random.default_rng(0))
    assert len(members) == len(others) == len(tables[1]) <= MOST
    strange = tables[1].with_columns(label=pl.lit("unheard of"))
    none, nobody = member_losses(model, tables[0], strange, np.random.default_rng(0))
    assert len(none) == len(nobody) == 0


def test_evaluate_attacks_the_model(small_dataset: Path, small_model: Path, tmp_path: Path) -> None:
    made = generate(small_model, tmp_path / "made.parquet", count=60)
    scores = evaluate(small_dataset, made, model=small_model, baselines=False)
    # of so few traces the scale alone knows which gaps there were
    assert 0.5 < scores["membership.likelihood_auc"].value < 1
    assert scores["membership.likelihood_tpr"].value is not None


def test_what_is_refused(model: LoadedModel, tables: tuple[pl.DataFrame, pl.DataFrame], small_model: Path) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="a model of traces for --model"):
        member_losses(replace(model, codec=None), *tables, rng)
    with pytest.raises(InputError, match=r"real traces with the model's channels .*; got traces without gap_ns"):
        member_losses(model, tables[0].drop("gap_ns"), tables[1], rng)
    arrays = (np.zeros((20, 1, 4)), np.repeat("a", 20))
    with pytest.raises(InputError, match="sets as paths beside a model"):
        evaluate(arrays, arrays, model=small_model)
