"""The dataset writer: the same files whether parts were held in memory or laid aside, and nothing beside them."""

import polars as pl
import pytest

from netdiffus.store import parts as module
from netdiffus.store.cards import DatasetCard, SplitInfo
from netdiffus.store.dataset import dataset_writer, read_dataset

CARD = DatasetCard(
    hash="", sources=[], labels={}, channels=[], bin_ns=None, packets=None, anonymised=False, test_duplicates=0,
    split=SplitInfo(rule="", test=0.5, seed=0),
)  # fmt: skip


def write(path) -> None:
    with dataset_writer(path) as writer:
        for k in range(1, 21):
            ids = [2 * k - 2, 2 * k - 1]
            writer.traces.add(pl.DataFrame({"trace_id": ids, "split": ["", ""], "size": [[k] * k, [1]]}))
            writer.packets.add(pl.DataFrame({"trace_id": [ids[0]] * k, "header": [b"x" * k] * k}))
        writer.finish(CARD, pl.Series(["train", "test"] * 20))


def test_memory_makes_no_difference(tmp_path, monkeypatch) -> None:
    write(tmp_path / "held")
    monkeypatch.setattr(module, "HELD_BYTES", 100)
    write(tmp_path / "laid")
    for name in ("traces.parquet", "packets.parquet", "dataset.json"):
        assert (tmp_path / "held" / name).read_bytes() == (tmp_path / "laid" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "laid").iterdir()) == [
        "dataset.json", "packets.parquet", "traces.parquet",
    ]  # fmt: skip
    _, traces = read_dataset(tmp_path / "laid")
    assert traces.columns == ["trace_id", "split", "size"]
    assert traces["split"].to_list() == ["train", "test"] * 20
    assert traces["trace_id"].to_list() == list(range(40))


def test_nothing_is_left_of_a_failure(tmp_path) -> None:
    with pytest.raises(RuntimeError, match="planted"), dataset_writer(tmp_path / "out") as writer:  # noqa: PT012
        writer.traces.add(pl.DataFrame({"n": [1]}))
        writer.packets.add(pl.DataFrame({"n": [1]}))
        raise RuntimeError("planted")
    assert list(tmp_path.iterdir()) == []
