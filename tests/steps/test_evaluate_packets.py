"""evaluate with captures and with datasets of captures: headers, conformance, and identifiers that come out again."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from netdiffus import recordings
from netdiffus.api.scores import Scores
from netdiffus.api.verbs import evaluate, prepare
from netdiffus.errors import InputError
from netdiffus.metrics import METRICS
from netdiffus.steps import evaluate as evaluating
from netdiffus.steps.inputs.load import load_traces, real_parts
from netdiffus.steps.inputs.packet_sets import packet_sets
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.writer import write_pcap
from netdiffus.wire.headers.packets import Packet

LABELS = ("dns", "mqtt")
PACKET_METRICS = ("marginal", "copies", "identifiers", "fields", "bits", "bits_classifiers", "conformance")
"""What is given packets and identifiers, and a little else for the report."""


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of captures, named by their label."""
    folder = tmp_path_factory.mktemp("captures")
    for label in LABELS:
        shutil.copytree(recordings.folder() / label, folder / label)
    return folder


@pytest.fixture(scope="module")
def dataset(captures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(captures, tmp_path_factory.mktemp("dataset") / "dataset", packets=16)


@pytest.fixture(scope="module")
def found(captures: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Scores, Path]:
    """The captures that a dataset was made of, given as if they were synthetic."""
    folder = tmp_path_factory.mktemp("report") / "report"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluating, "METRICS", {name: METRICS[name] for name in PACKET_METRICS})
        return evaluate(dataset, captures, folder, baselines=False), folder


def test_captures_are_compared_by_their_headers(found: tuple[Scores, Path]) -> None:
    scores, _ = found
    for name in ("fields.ttl.ks", "fields.server_port.tvd", "bits.jsd", "bits.varying.hellinger", "bits.detection_auc"):
        assert scores[name].value is not None, name
        assert not scores[name].flagged, name
    assert scores["conformance.clean_flows"].value > 0.9
    assert "2 captures as they are" in scores["conformance.capture_clean_flows"].note
    assert scores.evaluation.packets.test.positions.max() == 15  # no more of a flow than the dataset has


def test_ends_of_flows_that_come_out_again_are_counted(found: tuple[Scores, Path]) -> None:
    scores, _ = found
    assert scores["identifiers.ipv4"].value == scores["identifiers.port"].value == 1
    assert scores["identifiers.port"].flagged  # client ports are drawn anew for each flow, in the test part too


def test_the_report_shows_packets(found: tuple[Scores, Path]) -> None:
    _, folder = found
    page, text = ((folder / name).read_text() for name in ("report.html", "report.md"))
    assert 'alt="nPrint bits of a synthetic dns flow"' in page
    assert '<h2 id="packets">' in page
    assert "| server port | total variation |" in text
    assert 'aria-label="Table of rules"' in page
    assert "| rule of `netdiffus check` | severity |" in text


def test_datasets_of_captures_have_packets_and_tables_have_none(dataset: Path, tmp_path: Path) -> None:
    pl.read_parquet(dataset / "traces.parquet").write_parquet(tmp_path / "traces.parquet")
    real, table = load_traces(dataset), load_traces(tmp_path / "traces.parquet")
    train, test = real_parts(real.traces, None, 0)
    rng = np.random.default_rng(0)
    found = packet_sets([(real, train), (real, test), (real, real.traces)], 4, rng)
    assert found is not None
    assert found.captures == (None, None)
    assert [len(part) for part in found.parts] == [len(train), len(test), len(real.traces)]
    assert found.synthetic.labels.tolist() == real.traces.sort("trace_id")["label"].to_list()
    assert found.synthetic.counts.max() == 4
    assert found.checked is not None
    assert found.checked[1].clean > 0.8 * found.checked[1].flows
    assert packet_sets([(real, train), (real, test), (table, table.traces)], 4, rng) is None


def test_labels_of_a_capture_stand_beside_it(captures: Path, tmp_path: Path) -> None:
    capture = next((captures / "dns").glob("*.pcap*"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    shutil.copy(capture, tmp_path / capture.name)
    assert set(load_traces(tmp_path / capture.name, scratch).traces["label"]) == {tmp_path.name}
    (tmp_path / f"{capture.name}.labels.csv").write_text("label,protocol\nnames,udp\n")
    assert set(load_traces(tmp_path / capture.name, scratch).traces["label"]) == {"names"}


def test_identifiers_in_frames_and_a_broken_capture(captures: Path, dataset: Path, tmp_path: Path) -> None:
    """Ethernet addresses are found, and flows without a right checksum are not clean before repair."""
    capture = next((captures / "mqtt").glob("*.pcap*"))
    packets = [packet for block in read_capture(capture) for packet in block.packets()]
    link = next(iter(read_capture(capture))).link[0]
    (tmp_path / "mqtt").mkdir()
    broken = [Packet(time_ns, data[:24] + b"\x12\x34" + data[26:], length) for time_ns, data, length in packets]
    write_pcap(tmp_path / "mqtt" / "broken.pcap", broken, int(link))
    (tmp_path / "scratch").mkdir()
    loaded = load_traces(tmp_path / "mqtt", tmp_path / "scratch")
    texts = loaded.texts_of(loaded.traces)
    assert texts is not None
    assert any(text.count(":") == 5 for text in texts)
    real = load_traces(dataset)
    train, test = real_parts(real.traces, None, 0)
    found = packet_sets([(real, train), (real, test), (loaded, loaded.traces)], 16, np.random.default_rng(0))
    assert found is not None
    assert found.checked is not None
    _, whole = found.captures
    assert whole is not None
    assert whole.clean == 0 < whole.flows
    assert whole.faults[0].rule == "ipv4-checksum"
    assert whole.repaired > 0.5 * whole.flows  # real losses cannot be mended
    assert found.checked[1].clean == 0
    assert found.checked[1].changed >= found.checked[1].faults[0].packets > 0


def test_what_is_refused(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"a dataset folder \(with dataset.json\)"):
        evaluate(dataset, tmp_path / "empty")
    (tmp_path / "a.pcap").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"or a capture; got .*a\.pcap"):
        evaluate(dataset, tmp_path / "a.pcap")
