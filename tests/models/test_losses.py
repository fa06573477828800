"""What a model loses on traces: the same for the same trace, less for likely ones, and what is refused."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from netdiffus.api.verbs import evaluate, generate, prepare, train
from netdiffus.errors import InputError
from netdiffus.metrics import Traces
from netdiffus.models.backends import load_model
from netdiffus.models.membership import MOST, member_losses
from netdiffus.models.model import Model
from netdiffus.models.rows import RowModel
from netdiffus.models.sampling import Request, Sampling
from netdiffus.models.series_codec import ImagesCodec
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.traces import series


@pytest.fixture(scope="module")
def model(small_model: Path) -> Model:
    return load_model(small_model)


@pytest.fixture(scope="module")
def tables(small_dataset: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    _, traces = read_dataset(small_dataset)
    return traces.filter(pl.col("split") == "train"), traces.filter(pl.col("split") == "test")


def traces_of(model: Model, table: pl.DataFrame) -> Traces:
    codec = model.manifest.codec
    return Traces(series(table, codec.length, list(codec.channels)), table["label"].to_numpy().astype(np.str_))


def test_the_loss_is_of_the_trace_alone_and_lower_under_its_own_label(
    model: Model, tables: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    table = tables[1].head(20)
    traces = Traces(
        series(table, model.manifest.codec.length, model.manifest.codec.channels),
        table["label"].to_numpy().astype(np.str_),
    )
    losses = model.losses(traces)
    assert losses.shape == (20,)
    assert np.isfinite(losses).all()
    assert model.losses(traces.take(np.array([3, 1]))) == pytest.approx(losses[[3, 1]], abs=1e-5)
    other = {"chat": "bulk", "bulk": "chat"}
    swapped = Traces(traces.series, np.array([other[label] for label in traces.labels.tolist()]))
    assert model.losses(swapped).mean() > losses.mean()


def test_members_and_others_are_as_many_of_each_label(model: Model, tables: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    inside, others = member_losses(model, *tables, np.random.default_rng(0))
    assert len(inside) == len(others) == len(tables[1]) <= MOST
    strange = tables[1].with_columns(label=pl.lit("unheard of"))
    none, nobody = member_losses(model, tables[0], strange, np.random.default_rng(0))
    assert len(none) == len(nobody) == 0


def test_evaluate_attacks_the_model(small_dataset: Path, small_model: Path, tmp_path: Path, only_metrics) -> None:
    only_metrics("membership_likelihood")
    made = generate(small_model, tmp_path / "made.parquet", count=60)
    scores = evaluate(small_dataset, made, model=small_model, baselines=False)
    # of so few traces the scale alone knows which gaps there were
    assert 0.5 < scores["membership.likelihood_auc"].value < 1
    assert scores["membership.likelihood_tpr"].value is not None


def test_what_is_refused(model: Model, tables: tuple[pl.DataFrame, pl.DataFrame], small_model: Path) -> None:
    rng = np.random.default_rng(0)
    images = replace(model.manifest, codec=ImagesCodec(["image 0"], 8))
    with pytest.raises(InputError, match="a model of traces for --model"):
        member_losses(replace(model, manifest=images), *tables, rng)
    with pytest.raises(InputError, match=r"real traces with the model's channels .*; got traces without gap_ns"):
        member_losses(model, tables[0].drop("gap_ns"), tables[1], rng)
    arrays = (np.zeros((20, 1, 4)), np.repeat("a", 20))
    with pytest.raises(InputError, match="sets as paths beside a model"):
        evaluate(arrays, arrays, model=small_model)


@pytest.fixture(scope="module")
def enumerable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of traces of one channel, at most three positions and two sizes."""
    folder = tmp_path_factory.mktemp("enumerable")
    rng = np.random.default_rng(0)
    sizes = [rng.choice([40, 1400], rng.integers(1, 4), p=[0.3, 0.7]).tolist() for _ in range(60)]
    pl.DataFrame({"label": ["a", "b"] * 30, "size": sizes}).write_parquet(folder / "t.parquet")
    return prepare(folder / "t.parquet", folder / "dataset")


@pytest.mark.parametrize("image", ["gasf", "series"])
def test_likelihoods_of_all_traces_sum_to_1(image: str, enumerable: Path, tmp_path: Path) -> None:
    """Three codes (two sizes, and the end) at three positions; the network has learned, so it is no prior alone."""
    options = {"preset": "tiny", "steps": 30, "image": image, "learning_rate": 0.02}
    loaded = load_model(train(enumerable, tmp_path / "model", **options))
    assert isinstance(loaded, RowModel)
    network = loaded.network
    every = np.array(list(itertools.product(range(3), repeat=3)))[:, None]
    for label in (0, 1):
        found = np.exp(loaded.log_likelihoods(every, np.full(27, label)))
        assert found.sum() == pytest.approx(1, abs=1e-5)
        counted = np.exp([sum(float(network.prior(0)[label, i, c]) for i, c in enumerate(one)) for (one,) in every])
        assert np.abs(found - counted).max() > 0.02
        drawn = next(loaded.sample(Request(np.full(512, label), Sampling(), 0))).codes
        shares = np.bincount(drawn[:, 0] @ [9, 3, 1], minlength=27) / 512
        assert np.abs(shares - found).max() < 0.1  # what is drawn is what is likely


def test_with_coarse_rows_it_is_a_bound(enumerable: Path, tmp_path: Path) -> None:
    """Of each trace and its own coarse row together: all traces with other coarse rows are missing from the sum."""
    loaded = load_model(train(enumerable, tmp_path / "model", preset="tiny", steps=10, coarse=2))
    assert isinstance(loaded, RowModel)
    every = np.array(list(itertools.product(range(3), repeat=3)))[:, None]
    found = np.exp(loaded.log_likelihoods(every, np.zeros(27, np.int64)))
    assert 0 < found.sum() < 1


def test_a_published_model_has_a_loss_by_trace(
    small_dataset: Path, tables: tuple[pl.DataFrame, pl.DataFrame], tmp_path: Path
) -> None:
    loaded = load_model(train(small_dataset, tmp_path / "model", preset="netdiffus2", steps=1, width=32, depth=1))
    table = tables[1].head(3)
    traces = Traces(
        series(table, loaded.manifest.codec.length, loaded.manifest.codec.channels),
        table["label"].to_numpy().astype(np.str_),
    )
    losses = loaded.losses(traces)
    assert np.isfinite(losses).all()
    assert loaded.losses(traces.take(np.array([2, 0]))) == pytest.approx(losses[[2, 0]], rel=1e-4)
