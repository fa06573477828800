"""Shifted copies: one position left out or repeated, all channels alike, and what is learned of them."""

import numpy as np
import polars as pl
import pytest
import torch

from netdiffus.errors import InputError
from netdiffus.models.counted import Channels
from netdiffus.models.options import train_options
from netdiffus.models.training_data import LabelledSeries, row_data
from netdiffus.traffic.shifts import shifted

N, LENGTH = 400, 6


def one_trace(values: list[float]) -> np.ndarray:
    """N traces alike (N, 2, LENGTH), the second channel ten times the first."""
    row = np.full(LENGTH, np.nan)
    row[: len(values)] = values
    return np.broadcast_to(np.stack([row, 10 * row]), (N, 2, LENGTH)).copy()


def test_one_position_is_left_out_or_comes_twice() -> None:
    made = shifted(one_trace([1, 2, 3, 4]), np.random.default_rng(0))
    assert np.array_equal(made[:, 1], 10 * made[:, 0], equal_nan=True)
    found = {tuple(row[~np.isnan(row)].astype(int)) for row in made[:, 0]}
    without = {(2, 3, 4), (1, 3, 4), (1, 2, 4), (1, 2, 3)}
    twice = {(1, 1, 2, 3, 4), (1, 2, 2, 3, 4), (1, 2, 3, 3, 4), (1, 2, 3, 4, 4)}
    assert found == without | twice


def test_a_full_trace_stays_full_and_a_short_one_only_grows() -> None:
    full = shifted(one_trace([1, 2, 3, 4, 5, 6]), np.random.default_rng(0))
    assert not np.isnan(full).any()
    short = shifted(one_trace([7, 8]), np.random.default_rng(0))
    assert {tuple(row[~np.isnan(row)].astype(int)) for row in short[:, 0]} == {(7, 7, 8), (7, 8, 8)}


def trained_on(**options):
    """What a training draws from: 160 traces of two labels, each trace with a value of its own."""
    values = np.arange(160.0)[:, None, None] * 10 + np.arange(4.0)
    labels = pl.Series(["a", "b"] * 80)
    chosen = train_options("tiny", steps=1, contexts=0, **options)
    return row_data(LabelledSeries(values, labels), Channels(["down_bytes"]), chosen, torch.device("cpu"))


def test_copies_are_learned_beside_their_traces_and_in_folds_of_their_own() -> None:
    data, plain = trained_on(shifts=3, batch=20_000, classes=1024), trained_on(batch=20_000, classes=1024)
    assert data.labels == plain.labels == {"a": 80, "b": 80}
    assert np.array_equal(data.held, plain.held)
    sample = data.batch(torch.Generator().manual_seed(0))
    codes, label = sample.traces.numpy(), sample.label.numpy()
    known = data.codec.gasf.from_classes(codes, label, np.random.default_rng(0))[:, 0].round()
    source = (known[:, 0] // 10).astype(int)  # the trace that a drawn one is, or was copied from
    found = {number: set(sample.fold[torch.from_numpy(source == number)].tolist()) for number in set(source.tolist())}
    assert 2.5 < np.mean([len(each) for each in found.values()]) <= 4  # of a trace and three copies
    assert set(source.tolist()) == set(np.flatnonzero(~data.held).tolist())
    whole = (known == source[:, None] * 10 + np.arange(4)).all(axis=1)
    assert 0.4 < whole.mean() < 0.5  # the traces themselves, and copies whose last position was chosen
    assert np.array_equal(label, source % 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"image": "fields"}, "gasf or series"), ({"preset": "netdiffus2"}, "shifts"), ({"epsilon": 4.0}, "shifts")],
)
def test_shifts_are_of_series_alone(options, words) -> None:
    with pytest.raises(InputError, match=words):
        train_options(options.pop("preset", "default"), shifts=2, **options)
