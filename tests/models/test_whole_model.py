"""A model of whole flows, end to end: prepared with all packets, learned, drawn to their ends, streamed to a file."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from netdiffus import generate, prepare, recordings, train
from netdiffus.compiler.features.bodies import BodiesManifest, BodyCodec
from netdiffus.compiler.features.course import QUANTITIES
from netdiffus.compiler.features.teardown import FORMER
from netdiffus.errors import InputError
from netdiffus.models.backends import load_model
from netdiffus.models.packets import packet_part
from netdiffus.models.sampling import Request, Sampling
from netdiffus.steps.outputs import streamed
from netdiffus.steps.payload_check import check_with_payload
from netdiffus.store.cards import DatasetCard
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.flows.reader import flows_of_capture
from netdiffus.traffic.payload.judge import judge_payload
from netdiffus.wire.conformance.check import check_capture

LABELS = ("quic", "ssh")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "dataset"
    prepare([recordings.captures()[label][0] for label in LABELS], out, packets="all")
    return out


@pytest.fixture(scope="module")
def model(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("model") / "model"
    return train(dataset, out, image="fields", preset="tiny", steps=30, batch=32, length=16)


def test_a_dataset_keeps_all_packets(dataset) -> None:
    card, traces = read_dataset(dataset)
    assert card.packets == "all"
    assert traces["n_packets"].max() > 64
    assert traces["size"].list.len().to_list() == traces["n_packets"].to_list()


def test_whole_flows_stream_to_a_capture_that_conforms(model, tmp_path) -> None:
    out = tmp_path / "made.pcapng"
    generate(model, out, count=40)
    found = check_capture(out)
    assert not found.faults
    assert found.flows == 40
    rows = list(csv.DictReader((tmp_path / "made.pcapng.labels.csv").read_text().splitlines()))
    assert sum(int(row["packets"]) for row in rows) == found.packets
    assert {row["label"] for row in rows} == set(LABELS)
    flows = flows_of_capture(out, packets=10**6, timeout_s=2e7).flows
    assert flows["n_packets"].max() > 64
    known = {(row["client"], int(row["client_port"])): (int(row["start_ns"]), int(row["packets"])) for row in rows}
    for client, port, start, packets in flows.select("client", "client_port", "start_ns", "n_packets").iter_rows():
        assert known[client, port] == (start, packets)
    account = json.loads((tmp_path / "made.pcapng.json").read_text())
    assert account["packets_written"] == found.packets
    assert account["flows"] == 40


def test_whole_flows_speak_what_their_labels_do(model, tmp_path, monkeypatch) -> None:
    """Payload is written flow by flow, wherever a stream is cut into pieces, and lies where its packets are."""
    monkeypatch.setattr(streamed, "COMPILED_PACKETS", 300)
    out = made(model, tmp_path / "made.pcap", payload="protocol")
    account = json.loads((tmp_path / "made.pcap.json").read_text())
    assert account["capture"]["payload"] == "protocol"
    assert set(account["payload_by_protocol"]) == {"quic", "ssh"}
    assert sum(account["payload_by_protocol"].values()) + sum(account["payload_random"].values()) <= 24
    assert not check_with_payload(out).faults
    judged = judge_payload(out)
    assert judged.read == account["payload_by_protocol"]
    other = made(model, tmp_path / "other.pcap", payload="random")
    flows = [flows_of_capture(path, packets=10**6, timeout_s=2e7).flows for path in (out, other)]
    sizes = [sorted(each["size"].to_list()) for each in flows]
    assert sizes[0] == sizes[1]


def test_a_stream_does_not_depend_on_its_pieces(model, tmp_path, monkeypatch) -> None:
    """Sizes and times are those of a table of the same seed, however few packets are compiled at a time."""
    table = pl.read_parquet(made(model, tmp_path / "made.parquet"))
    monkeypatch.setattr(streamed, "COMPILED_PACKETS", 300)
    flows = flows_of_capture(made(model, tmp_path / "made.pcap"), packets=10**6, timeout_s=2e7).flows
    for column in ("size", "gap_ns"):
        assert sorted(flows[column].to_list()) == sorted(table[column].to_list())


def made(model, out, **options):
    generate(model, out, count=24, seed=3, **options)
    return out


@pytest.mark.parametrize("packets", [1, 9, 40])
def test_flows_end_after_as_many_packets_as_asked(packets, model, tmp_path) -> None:
    flows = flows_of_capture(made(model, tmp_path / "made.pcap", packets=packets), timeout_s=2e7).flows
    assert flows["n_packets"].max() <= packets
    assert len(flows) == 24


def test_a_capture_for_each_label(model, tmp_path) -> None:
    made(model, tmp_path / "made.pcap", per_label=True)
    whole = made(model, tmp_path / "all.pcap")
    parts = [tmp_path / f"made.{label}.pcap" for label in LABELS]
    assert sum(check_capture(part).packets for part in parts) == check_capture(whole).packets
    for part, label in zip(parts, LABELS, strict=True):
        rows = list(csv.DictReader(part.with_name(part.name + ".labels.csv").read_text().splitlines()))
        assert {row["label"] for row in rows} == {label}


def test_totals_are_those_that_were_drawn(model) -> None:
    loaded = load_model(model)
    codec = loaded.codec
    ids = np.repeat(np.arange(len(loaded.manifest.labels)), 12)
    for draw in loaded.sample(Request(ids, Sampling(), 0)):
        sketch, _ = draw.sketch()
        rows = codec.bodies.whole(sketch, codec.fields, np.random.default_rng(0))
        assert rows.counts.tolist() == (sketch.head.counts + sketch.more).tolist()
        gap_ns = np.bincount(rows.owner, rows.rows["gap_ns"]) - np.bincount(
            sketch.head.owner, sketch.head.rows["gap_ns"]
        )
        wanted = sketch.more * np.nan_to_num(sketch.course[:, 4, 0])
        open_ = (sketch.more > 0) & (rows.flows["protocol"] == 17)  # endings have gaps of their own
        assert gap_ns[open_] == pytest.approx(wanted[open_], rel=0.01, abs=1000.0 * float(sketch.more.max()))


def test_bodies_come_back_from_a_manifest(model) -> None:
    codec = load_model(model).codec
    data = codec.bodies.to_json()
    back = BodyCodec.of_manifest(BodiesManifest.of(data, "bodies"), codec.fields)
    assert back.to_json() == data
    with pytest.raises(ValueError, match="with cells"):
        BodyCodec.of_manifest(BodiesManifest.of(data | {"cells": ""}, "bodies"), codec.fields)


def test_a_model_that_was_tampered_with_is_refused(model, tmp_path) -> None:
    card = json.loads((model / "model.json").read_text())
    card["codec"]["bodies"]["chain"]["words"] = "AAAAAAAAAAA="
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in model.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    (copy / "model.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match=r"codec\.bodies with contexts in order"):
        load_model(copy)


def test_cut_flows_are_no_whole_ones(model, tmp_path) -> None:
    cut, small = tmp_path / "cut", tmp_path / "small"
    prepare([recordings.captures()["dns"][0]], cut)
    with pytest.raises(InputError, match=r"the first 64 of each; prepare the captures again with .*--packets all"):
        train(cut, small, image="fields", whole=True, steps=1)
    train(cut, small, image="fields", preset="tiny", steps=2)
    assert DatasetCard.read(cut).packets == 64
    with pytest.raises(InputError, match=r"a model of whole flows for --packets all.*prepare the captures again"):
        generate(small, tmp_path / "made.pcap", packets="all")
    made(model, tmp_path / "all.pcap", packets="all")


def test_first_packets_of_whole_flows_can_be_learned_alone(dataset) -> None:
    _, traces = read_dataset(dataset)
    part = traces.filter(pl.col("split") == "train")
    whole = packet_part(dataset, part, 0.8, 16, whole=True)
    alone = packet_part(dataset, part, 0.8, 16)
    assert whole.series.shape == alone.series.shape
    assert np.array_equal(whole.series[:, 2:5], alone.series[:, 2:5], equal_nan=True)
    assert alone.course is None


@pytest.mark.parametrize("packets", FORMER)
def test_a_model_of_shorter_endings_is_read(packets, model, tmp_path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    manifest = json.loads((folder / "model.json").read_text())
    endings = manifest["codec"]["fields"]["endings"]
    endings["words"] = [word[:packets] for word in endings["words"]]
    (folder / "model.json").write_text(json.dumps(manifest))
    generate(folder, tmp_path / "made.pcapng", count=10)
    assert not check_capture(tmp_path / "made.pcapng").faults


def test_no_flow_goes_on_for_longer_than_those_of_its_class(model, dataset) -> None:
    loaded = load_model(model)
    codec = loaded.manifest.codec
    bodies = codec.bodies
    _, traces = read_dataset(dataset)
    gaps = traces.filter(split="train", label="ssh")["gap_ns"].list.slice(16).list.sum()
    kind = loaded.manifest.labels.index("ssh/tcp")
    assert gaps.max() <= bodies.longest[kind] <= gaps.max() + traces["gap_ns"].list.head(16).list.sum().max()
    draw = next(loaded.sample(Request(np.full(40, kind), Sampling(), 0)))
    sketch = draw.sketch(None)[0]
    course = sketch.course.copy()
    course[:, QUANTITIES.index("gap_ns")] *= 10**6
    rows = bodies.whole(replace(sketch, course=course), codec.fields, np.random.default_rng(0))
    place = np.arange(len(rows.rows)) - np.repeat(rows.first, rows.counts)
    behind = place >= sketch.head.counts[rows.owner]
    took = np.bincount(rows.owner[behind], rows.rows["gap_ns"][behind], len(rows))
    assert (took <= bodies.longest[kind] * 1.001).all()
    assert took.max() > bodies.longest[kind] / 2
