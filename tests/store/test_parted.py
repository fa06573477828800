"""Datasets in parts: the same rows as in one file, whoever reads them."""

import json

import polars as pl
import pytest

from bench.small_traffic import two_labels
from netdiffus import prepare, recordings
from netdiffus.api.describe import describe
from netdiffus.errors import InputError
from netdiffus.spread import one_by_one
from netdiffus.steps.prepare import prepare as step
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store.dataset import read_dataset, read_packets, scan_packets
from netdiffus.store.parted import SourceWriter, is_part


def parted(sources, out, **options) -> None:
    for _ in step(sources, out, PrepareConfig.of(**options), one_by_one):
        pass


def assert_same(whole, parts) -> None:
    (card, traces), (other, of_parts) = read_dataset(whole), read_dataset(parts)
    assert traces.equals(of_parts)
    assert card.model_dump(exclude={"hash"}) == other.model_dump(exclude={"hash"})


def test_captures(tmp_path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("label,file,protocol\nname,,udp\nshell,,tcp\nnone,absent.pcap,\n")
    sources = [recordings.folder() / name for name in ("dns", "ssh")]
    for name, options in (("folders", {"payload_shapes": True}), ("table", {"labels": str(labels), "packets": 5})):
        prepare(sources, tmp_path / name, **options)
        parted(sources, tmp_path / f"{name}-parts", **options)
        assert_same(tmp_path / name, tmp_path / f"{name}-parts")
        packets = read_packets(tmp_path / f"{name}-parts")
        assert packets.equals(read_packets(tmp_path / name))
        assert packets.equals(scan_packets(tmp_path / f"{name}-parts").collect())
    names = {path.relative_to(tmp_path / "table-parts").as_posix() for path in (tmp_path / "table-parts").rglob("*.*")}
    assert "traces/part-00000.parquet" in names
    assert "packets/part-00001.parquet" in names
    assert describe(tmp_path / "table-parts").addresses == "captured"


def test_sessions(tmp_path) -> None:
    sources = [path for label in ("boot", "mail") for path in recordings.sessions()[label]]
    prepare(sources, tmp_path / "whole", packets="all")
    parted(sources, tmp_path / "parts", packets="all")
    assert_same(tmp_path / "whole", tmp_path / "parts")
    assert read_dataset(tmp_path / "parts")[1]["session"].n_unique() > 200


def test_tables_whose_groups_are_shared_and_whose_windows_are_cut(tmp_path) -> None:
    both = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for seed, path in enumerate(both):
        rows = two_labels(30, seed=seed)
        rows.with_columns(group=pl.int_range(pl.len()) // 4).write_parquet(path)
    lines = pl.DataFrame({"label": ["a", "b"] * 3, "down_bytes": [list(range(40))] * 6})
    lines.write_parquet(tmp_path / "series.parquet")
    for name, sources, options in (
        ("groups", both, {}), ("test", both[:1], {"test": str(both[1])}),
        ("windows", [tmp_path / "series.parquet"], {"window": 8, "bins": 100.0}),
    ):  # fmt: skip
        prepare(sources, tmp_path / name, **options)
        parted(sources, tmp_path / f"{name}-parts", **options)
        assert_same(tmp_path / name, tmp_path / f"{name}-parts")


def test_sources_that_do_not_go_together(tmp_path) -> None:
    two_labels(20, seed=0).write_parquet(tmp_path / "a.parquet")
    two_labels(20, seed=0).drop("gap_ns").write_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match="sources with the same channels"):
        parted([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_dataset_takes_its_place_and_a_strange_file_does_not_go(tmp_path) -> None:
    two_labels(20, seed=0).write_parquet(tmp_path / "a.parquet")
    parted([tmp_path / "a.parquet"], tmp_path / "out")
    prepare(tmp_path / "a.parquet", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["dataset.json", "traces.parquet"]
    parted([tmp_path / "a.parquet"], tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["dataset.json", "traces"]
    (tmp_path / "out" / "traces" / "mine.parquet").write_text("mine")
    with pytest.raises(InputError, match=r"holds other files: traces/mine\.parquet"):
        parted([tmp_path / "a.parquet"], tmp_path / "out")


def test_a_part_that_is_changed_or_missing(tmp_path) -> None:
    two_labels(20, seed=0).write_parquet(tmp_path / "a.parquet")
    two_labels(20, seed=1).write_parquet(tmp_path / "b.parquet")
    parted([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "out")
    (tmp_path / "out" / "traces" / "part-00001.parquet").unlink()
    with pytest.raises(InputError, match=r"the traces/ that dataset\.json was written for; got a file with another"):
        read_dataset(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "dataset.json").read_text())["labels"]["bulk"]["train"]


def test_a_source_that_is_read_twice_counts_once(tmp_path) -> None:
    first, again = SourceWriter(tmp_path, 3), SourceWriter(tmp_path, 3)
    for number, writer in enumerate((first, again)):
        writer.traces.add(pl.DataFrame({"x": [number]}))
        writer.packets.add(pl.DataFrame({"y": [number] * 3}))
        writer.close()
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["000003"]
    assert pl.read_ipc(tmp_path / "parts" / "000003" / "000000.arrow")["x"].to_list() == [0]
    (packets,) = (tmp_path / "packets").iterdir()
    assert (packets.name, len(pl.read_parquet(packets))) == ("part-00003.parquet", 3)


def test_a_source_without_traces_has_no_packets_and_a_failed_one_leaves_nothing(tmp_path) -> None:
    none, failed = SourceWriter(tmp_path, 0), SourceWriter(tmp_path, 1)
    none.traces.add(pl.DataFrame({"x": []}))
    none.packets.add(pl.DataFrame({"y": []}))
    none.close()
    failed.packets.add(pl.DataFrame({"y": [1]}))
    failed.abandon()
    assert not (tmp_path / "packets").exists()
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["000000"]


def test_names_of_parts() -> None:
    assert is_part("traces/part-00000.parquet")
    assert is_part("packets/part-123456.parquet")
    for name in ("traces.parquet", "traces/part-.parquet", "other/part-00000.parquet", "traces/part-1x.parquet"):
        assert not is_part(name)
