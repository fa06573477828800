"""What is held back and what folds hold: shares of labels, and traces that belong together."""

import numpy as np
import polars as pl
import pytest
import torch

from netdiffus.api.verbs import prepare
from netdiffus.models.counted import Channels
from netdiffus.models.options import train_options
from netdiffus.models.training_data import LabelledSeries, row_data
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.holdout import FOLDS, folds, held_back, units
from netdiffus.traffic.traces import series

LABEL = np.repeat([0, 1], [100, 60])
GROUP = pl.Series(np.concatenate([np.arange(100) // 5, np.arange(60) // 4]))  # numbers of either label occur in both


def test_a_share_of_each_label_is_held_back() -> None:
    ids = np.repeat([0, 1, 2], [200, 40, 3])
    held = held_back(ids, 0.05, np.random.default_rng(0))
    assert np.bincount(ids[held], minlength=3).tolist() == [10, 2, 0]
    assert np.array_equal(held, held_back(ids, 0.05, np.random.default_rng(0)))
    assert not np.array_equal(held, held_back(ids, 0.05, np.random.default_rng(1)))
    assert not held_back(ids[:100], 0.05, np.random.default_rng(0)).any()  # five would say too little
    assert not held_back(ids, 0.0, np.random.default_rng(0)).any()


def test_traces_that_belong_together_are_held_back_together() -> None:
    together = units(GROUP, LABEL)
    held = held_back(LABEL, 0.1, np.random.default_rng(0), together)
    assert np.bincount(LABEL[held]).tolist() == [10, 8]  # two whole groups of each
    for number in np.unique(together):
        assert held[together == number].all() or not held[together == number].any()


def test_traces_that_belong_together_share_a_fold() -> None:
    together = units(GROUP, LABEL)
    found = folds(LABEL, np.random.default_rng(0), together)
    for number in np.unique(together):
        assert len(np.unique(found[together == number])) == 1
    for k in (0, 1):
        unit, first = np.unique(together[np.equal(LABEL, k)], return_index=True)
        dealt = np.bincount(found[np.equal(LABEL, k)][first], minlength=FOLDS)
        assert dealt.max() - dealt.min() <= 1, f"{len(unit)} units are dealt out evenly"


def test_a_group_that_is_most_of_a_label_is_taken_apart() -> None:
    label = np.repeat([0, 1], [40, 40])
    group = pl.Series(np.concatenate([np.zeros(40, np.int64), np.arange(40) // 10 + 1]))
    together = units(group, label)
    assert len(np.unique(together[:40])) == 40
    assert len(np.unique(together[40:])) == 4
    assert units(pl.Series(np.zeros(40, np.int64)), label[:40]) is None
    assert units(None, label) is None
    assert units(group[:0], label[:0]) is None


@pytest.fixture(scope="module")
def windowed(tmp_path_factory):
    """Twelve series of each label, in ten windows each."""
    folder = tmp_path_factory.mktemp("windowed")
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 500, 40).tolist() for _ in range(24)]
    pl.DataFrame({"label": ["a", "b"] * 12, "down_bytes": rows}).write_parquet(folder / "series.parquet")
    return prepare(folder / "series.parquet", folder / "dataset", bins=100.0, window=4)


def trained_on(part, **options):
    """What a training on windows of four positions draws from."""
    channels = Channels(["down_bytes"])
    return row_data(LabelledSeries.of(part, 4), channels, train_options("tiny", **options), torch.device("cpu"))


def test_windows_of_a_series_are_validated_together(windowed) -> None:
    _, traces = read_dataset(windowed)
    assert traces["group"].n_unique() == 24
    part = traces.filter(split="train")
    data = trained_on(part, batch=2000, validation=0.1)
    classes = data.codec.gasf.classes(series(part, 4)).tolist()
    groups = []
    for draw in (data.batch, data.validation):
        drawn = draw(torch.Generator().manual_seed(0)).traces.tolist()
        groups.append({group for group, own in zip(part["group"], classes, strict=True) if own in drawn})
    learned, validated = groups
    assert len(validated) >= 2
    assert not learned & validated


def test_windows_of_a_series_share_a_fold_of_the_priors(windowed) -> None:
    """Else a window's prior would have counted its neighbours."""
    _, traces = read_dataset(windowed)
    part = traces.filter(split="train")
    data = trained_on(part, batch=4000, validation=0.0)
    sample = data.batch(torch.Generator().manual_seed(0))
    dealt = dict(zip(map(str, sample.traces.tolist()), sample.fold.tolist(), strict=True))
    of_group: dict[int, set[int]] = {}
    for group, own in zip(part["group"], data.codec.gasf.classes(series(part, 4)).tolist(), strict=True):
        of_group.setdefault(group, set()).add(dealt[str(own)])
    assert all(len(found) == 1 for found in of_group.values())
    assert len(set.union(*of_group.values())) == min(FOLDS, len(of_group) // part["label"].n_unique())


def test_groups_are_numbers_and_only_where_there_are_any(windowed, tmp_path) -> None:
    """Their names, say addresses, are not kept."""
    _, traces = read_dataset(windowed)
    assert traces.columns[5:] == ["n_packets", "group", "down_bytes"]
    assert traces["group"].dtype == pl.Int64
    rows = pl.DataFrame({"label": ["a"] * 6, "size": [[1, 2]] * 6, "host": ["x", "y", "z"] * 2})
    rows.write_parquet(tmp_path / "t.parquet")
    _, with_hosts = read_dataset(prepare(tmp_path / "t.parquet", tmp_path / "hosts", columns="group=host"))
    assert with_hosts["group"].to_list() == [0, 1, 2, 0, 1, 2]
    _, without = read_dataset(prepare(tmp_path / "t.parquet", tmp_path / "plain"))
    assert "group" not in without.columns
