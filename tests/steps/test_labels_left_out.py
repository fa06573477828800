"""Every label that the sources name is in the dataset's table of labels, with what became of it."""

import struct

import pytest

from handmade import ethernet, ipv4, udp
from netdiffus.api.verbs import prepare, train
from netdiffus.cli.main import run
from netdiffus.errors import InputError
from netdiffus.store.cards import DatasetCard, ModelCard
from netdiffus.wire.files.reader import Packet, write_pcap

SECOND = 1_000_000_000
RADIOTAP = 127


def flow(number: int, packets: int, start_ns: int = SECOND, gap_ns: int = 1000) -> list[Packet]:
    segment = struct.pack("!HH", 1024 + number, 53) + udp(b"x" * (number % 7 + 1))[4:]
    data = ethernet(0x0800, ipv4(segment))
    return [Packet(start_ns + gap_ns * k, data, len(data)) for k in range(packets)]


@pytest.fixture
def captures(tmp_path):
    """Four labels: flows of three packets and of one, Wi-Fi frames, an empty file, and a capture without packets."""
    folder = tmp_path / "captures"
    for label in ("dns", "wifi", "empty", "bare"):
        (folder / label).mkdir(parents=True)
    write_pcap(folder / "dns" / "a.pcap", [p for k in range(20) for p in flow(k, 3 if k % 2 else 1)])
    write_pcap(folder / "wifi" / "a.pcap", flow(0, 7), RADIOTAP)
    (folder / "empty" / "a.pcap").touch()
    write_pcap(folder / "bare" / "a.pcap", [])
    return folder


def said(card: DatasetCard) -> dict[str, list[str]]:
    return {label: [str(each) for each in lines] for label, lines in card.left_out.items()}


def test_labels_without_a_trace_are_in_the_table(captures, tmp_path, capsys):
    out = tmp_path / "dataset"
    assert run(["prepare", str(captures), "--min-packets", "2", "--out", str(out)]) == 0
    card = DatasetCard.read(out)
    assert {label: sum(counts.values()) for label, counts in card.labels.items()} == {
        "bare": 0, "dns": 10, "empty": 0, "wifi": 0,
    }  # fmt: skip
    assert said(card) == {
        "bare": ["1 of 1 files left out: file holds no packets"],
        "dns": ["10 of 20 flows left out: fewer packets than --min-packets"],
        "empty": ["1 of 1 files left out: file is no capture or cannot be read"],
        "wifi": ["7 of 7 packets left out: link layer is not decoded: 802.11 with radiotap header"],
    }
    printed = capsys.readouterr().out
    assert "wifi       0     0" in printed
    assert "wifi: 7 of 7 packets left out: link layer is not decoded: 802.11 with radiotap header" in printed
    assert printed.index("wifi: 7") < printed.index("dns: 10 of 20 flows")
    assert run(["info", str(out)]) == 0
    assert "empty: 1 of 1 files left out: file is no capture or cannot be read" in capsys.readouterr().out


def test_folders_without_a_capture_are_named(captures, tmp_path):
    for name in ("dump/day1", "dump/day2", "notes", ".cache"):
        (captures / name).mkdir(parents=True)
    (captures / "dump" / "day1" / "flows.erf").write_bytes(bytes(40))
    card = DatasetCard.read(prepare(captures, tmp_path / "out"))
    assert card.faults == {"folder holds no capture, no label is made of it (dump, notes)": 2}
    assert "dump" not in card.labels
    assert DatasetCard.read(prepare(captures, tmp_path / "by_file", labels="file")).faults == {}


def test_of_many_labels_the_first_lines_are_printed(tmp_path, capsys):
    for k in range(25):
        (tmp_path / "many" / f"label{k:02}").mkdir(parents=True)
        write_pcap(tmp_path / "many" / f"label{k:02}" / "a.pcap", flow(1, 2) + flow(2, 1))
    assert run(["prepare", str(tmp_path / "many"), "--min-packets", "2", "--out", str(tmp_path / "out")]) == 0
    assert "... and 5 more lines in dataset.json, left_out" in capsys.readouterr().out


def test_labels_of_a_table_are_all_accounted_for(captures, tmp_path):
    table = tmp_path / "map.csv"
    table.write_text("file,client_port,label\na.pcap,1025,odd\na.pcap,1026,short\na.pcap,9,none\n")
    card = DatasetCard.read(prepare(captures / "dns", tmp_path / "out", labels=str(table), min_packets=2))
    assert card.labels == {
        "none": {"train": 0, "test": 0},
        "odd": {"train": 1, "test": 0},
        "short": {"train": 0, "test": 0},
    }
    assert said(card) == {
        "none": ["1 of 1 rows of --labels left out: the row fits no flow"],
        "short": ["1 of 1 flows left out: fewer packets than --min-packets"],
    }
    (source,) = card.sources
    assert (source.flows, source.short_flows) == (1, 1)


def test_where_nothing_is_left_the_error_says_why(captures, tmp_path):
    words = (
        "got none; bare: 1 of 1 files left out: file holds no packets; empty: 1 of 1 files left out: file is no capture"
    )
    with pytest.raises(InputError, match=words):
        prepare([captures / "wifi", captures / "empty", captures / "bare"], tmp_path / "out")


def test_captures_without_times_are_reported_as_check_reports_them(tmp_path, capsys):
    folder = tmp_path / "still"
    folder.mkdir()
    write_pcap(folder / "a.pcap", [p for k in range(15) for p in flow(k, 3, 0, 0)])
    assert run(["prepare", str(folder), "--out", str(tmp_path / "dataset")]) == 0
    words = "all packets of the capture have the same time"
    warning = "all gaps are 0 (the source has no times) under still: a model learns that no time passes there"
    printed = capsys.readouterr().out
    assert f"fault: {words}: 45 (in a.pcap)" in printed
    assert f"warning: {warning}" in printed
    assert run(["check", str(folder / "a.pcap")]) == 1
    assert words in capsys.readouterr().out
    assert (
        run(["train", str(tmp_path / "dataset"), "--preset", "tiny", "--steps", "1", "--out", str(tmp_path / "model")])
        == 0
    )
    assert capsys.readouterr().err.count(f"warning: {warning}") == 1
    assert ModelCard.read(tmp_path / "model").warnings == [warning]
    assert f"* In the dataset {warning}." in (tmp_path / "model" / "README.md").read_text()


def test_a_flow_without_times_is_reported(tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    write_pcap(folder / "a.pcap", flow(1, 9, SECOND, 0) + flow(2, 9) + flow(3, 7, 2 * SECOND, 0))
    card = DatasetCard.read(prepare(folder, tmp_path / "out"))
    assert card.sources[0].faults == {"all packets of a flow, 8 or more, have the same time": 9}
    assert card.warnings == []


def test_a_model_of_traffic_with_times_has_no_warning(captures, tmp_path):
    dataset = prepare(captures / "dns", tmp_path / "dataset")
    train(dataset, tmp_path / "model", preset="tiny", steps=1)
    assert ModelCard.read(tmp_path / "model").warnings == []
    assert "In the dataset" not in (tmp_path / "model" / "README.md").read_text()
