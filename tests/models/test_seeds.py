"""Streams: each purpose has its own, and work that is split anywhere gives the same bytes."""

from __future__ import annotations

import copy

import numpy as np
import polars as pl
import pytest
import torch

from netdiffus.api.verbs import generate, train
from netdiffus.models import training_data
from netdiffus.models.backends import load_model
from netdiffus.models.counted import Channels
from netdiffus.models.options import train_options
from netdiffus.models.rows import RowModel
from netdiffus.models.sampling import Request, Sampling, blocks
from netdiffus.models.seeds import TRAINING, block_streams, continued_streams, torch_seed, training_stream
from netdiffus.models.training_data import LabelledSeries, row_data


def test_no_two_streams_are_the_same() -> None:
    streams = [training_stream(seed, purpose) for seed in (0, 1) for purpose in TRAINING]
    streams += [part for label in (0, 1) for block in (0, 1) for part in block_streams(0, label, block)]
    streams += [part for block in (0, 1) for part in continued_streams(0, 1, block)]
    assert len({torch_seed(stream) for stream in streams}) == len(streams)
    assert len({np.random.default_rng(stream).random() for stream in streams}) == len(streams)


def test_the_hold_out_and_the_folds_are_dealt_apart(monkeypatch) -> None:
    """Where there are groups both permute each label's: one stream would give both the same permutation."""
    drawn: dict[str, list[int]] = {}

    def noted(name, real):
        def deal(*given):
            rng = next(part for part in given if isinstance(part, np.random.Generator))
            drawn[name] = copy.deepcopy(rng).permutation(40).tolist()
            return real(*given)

        return deal

    for name in ("held_back", "folds"):
        monkeypatch.setattr(training_data, name, noted(name, getattr(training_data, name)))
    ids = np.repeat([0, 1], 100)
    learned = LabelledSeries(np.ones((200, 1, 4)), pl.Series(ids).cast(pl.String), pl.Series(np.arange(200) // 5))
    for seed in range(3):
        options = train_options("tiny", seed=seed, validation=0.1)
        row_data(learned, Channels(["down_bytes"]), options, torch.device("cpu"))
        assert drawn["held_back"] != drawn["folds"]


@pytest.fixture
def small_blocks(small_model, monkeypatch) -> RowModel:
    """A model that draws seven traces at a time."""
    monkeypatch.setattr(RowModel, "batch", 7)
    loaded = load_model(small_model)
    assert isinstance(loaded, RowModel)
    return loaded


def series_of(model: RowModel, *requests: Request) -> np.ndarray:
    return np.concatenate([draw.series() for request in requests for draw in model.sample(request)])


def test_work_can_be_split_anywhere_between_blocks(small_blocks) -> None:
    ids = np.repeat([0, 1], [20, 9])
    whole = Request(ids, Sampling(), 3)
    drawn = series_of(small_blocks, whole)
    pieces = list(whole.pieces(7))
    assert [len(piece.ids) for piece in pieces] == [7, 7, 6, 7, 2]
    backwards = [series_of(small_blocks, piece) for piece in reversed(pieces)]
    np.testing.assert_array_equal(np.concatenate(backwards[::-1]), drawn)
    apart = [Request(np.repeat([k], n), Sampling(), 3) for k, n in ((0, 20), (1, 9))]
    np.testing.assert_array_equal(series_of(small_blocks, *apart), drawn)
    assert not np.array_equal(drawn[:7], drawn[7:14], equal_nan=True)
    assert not np.array_equal(drawn, series_of(small_blocks, Request(ids, Sampling(), 4)), equal_nan=True)


def test_blocks_are_of_one_label(small_blocks) -> None:
    device = small_blocks.network.position.device
    found = [block.ids.tolist() for block in blocks(Request(np.repeat([0, 2], [9, 3]), Sampling(), 0), 7, device)]
    assert found == [[0] * 7, [0] * 2, [2] * 3]


def test_what_is_drawn_of_a_label_does_not_depend_on_the_others(small_model, tmp_path) -> None:
    both, alone = (
        pl.read_parquet(generate(small_model, tmp_path / f"{k}.parquet", count=count, seed=5))
        for k, count in enumerate(({"bulk": 8, "chat": 6}, {"chat": 6}))
    )
    assert both.filter(label="chat").drop("trace_id").equals(alone.drop("trace_id"))


def test_a_training_of_an_older_format_is_not_resumed(small_dataset, small_model, tmp_path) -> None:
    """Its hold-out was drawn in another way: traces that were held out would be learned."""
    import json
    import shutil

    from netdiffus.errors import InputError
    from netdiffus.models.options import RowOptions

    old = shutil.copytree(small_model, tmp_path / "old")
    card = json.loads((old / "model.json").read_text())
    del card["held_out"]
    card["config"] |= train_options("netdiffus2").model_dump() | RowOptions.of().model_dump() | card["config"]
    (old / "model.json").write_text(json.dumps(card | {"format": 5}))
    with pytest.raises(InputError, match=r"a training of this version .*; got one of an older format"):
        train(small_dataset, old, preset="tiny", steps=61, resume=True)


def test_every_block_is_drawn_by_as_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making images in parallel sets the number of threads that it shares with torch."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = torch.get_num_threads()
    found = []
    try:
        for _ in blocks(Request(np.repeat([0, 1], 3), Sampling(), seed=0), 2, torch.device("cpu")):
            found.append(torch.get_num_threads())
            torch.set_num_threads(3)
    finally:
        torch.set_num_threads(before)
    assert found == [1] * 4
