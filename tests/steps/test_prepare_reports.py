"""prepare: what it reads of each file, what it refuses, and what it leaves out and counts."""

import io
import lzma
import sys

import polars as pl
import pytest

from handmade import ethernet, ipv4, tcp, udp
from netdiffus import recordings
from netdiffus.api.verbs import prepare
from netdiffus.errors import InputError
from netdiffus.store.cards import DatasetCard
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.labels.rules import TUPLE
from netdiffus.wire.files.reader import Packet
from netdiffus.wire.files.writer import write_pcap


def report(card: DatasetCard) -> dict:
    return {source.file: source for source in card.sources}


def test_what_was_read_of_each_file(tmp_path) -> None:
    (tmp_path / "web").mkdir()
    packet = ethernet(0x0800, ipv4(udp(b"hello")))
    other = ethernet(0x0800, ipv4(tcp(b""), 6))
    arp = ethernet(0x0806, bytes(28))
    times = (5, 7, 9, 12)
    packets = zip(times, (packet, other, arp, packet), strict=True)
    write_pcap(tmp_path / "web" / "a.pcap", [Packet(time_ns, data, len(data)) for time_ns, data in packets])
    (tmp_path / "web" / "empty.pcap").write_bytes(b"")
    write_pcap(tmp_path / "web" / "none.pcap", [])
    found = report(DatasetCard.read(prepare(tmp_path / "web", tmp_path / "out", min_packets=2, test=0.0)))
    a = found["a.pcap"]
    assert (a.packets, a.bytes, a.first_ns, a.last_ns) == (4, (tmp_path / "web" / "a.pcap").stat().st_size, 5, 12)
    assert (a.flows, a.short_flows, a.links, a.faults) == (1, 1, {"Ethernet": 4}, {"not IP: ARP": 1})
    assert found["empty.pcap"].faults == {"file is no capture or cannot be read, left out": 1}
    assert (found["none.pcap"].faults, found["none.pcap"].first_ns) == ({"file holds no packets": 1}, None)


def test_strict_refuses_any_fault(tmp_path) -> None:
    (tmp_path / "web").mkdir()
    packet = ethernet(0x0800, ipv4(udp(b"hello")))
    write_pcap(tmp_path / "web" / "a.pcap", [Packet(1, packet, len(packet))])
    prepare(tmp_path / "web", tmp_path / "out", strict=True)
    data = (tmp_path / "web" / "a.pcap").read_bytes()
    (tmp_path / "web" / "b.pcap").write_bytes(data + data[24:-1])
    words = r"sources without faults \(--strict\); got .*b\.pcap: file ends inside a packet record: 1; mend it"
    with pytest.raises(InputError, match=words):
        prepare(tmp_path / "web", tmp_path / "new", strict=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "web"]
    heads = (b"\x90", b"\x41", b"\x45\0\0\5")  # another version, too short a header, less in all than the header
    odd = [packet, ethernet(0x0806, b""), bytes(5), *(ethernet(0x0800, head.ljust(20, b"\0")) for head in heads)]
    write_pcap(tmp_path / "web" / "b.pcap", [Packet(k, data, len(data)) for k, data in enumerate(odd)])
    with pytest.raises(InputError, match=r"b\.pcap: [^;]*: 1; [^;]*: 1; [^;]*: 1; and 1 more; mend it"):
        prepare(tmp_path / "web", tmp_path / "new", strict=True)


def test_standard_input_needs_a_label_from_elsewhere(tmp_path, monkeypatch) -> None:
    content = lzma.decompress(recordings.captures()["dns"][0].read_bytes())
    for labels in ("folder", "file"):
        with pytest.raises(InputError, match=f"a label for standard input; got --labels {labels}, but it has neither"):
            prepare("-", tmp_path / "out", labels=labels)
    (tmp_path / "map.csv").write_text("file,label\n-,names\n")
    for label, options in {"unlabelled": {"unlabelled": True}, "names": {"labels": str(tmp_path / "map.csv")}}.items():
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        card = DatasetCard.read(prepare("-", tmp_path / "out", **options))
        assert set(card.labels) == {label}
        assert (card.sources[0].file, card.sources[0].bytes) == ("-", len(content))


def test_flows_without_a_label_are_left_out_and_counted(tmp_path) -> None:
    capture = recordings.captures()["dns"][0]
    packets = pl.read_parquet(prepare(capture, tmp_path / "all") / "packets.parquet")
    first = packets.filter(pl.col("client").is_not_null())
    some = first.sample(20, seed=1, shuffle=True).select(TUPLE).unique()
    some.with_columns(label=pl.lit("some")).write_csv(tmp_path / "map.csv")
    expected = first.join(some, on=TUPLE, how="semi", maintain_order="left")["trace_id"].to_list()
    made = prepare(capture, tmp_path / "some", labels=str(tmp_path / "map.csv"))
    card, traces = read_dataset(made)
    assert traces["trace_id"].to_list() == expected
    assert card.sources[0].flows == sum(card.labels["some"].values()) == len(expected)
    assert card.sources[0].faults["flow has no label in the table, left out"] == len(first) - len(expected)
    assert pl.read_parquet(made / "packets.parquet").equals(packets.filter(pl.col("trace_id").is_in(expected)))


def test_rows_of_labels_that_name_nothing_are_reported(tmp_path, capsys) -> None:
    from netdiffus.cli.main import run

    (tmp_path / "map.csv").write_text("file,label\ndns.pcap.xz,names\ndnz.pcap.xz,names\n")
    capture = recordings.captures()["dns"][0]
    assert run(["prepare", str(capture), "--labels", str(tmp_path / "map.csv"), "--out", str(tmp_path / "out")]) == 0
    assert "fault: row of the labels names a file that no source has: 1" in capsys.readouterr().out
    assert DatasetCard.read(tmp_path / "out").faults == {"row of the labels names a file that no source has": 1}


def test_where_addresses_are_is_printed(tmp_path, capsys) -> None:
    from netdiffus.cli.main import run

    (tmp_path / "key").write_bytes(bytes(32))
    capture = str(recordings.captures()["dns"][0])
    assert run(["prepare", capture, "--out", str(tmp_path / "a")]) == 0
    assert "addresses: as captured, in packets.parquet" in capsys.readouterr().out
    assert run(["prepare", capture, "--anonymise", str(tmp_path / "key"), "--out", str(tmp_path / "b")]) == 0
    assert "addresses: mapped by Crypto-PAn" in capsys.readouterr().out
    assert run(["prepare", capture, "--bins", "100", "--out", str(tmp_path / "c")]) == 0
    printed = capsys.readouterr().out
    assert "bins: 100 ms" in printed
    assert "addresses:" not in printed


def test_strict_takes_frames_that_are_not_ip(tmp_path) -> None:
    packets = [Packet(10**9, ethernet(0x0800, ipv4(udp(b"hello"))), 60), Packet(2 * 10**9, ethernet(0x0806, b""), 60)]
    (tmp_path / "web").mkdir()
    write_pcap(tmp_path / "web" / "a.pcap", packets)
    card = DatasetCard.read(prepare(tmp_path / "web", tmp_path / "out", strict=True))
    assert card.sources[0].faults == {"not IP: ARP": 1}
