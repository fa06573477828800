"""Traces that go on from beginnings and beyond the model's length, and the likelihood of traces."""

import itertools
import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

import netdiffus
from netdiffus.api.verbs import generate, prepare
from netdiffus.diffusion.causal import CausalDenoiser, Codebook
from netdiffus.diffusion.forcing import Rows
from netdiffus.diffusion.observation import SeriesRows
from netdiffus.errors import InputError
from netdiffus.models.backends import load_model
from netdiffus.store.dataset import read_dataset

CHANNELS = ["size", "direction", "gap_ns"]


@pytest.fixture
def beginnings(tmp_path):
    """Six beginnings of one to three rows, with a size and gaps that the model never saw."""
    rows = [
        {"label": label, "size": [777, 40, 3][:k], "direction": [0, 1, 1][:k], "gap_ns": [0, 123_457, 8][:k]}
        for label, k in zip(["chat", "bulk", "chat", "bulk", "bulk", "chat"], [2, 1, 3, 2, 1, 3], strict=True)
    ]
    path = tmp_path / "beginnings.parquet"
    pl.DataFrame(rows).write_parquet(path)
    return path


def test_traces_go_on_in_order_and_keep_their_beginnings(small_model, beginnings, tmp_path) -> None:
    given = pl.read_parquet(beginnings)
    made = pl.read_parquet(generate(small_model, tmp_path / "s.parquet", beginnings=beginnings, seed=1))
    assert made["label"].to_list() == given["label"].to_list()
    for name in CHANNELS:
        for before, after in zip(given[name].to_list(), made[name].to_list(), strict=True):
            assert after[: len(before)] == before
    lengths = made.select(pl.col(*CHANNELS).list.len())
    assert lengths["size"].equals(lengths["gap_ns"], check_names=False)
    assert lengths["size"].sum() > given["size"].list.len().sum()
    assert lengths["size"].max() <= 12


def test_the_flows_of_a_capture_go_on(small_model, tmp_path) -> None:
    (tmp_path / "chat").mkdir()
    shutil.copy(netdiffus.recordings.captures()["ntp"][0], tmp_path / "chat" / "ntp.pcap.xz")
    made = generate(small_model, tmp_path / "s.parquet", beginnings=tmp_path / "chat", seed=1)
    _, flows = read_dataset(prepare(tmp_path / "chat", tmp_path / "dataset"))
    for before, after in zip(flows["size"].to_list(), pl.read_parquet(made)["size"].to_list(), strict=True):
        assert after[: len(before)] == before
    assert set(pl.read_parquet(made)["label"]) == {"chat"}


def test_a_longer_trace_than_asked_for_is_kept(small_model, beginnings, tmp_path) -> None:
    given = pl.read_parquet(beginnings)
    made = pl.read_parquet(generate(small_model, tmp_path / "s.parquet", beginnings=beginnings, length=1))
    assert made["gap_ns"].to_list() == given["gap_ns"].to_list()


def test_a_window_slides_beyond_the_models_length(small_dataset, small_model) -> None:
    model = netdiffus.TrafficModel.load(small_model)
    made = model.sample({"bulk": 60}, seed=2, length=40)
    assert 12 < made["size"].list.len().max() <= 40
    assert made.equals(model.sample({"bulk": 60}, seed=2, length=40))
    known = pl.read_parquet(small_dataset / "traces.parquet")["size"].explode()
    assert set(made["size"].explode()) <= set(known)
    assert (made["gap_ns"].list.first() == 0).all()
    long = pl.DataFrame({"label": ["bulk"] * 30, "size": [[1448] * 30] * 30, "direction": [[1] * 30] * 30})
    on = model.continued(long.with_columns(gap_ns=pl.Series([[20_000] * 30] * 30)), length=50)
    assert on["size"].list.len().max() > 30
    assert on["size"].list.head(30).to_list() == long["size"].to_list()


def test_what_cannot_go_on_is_refused(small_model, beginnings, tmp_path) -> None:
    table, out = pl.read_parquet(beginnings), tmp_path / "s.parquet"
    model = netdiffus.TrafficModel.load(small_model)
    with pytest.raises(InputError, match=r"labels that the model knows \(bulk, chat\); got 'dns' in 6 traces"):
        model.continued(table.with_columns(label=pl.lit("dns")))
    with pytest.raises(InputError, match="the model's columns size, direction, gap_ns, label; got none named gap_ns"):
        model.log_likelihood(table.drop("gap_ns"))
    with pytest.raises(InputError, match="at least one trace"):
        model.continued(table.head(0))
    with pytest.raises(InputError, match="--count or --beginnings; got both"):
        generate(small_model, out, beginnings=beginnings, count=3)
    with pytest.raises(
        InputError, match=r"--out; got .*beginnings\.parquet|--out other than the table that traces go on from"
    ):
        generate(small_model, beginnings, beginnings=beginnings)
    with pytest.raises(InputError, match=r"one of the suffixes \.parquet, \.csv, \.npz"):
        generate(small_model, tmp_path / "images", beginnings=beginnings)
    with pytest.raises(InputError, match="at most 100,000,000 rows in all"):
        model.sample(10_000, length=65_536)
    assert not out.exists()


def test_likelihoods_of_all_traces_sum_to_one(small_model) -> None:
    """By brute force over every trace of two rows, two channels and a few codes."""
    torch.manual_seed(0)
    centres = [torch.tensor([-1.0, 0.5, 1.5]), torch.tensor([-0.7, 0.7])]
    priors = [torch.randn(2, 2, len(z)) for z in centres]
    network = CausalDenoiser([Codebook(z, ends=False) for z in centres], priors, None, width=8, depth=1, heads=2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    row = list(itertools.product(range(3), range(2)))
    codes = np.array([np.transpose(rows) for rows in itertools.product(row, row)])
    rows = Rows.of(SeriesRows(2), centres)
    model = replace(load_model(small_model), network=network.eval(), rows=rows)
    for label in range(2):
        found = model.log_likelihoods(codes, np.full(len(codes), label))
        assert np.exp(found).sum() == pytest.approx(1, abs=1e-5)
        assert found.std() > 0.1


def test_likelihoods_of_a_table(small_model, small_dataset) -> None:
    _, traces = read_dataset(small_dataset)
    model = netdiffus.TrafficModel.load(small_model)
    found = model.log_likelihood(traces.head(20))
    assert found.shape == (20,)
    assert (found < 0).all()
    other = traces.head(20).with_columns(label=pl.col("label").replace({"chat": "bulk", "bulk": "chat"}))
    assert model.log_likelihood(other).mean() < found.mean()
