"""A model of packets, end to end on a shipped recording: train, generate in every form, and what steers it."""

import csv
import json

import numpy as np
import polars as pl
import pytest

from netdiffus import TrafficModel, generate, recordings, train
from netdiffus.compiler.features.codec import FLAGS, PROTOCOL
from netdiffus.errors import InputError
from netdiffus.models.backends import load_model
from netdiffus.models.label_counts import class_counts
from netdiffus.models.packet_codec import MOST_GAPS, class_names
from netdiffus.models.packets import packet_part
from netdiffus.models.sampling import Request, Sampling
from netdiffus.steps.prepare import prepare
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store.bitimages import read_bit_images
from netdiffus.store.dataset import read_dataset
from netdiffus.store.model import ModelCard
from netdiffus.traffic.flows.reader import flows_of_capture
from netdiffus.wire.conformance.check import check_capture
from netdiffus.wire.headers.fields import TCP
from netdiffus.wire.nprint.capture import read_nprint


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "dataset"
    captures = [recordings.captures()[label][0] for label in ("dns", "mqtt", "ntp")]
    list(prepare(captures, out, PrepareConfig.of(packets=16)))
    return out


@pytest.fixture(scope="module")
def model(dataset, tmp_path_factory):
    return train(dataset, tmp_path_factory.mktemp("model") / "model", image="fields", preset="tiny", steps=40, batch=32)


def written(model, out, **options):
    generate(model, out, count=60, **options)
    return out


@pytest.mark.parametrize(
    ("form", "options"), [(".pcap", {}), (".pcapng", {}), (".pcap", {"window": 3, "sampling_steps": 4})]
)
def test_a_capture_that_conforms(form, options, model, tmp_path) -> None:
    out = written(model, tmp_path / f"made{form}", **options)
    found = check_capture(out)
    assert found.clean, found.faults
    assert found.flows == 60
    labels = list(csv.DictReader((tmp_path / f"made{form}.labels.csv").read_text().splitlines()))
    assert {row["label"] for row in labels} == {"dns", "mqtt", "ntp"}
    account = json.loads((tmp_path / f"made{form}.json").read_text())
    assert account["flows"] == 60
    assert account["packets_written"] == found.packets
    assert account["model"] == load_model(model).hash


def test_other_forms_hold_the_same_flows(model, tmp_path) -> None:
    table = pl.read_parquet(written(model, tmp_path / "made.parquet"))
    assert len(table) == 60
    assert set(table["split"]) == {"synthetic"}
    images = list(read_bit_images(written(model, tmp_path / "images")))
    assert len(images) == 60
    assert all(image.values.shape == (16, 1504) for image in images)
    assert sorted(image.start_ns for image in images) == sorted(table["start_ns"])
    rows = read_nprint(written(model, tmp_path / "made.nprint.npz"))
    assert sum(map(len, rows)) == table["size"].list.len().sum()
    sampled = TrafficModel.load(model).sample(60)
    assert sampled["size"].to_list() == table["size"].to_list()


def test_protocol_packets_and_counts_steer(model, tmp_path) -> None:
    out = written(model, tmp_path / "udp.pcap", protocol="udp", packets=2)
    flows = flows_of_capture(out, timeout_s=2e7).flows
    assert set(flows["protocol"]) == {"udp"}
    assert flows["n_packets"].max() <= 2
    generate(model, tmp_path / "dns.pcap", count={"dns": 7})
    labels = list(csv.DictReader((tmp_path / "dns.pcap.labels.csv").read_text().splitlines()))
    assert [row["label"] for row in labels] == ["dns"] * 7


def test_a_flow_that_is_cut_does_not_end_there(model) -> None:
    loaded = load_model(model)
    request = Request(np.full(64, loaded.manifest.labels.index("mqtt/tcp")), Sampling(), 0)
    series = next(loaded.sample(request)).inner.series()
    cut = next(loaded.sample(request)).flows(6)[0]
    longer = ~np.isnan(series[:, 0, 6]) & (cut.flows["protocol"] == TCP)
    assert longer.sum() > 20
    kinds = loaded.codec.fields.kinds.tokens[series[longer, 0, :6].astype(int)]
    kept = cut.select(longer)
    assert (kept.counts == 6).all()
    same = kinds[:, :, PROTOCOL].flatten() == TCP
    np.testing.assert_array_equal(kept.rows["flags"][same], kinds[:, :, FLAGS].flatten()[same])


def test_a_seed_gives_the_same_file(model, tmp_path) -> None:
    a, b, c = (written(model, tmp_path / f"{k}.pcap", seed=seed).read_bytes() for k, seed in enumerate((1, 1, 2)))
    assert a == b
    assert a != c


def test_counts_of_classes() -> None:
    mix = {"dns/tcp": 10, "dns/udp": 30, "web/tcp": 40}
    assert class_counts(mix, 8, balance=False, protocol=None) == {"dns/tcp": 1, "dns/udp": 3, "web/tcp": 4}
    assert class_counts(mix, 8, balance=True, protocol=None) == {"dns/tcp": 1, "dns/udp": 3, "web/tcp": 4}
    assert class_counts(mix, 5, balance=False, protocol="udp") == {"dns/udp": 5}
    assert class_counts(mix, {"dns": 4}, balance=False, protocol=None) == {"dns/tcp": 1, "dns/udp": 3}
    with pytest.raises(InputError, match="labels among dns; got 'web'; correct --count"):
        class_counts(mix, {"web": 4}, balance=False, protocol="udp")
    with pytest.raises(InputError, match="a protocol that the training flows have; got udp; leave --protocol out"):
        class_counts({"web/tcp": 3}, 4, balance=False, protocol="udp")


def test_only_the_training_part_is_learned(dataset) -> None:
    _, traces = read_dataset(dataset)
    part = traces.filter(pl.col("split") == "train")
    found = packet_part(dataset, part, 0.8, None)
    assert found.series.shape == (len(part), 8, 16)
    assert {name.rpartition("/")[0] for name in found.classes} == {"dns", "mqtt", "ntp"}
    assert len(found.arrivals.gaps) <= MOST_GAPS
    fewer = packet_part(dataset, part.head(20), 0.8, 4)
    assert fewer.series.shape[0] == 20
    assert fewer.fields.length == 4
    assert len(fewer.fields.hosts) <= len(found.fields.hosts)


def test_gaps_between_flows_are_those_of_all_flows(dataset) -> None:
    _, traces = read_dataset(dataset)
    whole = packet_part(dataset, traces, 1.0, 2).arrivals.gaps
    half = traces.sample(fraction=0.5, seed=0).sort("trace_id")
    part = packet_part(dataset, half, 0.5, 2).arrivals.gaps
    assert part.mean() == pytest.approx(whole.mean(), rel=0.25)


def test_flows_arrive_as_in_their_own_source_where_another_is_for_testing(tmp_path) -> None:
    """No test flow comes between those of a source that is all for training, so its gaps are as recorded."""
    captures = [recordings.captures()[label][0] for label in ("dns", "ntp")]
    list(prepare(captures[:1], tmp_path / "dataset", PrepareConfig.of(packets=2, test=str(captures[1]))))
    train(tmp_path / "dataset", tmp_path / "model", image="fields", preset="tiny", steps=1, batch=8)
    _, traces = read_dataset(tmp_path / "dataset")
    starts = traces.filter(pl.col("split") == "train")["start_ns"].sort().to_numpy()
    assert ModelCard.read(tmp_path / "model").codec["gaps_ns"] == sorted(np.diff(starts).tolist())


def test_the_model_folder(model) -> None:
    card = ModelCard.read(model)
    assert set(card.labels) >= {"dns/udp", "mqtt/tcp", "ntp/udp"}
    assert card.config["image"] == "fields"
    readme = (model / "README.md").read_text()
    assert "flows of packets" in readme
    assert "Server ports" in readme


def test_what_is_refused(model, dataset, tmp_path) -> None:
    with pytest.raises(InputError, match=r"--out with one of the suffixes \.pcap, .*; got .*x\.txt"):
        written(model, tmp_path / "x.txt")
    with pytest.raises(InputError, match="protocol"):
        written(model, tmp_path / "x.pcap", protocol="sctp")
    other = train(dataset, tmp_path / "model", preset="tiny", steps=2, batch=8)
    with pytest.raises(InputError, match=r"a model of packets \(train --image fields\) for x\.pcap .*; got one of"):
        written(other, tmp_path / "x.pcap")
    with pytest.raises(InputError, match="a model of packets"):
        written(other, tmp_path / "x.parquet", rate=1.0)
    assert not list(tmp_path.glob("x.*"))


def test_class_names(dataset) -> None:
    from netdiffus.compiler.tables import rows_of_tables
    from netdiffus.store.dataset import read_packets

    _, traces = read_dataset(dataset)
    rows, left_out = rows_of_tables(traces, read_packets(dataset))
    assert not left_out
    assert rows.labels == tuple(traces["label"])
    np.testing.assert_array_equal(rows.flows["start_ns"], traces["start_ns"])
    assert set(class_names(rows)) <= {"dns/udp", "dns/tcp", "mqtt/tcp", "ntp/udp"}


def test_a_capture_becomes_a_dataset_again_with_its_labels(model, tmp_path) -> None:
    out = written(model, tmp_path / "made.pcapng")
    config = PrepareConfig.of(labels=f"{out}.labels.csv", test=0.0, packets=12)
    list(prepare([out], tmp_path / "again", config))
    card, traces = read_dataset(tmp_path / "again")
    assert len(traces) == 60
    assert set(card.labels) == {"dns", "mqtt", "ntp"}
    assert not card.sources[0].faults
