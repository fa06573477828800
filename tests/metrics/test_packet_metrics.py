"""Metrics of packets: by hand, on real flows as they are, and on flows that are spoilt in one known way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from netdiffus import recordings
from netdiffus.api.verbs import prepare
from netdiffus.compiler.header_columns import header_columns
from netdiffus.metrics import Comparison, Score, Traces, compute
from netdiffus.metrics.bits import histograms
from netdiffus.metrics.headerfields import ks, tvd
from netdiffus.metrics.identifiers import expected
from netdiffus.metrics.packets import Checked, Packets, PacketSets

LABELS = ("dns", "mqtt", "redis", "ssh")
PREFIXES = {
    "headerfields": ("fields.",),
    "bits": ("bits.jsd", "bits.by_label"),
    "bitclassifiers": ("bits.detection", "bits.tstr"),
}
NAMES = tuple(PREFIXES)
PER_LABEL = 200


def test_distances_by_hand() -> None:
    assert tvd(np.array([1.0, 1, 2, 3]), np.array([1.0, 1, 1, 4])) == 0.5
    assert ks(np.array([1.0, 2]), np.array([2.0, 3])) == 0.5


def test_histograms_by_hand() -> None:
    # two flows of 2 and 1 packets, one column: there in 2 of them, 1 in one of those
    series = np.array([[[2.0, 1, 1]], [[1.0, 1, 0]]])
    assert histograms(series).tolist() == [[1 / 3, 1 / 3, 1 / 3]]


def test_expected_identifiers_grow_with_the_release() -> None:
    assert expected(100, 0, 0, 50).high == 0  # none in the test part, so none are expected
    one, two = expected(100, 10, 50, 50), expected(100, 10, 50, 100)
    assert one.middle == pytest.approx(0.1)
    assert two.middle == pytest.approx(0.2)
    assert one.low < one.middle < one.high


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The first packets of up to 200 flows of each of four recordings, with their label."""
    folder = tmp_path_factory.mktemp("flows") / "dataset"
    prepare([recordings.folder() / label for label in LABELS], folder, packets=16)
    labels = pl.read_parquet(folder / "traces.parquet").select("trace_id", "label")
    labels = labels.filter(pl.int_range(pl.len()).shuffle(seed=0).over("label") < PER_LABEL)
    return pl.read_parquet(folder / "packets.parquet").join(labels, on="trace_id").sort("trace_id", "index")


def packets(rows: pl.DataFrame) -> Packets:
    _, first, owner = np.unique(rows["trace_id"].to_numpy(), return_index=True, return_inverse=True)
    return Packets(rows["label"].to_numpy().astype(np.str_)[first], header_columns(rows, owner))


def scored(
    flows: pl.DataFrame, spoil: Callable[[pl.DataFrame], pl.DataFrame], seed: int = 0, names: tuple[str, ...] = NAMES
) -> list[Score]:
    """Half of the flows train, a quarter test, and a quarter, spoilt, are the synthetic ones."""
    trace = np.unique(flows["trace_id"].to_numpy())
    place = np.random.default_rng(seed).permutation(len(trace)) / len(trace)
    parts = [flows.filter(pl.col("trace_id").is_in(trace[(place >= a) & (place < b)].tolist())) for a, b in
             ((0, 0.5), (0.5, 0.75), (0.75, 1))]  # fmt: skip
    sets = PacketSets(packets(parts[0]), packets(parts[1]), packets(spoil(parts[2])))
    bare = (Traces(np.zeros((len(part), 1, 1)), part.labels) for part in sets.parts)
    compared = Comparison(*bare, ("size",), packets=sets)  # type: ignore[misc]
    return [score for name in names for score in compute(name, compared, seed)]


def flagged(found: list[Score]) -> set[str]:
    return {score.name for score in found if score.flagged and score.label is None}


def test_real_flows_as_they_are(flows: pl.DataFrame) -> None:
    found = scored(flows, lambda rows: rows)
    assert flagged(found) == set()
    assert len({score.name for score in found}) == 21
    assert all(score.value is not None for score in found)
    assert {score.label for score in found} == {None, *LABELS}


def byte_set(column: str, place: int, value: int) -> Callable[[pl.DataFrame], pl.DataFrame]:
    def spoil(rows: pl.DataFrame) -> pl.DataFrame:
        def set_byte(data: bytes) -> bytes:
            return data[:place] + bytes([value]) + data[place + 1 :] if len(data) > place else data

        return rows.with_columns(pl.Series(column, [set_byte(data) for data in rows[column].to_list()]))

    return spoil


def mixed_labels(rows: pl.DataFrame) -> pl.DataFrame:
    traces = rows.select("trace_id", "label").unique("trace_id", maintain_order=True)
    names = dict(zip(traces["trace_id"].to_list(), traces["label"].shuffle(seed=1).to_list(), strict=True))
    return rows.with_columns(label=pl.col("trace_id").replace_strict(names, return_dtype=pl.String))


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        (byte_set("network_header", 8, 7), {"fields.ttl.ks", "bits.jsd", "bits.detection_auc"}),
        (byte_set("transport_header", 13, 0x18), {"fields.flags.tvd"}),
        (byte_set("transport_header", 15, 0), {"fields.window.ks"}),
        (lambda rows: rows.filter(pl.col("index") < 3), {"fields.packets.ks", "fields.bytes.ks"}),
        (mixed_labels, {"bits.tstr_accuracy", "bits.by_label.jsd", "fields.server_port.tvd"}),
    ],
    ids=["ttl", "flags", "window", "short", "labels"],
)
def test_what_is_spoilt_is_found(flows: pl.DataFrame, spoil: Callable, names: set[str]) -> None:
    needed = tuple(metric for metric, prefixes in PREFIXES.items() if any(name.startswith(prefixes) for name in names))
    assert names <= flagged(scored(flows, spoil, names=needed))


def test_nothing_without_packets() -> None:
    bare = Traces(np.zeros((10, 1, 1)), np.repeat("a", 10))
    sets = Comparison(bare, bare, bare, ("size",))
    assert [score for name in (*NAMES, "conformance") for score in compute(name, sets, 0)] == []


def test_labels_that_do_not_overlap_are_reported(flows: pl.DataFrame) -> None:
    found = scored(flows, lambda rows: rows.with_columns(label=pl.lit("other")))
    assert {score.value for score in found} == {None}
    assert all(score.note for score in found)


def test_conformance_by_hand() -> None:
    real = Checked(100, 95, 97, 1000, 20, (), "headers")
    made = Checked(100, 40, 90, 1000, 600, (("tcp-checksum", 9),), "headers")
    bare = Traces(np.zeros((10, 1, 1)), np.repeat("a", 10))
    none = Packets(np.zeros(0, np.str_), header_columns(pl.DataFrame(schema=SCHEMA), np.zeros(0, np.int64)))
    sets = Comparison(bare, bare, bare, ("size",), packets=PacketSets(none, none, none, (real, made), (None, made)))
    found = {score.name: score for score in compute("conformance", sets, 0)}
    assert {name: score.value for name, score in found.items()} == {
        "conformance.capture_clean_flows": 0.4,
        "conformance.capture_repaired_flows": 0.9,
        "conformance.clean_flows": 0.4,
        "conformance.repaired_flows": 0.9,
        "conformance.changed_packets": 0.6,
    }
    assert {name for name, score in found.items() if score.flagged} == {
        "conformance.clean_flows", "conformance.changed_packets"
    }  # fmt: skip
    assert found["conformance.clean_flows"].ceiling == 0.95
    assert "broken: tcp-checksum in 9 packets" in found["conformance.clean_flows"].note
    whole = replace(sets, packets=replace(sets.packets, captures=(real, made)))  # type: ignore[type-var]
    (clean, *_) = compute("conformance", whole, 0)
    assert (clean.ceiling, clean.flagged) == (0.95, True)


SCHEMA = {
    "network_header": pl.Binary, "transport_header": pl.Binary, "direction": pl.Int8, "time_ns": pl.Int64,
    "payload_bytes": pl.Int32,
}  # fmt: skip
