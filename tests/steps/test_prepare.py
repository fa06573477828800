"""prepare: sources to a dataset folder, and what is refused."""

import json
import lzma
import struct
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from handmade import ethernet, ipv4, tcp
from netdiffus import recordings
from netdiffus.api.verbs import prepare
from netdiffus.errors import InputError
from netdiffus.store import parts
from netdiffus.store.cards import DatasetCard
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.flows.reader import FlowReader
from netdiffus.wire.files.reader import Packet, read_capture
from netdiffus.wire.files.writer import write_pcap


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folders = [recordings.folder() / label for label in ("dns", "attack-scan")]
    return prepare(folders, tmp_path_factory.mktemp("recorded") / "dataset", packets=8, seed=1)


def ids_of(card) -> list[int]:
    """Traces are numbered source by source, whatever the others hold."""
    return [number * 10**10 + k for number, source in enumerate(card.sources) for k in range(source.flows)]


def test_columns_of_the_contract(recorded) -> None:
    card, traces = read_dataset(recorded)
    assert traces.columns == [
        "trace_id", "label", "split", "source", "start_ns", "n_packets", "size", "direction", "gap_ns",
    ]  # fmt: skip
    assert traces["trace_id"].to_list() == ids_of(card)
    assert set(traces["label"]) == {"dns", "attack-scan"}
    assert traces["size"].list.len().max() == 8
    assert traces["n_packets"].max() > 8  # before cutting
    assert (traces["gap_ns"].list.first() == 0).all()
    assert (traces["direction"].list.first() == 0).all()
    assert [channel.name for channel in card.channels] == ["size", "direction", "gap_ns"]
    assert [source.file for source in card.sources] == ["dns.pcap.xz", "attack-scan.pcap.xz"]
    assert all(len(source.sha256) == 64 for source in card.sources)


def test_counts_on_the_card_are_those_of_the_table(recorded) -> None:
    card, traces = read_dataset(recorded)
    for (label, part), rows in traces.group_by("label", "split"):
        assert card.labels[label][part] == len(rows)
    for label, counts in card.labels.items():
        assert counts["test"] == pytest.approx(0.2 * sum(counts.values()), abs=1), label


def test_packets_have_their_headers_and_the_5_tuple_once(recorded) -> None:
    _, traces = read_dataset(recorded)
    packets = pl.read_parquet(recorded / "packets.parquet")
    assert len(packets) == traces["size"].list.len().sum()
    assert packets["client"].is_not_null().sum() == len(traces)
    assert set(packets.filter(pl.col("client").is_not_null())["index"]) == {0}
    assert set(packets["network_header"].bin.size()) <= {20, 40}
    sizes = packets.group_by("trace_id", maintain_order=True).agg(pl.col("payload_bytes"))
    assert sizes["payload_bytes"].to_list() == traces["size"].to_list()


def test_a_seed_gives_the_same_bytes(recorded, tmp_path) -> None:
    folders = [recordings.folder() / label for label in ("dns", "attack-scan")]
    again = prepare(folders, tmp_path / "again", packets=8, seed=1)
    assert DatasetCard.read(again).hash == DatasetCard.read(recorded).hash
    other = prepare(folders, tmp_path / "other", packets=8, seed=2)
    assert DatasetCard.read(other).hash != DatasetCard.read(recorded).hash


def test_labels_by_file_and_by_table(tmp_path) -> None:
    capture = recordings.captures()["dns"][0]
    by_file = prepare(capture, tmp_path / "a", labels="file", packets=4)
    assert set(DatasetCard.read(by_file).labels) == {"dns"}
    (tmp_path / "map.csv").write_text("file,label\ndns.pcap.xz,names\n")
    by_table = prepare(capture, tmp_path / "b", labels=str(tmp_path / "map.csv"), packets=4)
    assert set(DatasetCard.read(by_table).labels) == {"names"}
    by_path = prepare(capture, tmp_path / "d", labels=tmp_path / "map.csv", packets=4)
    assert DatasetCard.read(by_path).labels == DatasetCard.read(by_table).labels
    with pytest.raises(InputError, match="got file; name an existing table"):  # a path is no word of --labels
        prepare(capture, tmp_path / "e", labels=Path("file"), packets=4)
    unlabelled = prepare(capture, tmp_path / "c", unlabelled=True, packets=4)
    assert set(DatasetCard.read(unlabelled).labels) == {"unlabelled"}


def test_min_packets_leaves_short_flows_out(tmp_path) -> None:
    capture = recordings.captures()["dns"][0]
    _, traces = read_dataset(prepare(capture, tmp_path / "a", min_packets=3))
    assert traces["n_packets"].min() >= 3


def test_a_truncated_capture_keeps_its_whole_packets(tmp_path) -> None:
    raw = lzma.decompress(recordings.captures()["dns"][0].read_bytes())
    (tmp_path / "dns").mkdir()
    (tmp_path / "dns" / "cut.pcap").write_bytes(raw[: len(raw) // 2 - 3])
    card, traces = read_dataset(prepare(tmp_path / "dns", tmp_path / "out"))
    assert card.sources[0].packets > 100
    assert any("ends inside" in reason for reason in card.sources[0].faults)
    assert traces["n_packets"].sum() == card.sources[0].packets


def test_batches_make_no_difference(recorded, tmp_path, monkeypatch) -> None:
    folders = [recordings.folder() / label for label in ("dns", "attack-scan")]
    monkeypatch.setattr("netdiffus.steps.sources.captures.FlowReader", partial(FlowReader, batch_bytes=9999))
    monkeypatch.setattr("netdiffus.traffic.flows.reader.read_capture", partial(read_capture, block_bytes=4096))
    monkeypatch.setattr(parts, "HELD_BYTES", 5000)
    pieces = prepare(folders, tmp_path / "pieces", packets=8, seed=1)
    order = ["source", "start_ns", "size", "gap_ns"]
    for name in ("traces", "packets"):
        frames = []
        for folder in (recorded, pieces):
            traces = pl.read_parquet(folder / "traces.parquet").with_columns(pl.col("trace_id").alias("key"))
            frame = traces.drop("split", "trace_id")
            if name == "packets":
                packets = pl.read_parquet(folder / "packets.parquet")
                frame = packets.join(frame, left_on="trace_id", right_on="key").drop("trace_id").sort(*order, "index")
            else:
                frame = frame.drop("key").sort(order)
            frames.append(frame)
        assert frames[0].equals(frames[1])
    assert DatasetCard.read(pieces).labels == DatasetCard.read(recorded).labels


def test_inner_packets_of_tunnels(tmp_path) -> None:
    inside = ipv4(tcp(b"hello"), 6)
    packet = ethernet(0x0800, ipv4(struct.pack("!HH", 0, 0x0800) + inside, 47))
    capture = tmp_path / "vpn" / "x.pcap"
    capture.parent.mkdir()
    write_pcap(capture, [Packet(1, packet, len(packet)), Packet(2, packet[:36], len(packet))])
    outer = prepare(capture, tmp_path / "outer", test=0.0)
    inner = prepare(capture, tmp_path / "inner", inner=True, test=0.0)
    assert read_dataset(outer)[1]["size"].to_list() == [[4 + len(inside)] * 2]
    card, traces = read_dataset(inner)
    assert traces["size"].to_list() == [[5], [4 + len(inside)]]
    words = "captured part ends inside the tunnel header, not looked into, outer flow kept"
    assert card.sources[0].faults == {words: 1}
    packets = pl.read_parquet(inner / "packets.parquet")
    assert packets["network_header"].to_list() == [inside[:20], packet[14:34]]
    assert packets["protocol"].to_list() == ["tcp", "47"]


def test_groups_stay_on_one_side(tmp_path) -> None:
    rows = {"label": ["a"] * 40, "size": [[n] for n in range(40)], "group": [n // 4 for n in range(40)]}
    pl.DataFrame(rows).write_parquet(tmp_path / "t.parquet")
    _, traces = read_dataset(prepare(tmp_path / "t.parquet", tmp_path / "out", test=0.3))
    sides = traces.with_columns(group=pl.Series(rows["group"])).group_by("group").agg(pl.col("split").n_unique())
    assert (sides["split"] == 1).all()
    assert 0 < (traces["split"] == "test").sum() < 40


def test_copies_across_the_split_are_reported(tmp_path) -> None:
    pl.DataFrame({"label": ["a"] * 20, "size": [[7]] * 20}).write_parquet(tmp_path / "t.parquet")
    card = DatasetCard.read(prepare(tmp_path / "t.parquet", tmp_path / "out"))
    assert card.test_duplicates == 4


def test_what_is_refused(tmp_path, small_table) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("x")
    (tmp_path / "notes" / "b.parquet").write_text("x")
    (tmp_path / "bad.pcap").write_text("Dear reader")
    refused = {
        (tmp_path / "nowhere",): "which does not exist; check the path",
        (tmp_path / "empty",): "expected captures .* got 0 other files; name a folder with captures",
        (tmp_path / "notes",): "got 2 other files, 1 of them tables; name the tables themselves",
        (tmp_path / "bad.pcap",): "expected a capture .* begins with b'Dear rea'",
        (small_table, recordings.captures()["dns"][0]): None,
    }
    for sources, words in refused.items():
        if words is not None:
            with pytest.raises(InputError, match=words):
                prepare(list(sources), tmp_path / "out")
        assert not (tmp_path / "out").exists()
    pl.DataFrame({"label": ["a"], "size": [[1]]}).write_parquet(tmp_path / "sizes.parquet")
    with pytest.raises(InputError, match=r"sources with the same channels; got size and size\+direction\+gap_ns"):
        prepare([small_table, tmp_path / "sizes.parquet"], tmp_path / "out")
    with pytest.raises(InputError, match=r"an option among labels, .*; got frobnicate"):
        prepare(small_table, tmp_path / "out", frobnicate=1)
    with pytest.raises(InputError, match="expected packets greater than or equal to 1; got 0"):
        prepare(small_table, tmp_path / "out", packets=0)
    assert not (tmp_path / "out").exists()


def test_the_card_is_readable_json(recorded) -> None:
    card = json.loads((recorded / "dataset.json").read_text())
    assert card["format"] == 1
    assert card["split"]["seed"] == 1
    assert card["anonymised"] is False


def test_tables_are_cut_only_when_asked(tmp_path) -> None:
    pl.DataFrame({"label": ["a"] * 10, "size": [list(range(100))] * 10}).write_parquet(tmp_path / "t.parquet")
    _, whole = read_dataset(prepare(tmp_path / "t.parquet", tmp_path / "whole"))
    card, cut = read_dataset(prepare(tmp_path / "t.parquet", tmp_path / "cut", packets=7))
    assert set(whole["size"].list.len()) == {100}
    assert set(cut["size"].list.len()) == {7}
    assert set(cut["n_packets"]) == {100}
    assert card.packets == 7


def test_bins_of_a_capture(tmp_path) -> None:
    folders = [recordings.folder() / label for label in ("dns", "attack-scan")]
    card, traces = read_dataset(prepare(folders, tmp_path / "out", bins=50, packets=20))
    assert [channel.name for channel in card.channels] == ["up_bytes", "down_bytes"]
    assert (card.bin_ns, card.packets) == (50_000_000, 20)
    assert traces["up_bytes"].list.len().max() <= 20
    assert not (tmp_path / "out" / "packets.parquet").exists()
    assert traces["trace_id"].to_list() == ids_of(card)


def test_anonymised_addresses_are_the_same_in_every_run(tmp_path) -> None:
    (tmp_path / "key").write_bytes(bytes(range(32)))
    capture = recordings.captures()["dns"][0]
    plain, once, twice = (
        prepare(capture, tmp_path / name, packets=4, anonymise=key)
        for name, key in (("plain", None), ("once", str(tmp_path / "key")), ("twice", tmp_path / "key"))
    )
    ends = [pl.read_parquet(folder / "packets.parquet") for folder in (plain, once, twice)]
    assert ends[1].equals(ends[2])
    assert not set(ends[0]["client"].drop_nulls()) & set(ends[1]["client"].drop_nulls())
    assert ends[0]["client"].n_unique() == ends[1]["client"].n_unique()
    raw = ends[0]["network_header"].bin.slice(12, 8)
    assert not (ends[1]["network_header"].bin.slice(12, 8) == raw).any()
    assert DatasetCard.read(plain).anonymised is False
    assert DatasetCard.read(once).anonymised is True
    # 5-tuples of a table of labels are those of the capture, not the mapped ones.
    client = ends[0]["client"].drop_nulls()[0]
    (tmp_path / "map.csv").write_text(f"client,label\n{client},known\n")
    labelled = prepare(capture, tmp_path / "map", labels=str(tmp_path / "map.csv"), anonymise=str(tmp_path / "key"))
    assert set(DatasetCard.read(labelled).labels) == {"known"}


def test_what_cannot_be_anonymised(tmp_path, small_table) -> None:
    with pytest.raises(InputError, match=r"a key file of 32 bytes; got .*none"):
        prepare(recordings.captures()["dns"][0], tmp_path / "out", anonymise=str(tmp_path / "none"))
    (tmp_path / "key").write_bytes(bytes(32))
    with pytest.raises(InputError, match="packets of captures for --anonymise; got only tables or bins"):
        prepare(small_table, tmp_path / "out", anonymise=str(tmp_path / "key"))
    assert not (tmp_path / "out").exists()
