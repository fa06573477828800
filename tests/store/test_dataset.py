"""The dataset writer: the same files whether parts were held in memory or laid aside, and nothing beside them."""

import polars as pl
import pytest

from netdiffus.errors import InputError
from netdiffus.store import parts as module
from netdiffus.store.cards import ChannelInfo, DatasetCard, SplitInfo
from netdiffus.store.columns import read_traces
from netdiffus.store.dataset import dataset_writer, read_dataset, read_packets
from netdiffus.traffic.traces import FIXED_COLUMNS, conform

CARD = DatasetCard(
    hash="", sources=[], labels={}, bin_ns=None, packets=None, anonymised=False, test_duplicates=0,
    channels=[ChannelInfo(name="size", kind="size", unit="bytes")], split=SplitInfo(rule="", test=0.5, seed=0),
)  # fmt: skip


def write(path) -> None:
    with dataset_writer(path) as writer:
        for k in range(1, 21):
            ids = [2 * k - 2, 2 * k - 1]
            rows = pl.DataFrame({"trace_id": ids, "label": ["a", "b"], "size": [[k] * k, [1]]})
            writer.traces.add(conform(rows))
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
    assert traces.columns == [*FIXED_COLUMNS, "size"]
    assert traces["split"].to_list() == ["train", "test"] * 20
    assert traces["trace_id"].to_list() == list(range(40))


def test_nothing_is_left_of_a_failure(tmp_path) -> None:
    with pytest.raises(RuntimeError, match="planted"), dataset_writer(tmp_path / "out") as writer:  # noqa: PT012
        writer.traces.add(pl.DataFrame({"n": [1]}))
        writer.packets.add(pl.DataFrame({"n": [1]}))
        raise RuntimeError("planted")
    assert list(tmp_path.iterdir()) == []


def test_tables_of_strangers(tmp_path) -> None:
    write(tmp_path / "out")
    traces, good = tmp_path / "out" / "traces.parquet", pl.read_parquet(tmp_path / "out" / "traces.parquet")
    for changed, words in [
        (good.drop("split"), "a column split of type String in .*; got none"),
        (good.with_columns(pl.col("label").cast(pl.Categorical)), "a column label of type String"),
        (good.with_columns(size=pl.lit([1, None], dtype=pl.List(pl.Int32))), "series of one length without holes"),
        (good.with_columns(size=pl.lit(None, dtype=pl.List(pl.Int32))), "values in every row of .*; got an empty cell"),
        (good.with_columns(split=pl.lit("maybe")), "train or test as split in .*; got another word"),
    ]:
        changed.write_parquet(traces)
        with pytest.raises(InputError, match=words):
            read_traces(traces, ["size"])
    with pytest.raises(InputError, match=r"channels among size, .*; got 'smell'"):
        read_traces(traces, ["smell"])
    traces.write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="a Parquet file at"):
        read_traces(traces, ["size"])
    with pytest.raises(InputError, match=r"a column index of type Int32 in .*; got none"):
        read_packets(tmp_path / "out")
