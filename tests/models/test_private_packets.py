"""A private model of packets: what it may know is in the ledger, and what it draws are packets that conform."""

import csv
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest
import torch

from netdiffus import recordings
from netdiffus.api.describe import describe
from netdiffus.api.verbs import evaluate, generate, train
from netdiffus.arrays import Ints
from netdiffus.compiler.features.enumerated import FACTS, facts_of, public_kinds
from netdiffus.compiler.tables import rows_of_tables
from netdiffus.errors import InputError
from netdiffus.models import private_fields, private_packets
from netdiffus.models.device import choose_device
from netdiffus.models.fitting import Fitting, TrainingPart
from netdiffus.models.manifest import read_model
from netdiffus.models.options import RowOptions
from netdiffus.models.packet_codec import PacketCodec
from netdiffus.models.private_packets import OF_HOSTS, fit_private_packets
from netdiffus.privacy import alphabet, tables
from netdiffus.privacy.ledger import epsilon_of
from netdiffus.steps.prepare import prepare
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store.cards import DatasetCard, ModelCard
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.wire.conformance.check import check_capture

LENGTH = 4


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "dataset"
    captures = [path for label in ("dns", "mqtt", "ntp") for path in recordings.captures()[label][:2]]
    list(prepare(captures, out, PrepareConfig.of(packets=LENGTH)))
    return out


@pytest.fixture(scope="module")
def model(flows, tmp_path_factory):
    return train(flows, tmp_path_factory.mktemp("private") / "model", image="fields", epsilon=8.0)


def test_the_ledger_names_every_look_and_adds_up(model) -> None:
    privacy = ModelCard.read(model).privacy
    assert privacy is not None
    assert 7.9 < epsilon_of(privacy.entries, privacy.delta) <= 8.0
    assert [(entry.name, entry.cells) for entry in privacy.entries] == [
        ("flows of each label and protocol", 1),
        ("facts of flows (TTLs, clocks, options, ports, windows)", len(FACTS) + 4),
        ("kinds and sizes of packets by position", 2 * LENGTH),
        ("hosts, ports and windows by label and protocol", OF_HOSTS),
        ("codes by label and position", 3 * LENGTH),
        ("codes after codes by position", 3 * LENGTH),
        ("codes after contexts by label and position", 3 * LENGTH),
    ]


def test_card_and_description_say_the_sentence(flows, model) -> None:
    readme = " ".join((model / "README.md").read_text().split())
    assert "satisfy (8, " in readme
    assert "with respect to adding or removing any one flow" in readme
    assert "Nothing here is a formal privacy guarantee" not in readme
    assert describe(model).to_json()["privacy"]["epsilon"] == 8.0
    assert DatasetCard.read(flows).hash[:16] not in (model / "model.json").read_text() + readme
    assert {path.name for path in model.rglob("*")} == {"model.json", "weights.safetensors", "README.md"}


def test_a_capture_conforms(model, tmp_path) -> None:
    out = tmp_path / "made.pcapng"
    generate(model, out, count=90)
    found = check_capture(out)
    assert found.clean, found.faults
    labels = list(csv.DictReader((tmp_path / "made.pcapng.labels.csv").read_text().splitlines()))
    assert {row["label"] for row in labels} == {"dns", "mqtt", "ntp"}
    ports = {label: [row["server_port"] for row in labels if row["label"] == label] for label in ("mqtt", "ntp")}
    assert ports["mqtt"].count("1883") + ports["mqtt"].count("8883") > len(ports["mqtt"]) / 2
    assert ports["ntp"].count("123") > len(ports["ntp"]) / 2


def test_flows_of_a_label_look_like_it(model, tmp_path) -> None:
    generate(model, tmp_path / "made.parquet", count={"ntp": 100, "mqtt": 100})
    drawn = pl.read_parquet(tmp_path / "made.parquet")
    sizes = {label: drawn.filter(label=label)["size"].explode() for label in ("ntp", "mqtt")}
    assert (sizes["ntp"] == 48).mean() > 0.5  # RFC 5905
    assert (sizes["mqtt"] == 48).mean() < 0.2
    assert drawn["size"].list.len().max() <= LENGTH


def test_an_evaluation_states_the_guarantee_of_captures_and_tables(flows, model, tmp_path, only_metrics) -> None:
    only_metrics("membership_audit")
    for name in ("made.pcapng", "made.parquet"):
        generate(model, tmp_path / name, count=60)
        found = evaluate(flows, tmp_path / name, model=model, baselines=False)
        assert found["membership.epsilon"].value == 8.0
        assert found["membership.audit_epsilon"].value is not None
        assert not found["membership.audit_epsilon"].flagged
    account = tmp_path / "made.pcapng.json"
    account.write_text(json.dumps(json.loads(account.read_text()) | {"model": "0" * 64}))
    others = evaluate(flows, tmp_path / "made.pcapng", model=model, baselines=False)
    assert "membership.epsilon" not in [score.name for score in others]


@contextmanager
def counted(found: list[Ints]) -> Iterator[None]:
    """Keeps the counts before noise of every look; what is released is the same whatever the flows are."""

    def recorded(counts: Ints, sigma: float) -> Ints:
        found.append(counts)
        if len(found) == 1:  # classes, so that flows of all of them count
            return np.where(counts > 0, 500, 0)
        return np.random.default_rng(len(found)).normal(0.0, sigma, counts.shape).round().astype(np.int64)

    with ExitStack() as stack:
        for module in (private_packets, private_fields, alphabet, tables):
            stack.enter_context(patch.object(module, "noisy", recorded))
        yield


def looks(flows, left_out: int | None) -> tuple[list[Ints], Fitting]:
    """The counts before noise of every look at the training flows but one, and what is made of the noise alone."""
    traces = read_dataset(flows)[1].filter(pl.col("split") == "train")
    if left_out is not None:
        traces = traces[[k for k in range(len(traces)) if k != left_out]]
    found: list[Ints] = []
    options = RowOptions.of(image="fields", epsilon=8.0, delta=1e-5)
    few = patch.object(tables, "DRAWN", 3000), patch.object(private_fields, "MOST_HOSTS", 256)
    with counted(found), few[0], few[1]:
        return found, fit_private_packets(TrainingPart(traces, 1.0, flows), options, choose_device())


def test_one_flow_changes_as_many_counts_as_are_paid_for_and_nothing_else(flows, model) -> None:
    (every, fitting), privacy = looks(flows, None), ModelCard.read(model).privacy
    paid = sum(entry.cells for entry in privacy.entries)
    for left_out in (0, 400):
        fewer, other = looks(flows, left_out)
        changes = [np.abs(a - b) for a, b in zip(every, fewer, strict=True)]
        assert all(change.max(initial=0) <= 1 for change in changes)
        assert 3 * LENGTH < sum(int(change.sum()) for change in changes) <= paid
        # what is released is the same where the noisy counts are: nothing is fitted on the flows themselves
        assert other.codec.to_json() == fitting.codec.to_json()
        assert other.labels == fitting.labels
        assert all(torch.equal(value, fitting.fit.result[name]) for name, value in other.fit.result.items())


def test_what_few_flows_have_is_in_no_vocabulary(flows, model) -> None:
    codec = read_model(model).codec
    assert isinstance(codec, PacketCodec)
    part = read_dataset(flows)[1].filter(pl.col("split") == "train")
    rows, _ = rows_of_tables(part, read_packets(flows))
    facts, sigma = facts_of(rows), ModelCard.read(model).privacy.sigma(private_packets.FACTS)
    for name in ("server_port", "client_mss"):
        values, many = np.unique(facts[name], return_counts=True)
        rare = set(values[many < sigma].tolist())
        known = codec.fields.server_ports if name == "server_port" else codec.fields.kinds.tokens[:, 8]
        # a value of few flows is there by chance alone: no more often than any other of 65,536
        assert len(rare & set(known.tolist())) <= 2
        assert len(known) < 4000
    assert len(codec.arrivals.gaps) == 0


def test_public_kinds_are_kinds_and_each_once() -> None:
    kinds = public_kinds()
    assert len(np.unique(kinds, axis=0)) == len(kinds)
    assert set(kinds[:, 0].tolist()) == {1, 6, 17, 58}


REFUSED = {
    "public traces": ({"epsilon": 1.0, "public": "recordings"}, "--image gasf or series with --public"),
    "whole flows": ({"epsilon": 1.0, "whole": True}, "--epsilon without --whole"),
    "delta of 1/n": ({"epsilon": 1.0, "delta": 0.01}, "below 1/n"),
    "no groups": ({"epsilon": 1.0, "unit": "group"}, "dataset with groups"),
    "going on": ({"epsilon": 1.0, "resume": True}, "without --resume"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_paid_for_is_refused(name, flows, tmp_path) -> None:
    options, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        train(flows, tmp_path / "m", image="fields", **options)
    assert not (tmp_path / "m").exists()
