"""prepare to nPrint rows and back: files, columns, counts; letter by letter against nprint where it is installed."""

import shutil
import subprocess

import polars as pl
import pytest

from netdiffus import recordings
from netdiffus.api.verbs import prepare
from netdiffus.cli.main import run
from netdiffus.errors import InputError
from netdiffus.steps.outputs import nprint
from netdiffus.store.cards import DatasetCard
from netdiffus.store.dataset import read_dataset
from netdiffus.wire.files.reader import read_capture, write_pcap
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.packets import Packet
from netdiffus.wire.nprint.columns import layout
from shared_files import shared
from small_packets import ethernet, icmp, ipv4, ipv6, tcp, udp, whole

NPRINT = shutil.which("nprint")
ALL = "eth,ipv4,ipv6,tcp,udp,icmp"


@pytest.fixture
def capture(tmp_path):
    """A capture of five packets, one of which has no row."""
    frames = [
        ethernet(ipv4(tcp(b"abcdef", b"\2\4\5\xb4"), 6)),
        ethernet(ipv6(udp(b"abc"), 17)),
        ethernet(ipv6(icmp(), 58)),
        ethernet(ipv4(icmp(b"xy"), 1)),
        ethernet(ipv4(udp(b"abcd"), 17)),
    ]
    write_pcap(tmp_path / "small.pcap", whole(*frames))
    return tmp_path / "small.pcap"


def packets(path) -> list[Packet]:
    return [packet for block in read_capture(path) for packet in block.packets()]


def records(source, out, **options):
    found = []
    prepare(source, out, on_progress=found.append, **options)
    return found


def test_text_and_what_is_left_out(capture, tmp_path) -> None:
    (record,) = records(capture, tmp_path / "x.nprint")
    assert (record.packets, record.written, record.file) == (5, 4, "small.pcap")
    assert record.faults == {
        "no nPrint row: ICMPv6, only TCP, UDP and ICMP have columns": 1,
        "row without network header: it is IPv6 and ipv6 is not in --headers": 1,
    }
    table = pl.read_csv(tmp_path / "x.nprint")
    assert table.columns == ["src_ip", *layout().columns]
    assert table["src_ip"].to_list() == ["192.0.2.1", "2001:db8::1", "192.0.2.1", "192.0.2.1"]
    assert table["udp_sport_0"].to_list() == [-1, 0, -1, 0]


@pytest.mark.parametrize("name", ["x.nprint", "x.npt", "x.nprint.npz"])
def test_there_and_back(capture, tmp_path, name) -> None:
    timed = {} if name.endswith("npz") else {"timestamps": "absolute"}
    prepare(capture, tmp_path / name, headers=ALL, **timed)
    (record,) = records(tmp_path / name, tmp_path / "back.pcap")
    assert record.faults == {}
    before = [packet for k, packet in enumerate(packets(capture)) if k != 2]
    heads = [14 + 20 + 24, 14 + 40 + 8, 14 + 20 + 8, 14 + 20 + 8]
    for old, new, head in zip(before, packets(tmp_path / "back.pcap"), heads, strict=True):
        assert new == Packet(old.time_ns, old.data[:head] + bytes(old.length - head), old.length)


def test_payload_too(capture, tmp_path) -> None:
    prepare(capture, tmp_path / "x.nprint.npz", headers=ALL, payload_bytes=5)
    prepare(tmp_path / "x.nprint.npz", tmp_path / "back.pcap")
    assert packets(tmp_path / "back.pcap")[0].data[-6:] == b"abcde\0"
    assert packets(tmp_path / "back.pcap")[3] == packets(capture)[4]


def test_one_form_to_the_other_changes_nothing(tmp_path) -> None:
    source = recordings.captures()["dns"][0]
    options = {"headers": ALL, "payload_bytes": 3, "timestamps": "absolute"}
    prepare(source, tmp_path / "a.nprint", **options)
    prepare(tmp_path / "a.nprint", tmp_path / "b.nprint.npz")
    prepare(tmp_path / "b.nprint.npz", tmp_path / "c.nprint", timestamps="absolute")
    assert (tmp_path / "a.nprint").read_bytes() == (tmp_path / "c.nprint").read_bytes()
    (record,) = records(tmp_path / "c.nprint", tmp_path / "d.nprint.npz", headers="tcp")
    assert record.written == record.packets > 0
    prepare(source, tmp_path / "e.nprint", headers="tcp")
    prepare(tmp_path / "d.nprint.npz", tmp_path / "f.nprint")
    assert (tmp_path / "e.nprint").read_bytes() == (tmp_path / "f.nprint").read_bytes()


def test_a_dataset_from_rows_is_the_one_from_the_capture(tmp_path) -> None:
    """Flows are found again by the addresses and ports in the bits; their label is that of the folder."""
    source = recordings.captures()["web"][0]
    (tmp_path / "web").mkdir()
    prepare(source, tmp_path / "web" / "x.nprint.npz", headers=ALL)
    direct = read_dataset(prepare(source, tmp_path / "direct"))[1]
    (record,) = records(tmp_path / "web", tmp_path / "rows")
    assert record.faults == {}
    card, again = read_dataset(tmp_path / "rows")
    assert list(card.labels) == ["web"]
    for name in ("label", "split", "start_ns", "n_packets", "size", "direction", "gap_ns"):
        assert again[name].to_list() == direct[name].to_list(), name


def test_a_dataset_from_text_without_times_says_so(tmp_path) -> None:
    (tmp_path / "dns").mkdir()
    prepare(recordings.captures()["dns"][0], tmp_path / "dns" / "x.nprint", headers=ALL)
    card = DatasetCard.read(prepare(tmp_path / "dns" / "x.nprint", tmp_path / "dataset"))
    assert "nPrint file has no timestamps; its packets are taken to be a millisecond apart" in card.sources[0].faults


def test_long_rows_are_written_part_by_part(tmp_path) -> None:
    """20,000 rows of 65,535 bytes are 1.3 GB; the few packets here have rows longer than a part may be."""
    before = nprint.PART_BYTES
    source = recordings.captures()["dns"][0]
    prepare(source, tmp_path / "a.nprint.npz", payload_bytes=50)
    nprint.PART_BYTES = 1000
    try:
        (record,) = records(source, tmp_path / "b.nprint.npz", payload_bytes=50)
        records(tmp_path / "a.nprint.npz", tmp_path / "c.nprint.npz")
    finally:
        nprint.PART_BYTES = before
    assert record.written == record.packets
    whole = (tmp_path / "a.nprint.npz").read_bytes()
    assert (tmp_path / "b.nprint.npz").read_bytes() == (tmp_path / "c.nprint.npz").read_bytes() == whole


def test_addresses_are_mapped_alike_in_rows_and_in_datasets(tmp_path, capsys) -> None:
    source, key = recordings.captures()["mqtt"][0], tmp_path / "key"
    key.write_bytes(bytes(range(32)))
    (record,) = records(source, tmp_path / "x.nprint.npz", headers=ALL, anonymise=str(key))
    (plain,) = records(source, tmp_path / "y.nprint.npz", headers=ALL)
    assert (record.packets, record.written, record.faults) == (plain.packets, plain.written, plain.faults)
    prepare(tmp_path / "x.nprint.npz", tmp_path / "rows", unlabelled=True)
    prepare(source, tmp_path / "dataset", unlabelled=True, anonymise=str(key))
    prepare(source, tmp_path / "real", unlabelled=True)
    rows, mapped, real = (pl.read_parquet(tmp_path / name / "packets.parquet") for name in ("rows", "dataset", "real"))
    assert rows["client"].to_list() == mapped["client"].to_list() != real["client"].to_list()
    assert rows["network_header"].to_list() == mapped["network_header"].to_list()
    assert rows["transport_header"].to_list() == mapped["transport_header"].to_list()
    frames = [
        {p.data[:12] for p in next(iter(read_capture(tmp_path / f"{name}.nprint.npz"))).packets()} for name in "xy"
    ]
    assert len(frames[0]) == len(frames[1])
    assert not frames[0] & frames[1]
    wrong = [(source, "--payload-bytes", "9"), (tmp_path / "y.nprint.npz",)]
    for words, (path, *more) in zip(("payload is not mapped", "when the rows are made"), wrong, strict=True):
        command = ["prepare", str(path), "--out", str(tmp_path / "z.nprint"), "--anonymise", str(key), *more]
        assert run(command) == 2
        assert words in capsys.readouterr().err


def test_several_sources_one_after_the_other(capture, tmp_path) -> None:
    again = tmp_path / "again.pcap"
    again.write_bytes(capture.read_bytes())
    found = records([capture, again], tmp_path / "x.nprint.npz")
    assert [(record.done, record.total, record.written) for record in found] == [(1, 2, 4), (2, 2, 4)]
    (record,) = records(tmp_path / "x.nprint.npz", tmp_path / "y.nprint")
    assert record.packets == 8


@pytest.mark.parametrize(
    ("source", "out", "options", "said"),
    [
        ("small.pcap", "x.nprint", {"headers": "ipv4,arp"}, "expected headers among eth, ipv4, .* got arp"),
        ("small.pcap", "x.nprint", {"timestamps": "both"}, "expected timestamps 'none', 'absolute' or 'relative'"),
        ("small.pcap", "x.nprint", {"labels": "file"}, "expected an option among headers, payload_bytes, timestamps"),
        ("small.pcap", "x.nprint.gz", {}, r"a name that ends in .nprint, .npt or .nprint.npz; got x.nprint.gz"),
        ("small.pcap", "x.pcap", {}, "expected nPrint files .* to make x.pcap of; got .*small.pcap; name nPrint"),
        ("rows.csv", "x.nprint", {}, "expected captures or nPrint files for x.nprint; got .*rows.csv, a table"),
        ("bad.nprint", "x.pcap", {}, "expected a header line of nPrint columns"),
        ("bare.nprint", "x.nprint", {"timestamps": "relative"}, "expected rows with timestamps; got a file that has"),
        ("gone.pcap", "x.nprint", {}, "which does not exist"),
    ],
)  # fmt: skip
def test_what_is_refused_leaves_nothing(capture, tmp_path, source, out, options, said) -> None:
    (tmp_path / "rows.csv").write_text("size\n1\n")
    (tmp_path / "bad.nprint").write_text("1.2.3.4,0,1\n")
    prepare(capture, tmp_path / "bare.nprint")
    with pytest.raises(InputError, match=said):
        prepare(tmp_path / source, tmp_path / out, **options)
    assert not (tmp_path / out).exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")] == []


def test_ethernet_and_raw_rows_make_no_common_capture(capture, tmp_path) -> None:
    prepare(capture, tmp_path / "a.nprint", headers="eth,ipv4,tcp")
    prepare(capture, tmp_path / "b.nprint", headers="ipv4,tcp")
    with pytest.raises(InputError, match=r"all have Ethernet columns, or none; got a\.nprint with them"):
        prepare([tmp_path / "a.nprint", tmp_path / "b.nprint"], tmp_path / "x.pcap")


def test_the_command(capture, tmp_path, capsys) -> None:
    out = tmp_path / "x.nprint"
    assert run(["prepare", str(capture), "--out", str(out), "--headers", ALL, "--timestamps", "absolute"]) == 0
    said = capsys.readouterr().out
    assert f"packets: {out}  (4 of 5, {out.stat().st_size:,} bytes)" in said
    assert "fault: no nPrint row: ICMPv6, only TCP, UDP and ICMP have columns: 1" in said
    assert run(["info", str(out)]) == 0
    assert "packets: 4 in 0.006 s; link types: Ethernet 4" in capsys.readouterr().out
    for line, words in [
        (["--out", str(out), "--labels", "file"], "options that nPrint rows can have; got --labels with --out"),
        (["--out", str(tmp_path / "d"), "--payload-bytes", "3"], "a dataset can have; got --payload-bytes with"),
        (["--out", str(tmp_path / "y.pcap"), "--headers", "tcp"], "options that a capture can have; got --headers"),
    ]:  # fmt: skip
        assert run(["prepare", str(capture), *line]) == 2
        assert words in capsys.readouterr().err


# nprint's columns of packets that it can read; what differs by design is named in docs/nprint.md
FLAGS = {"eth": "-e", "ipv4": "-4", "ipv6": "-6", "tcp": "-t", "udp": "-u", "icmp": "-i"}


def compare(source, folder) -> None:
    """Every line of nprint's output equals ours."""
    plain = (
        folder / "plain.pcap"
    )  # Ethernet frames of TCP, UDP and ICMP, whole, without fragments: no garbage to compare
    chosen = []
    for block in read_capture(source):
        fields = dissect(block)
        for packet, field, link in zip(block.packets(), fields, block.link.tolist(), strict=True):
            simple = link == 1 and field["status"] == 0 and field["fragment"] == 0 and len(packet.data) == packet.length
            if simple and packet.data[12:14] in (b"\x08\0", b"\x86\xdd"):
                chosen.append(packet)
    write_pcap(plain, chosen)
    for headers, flag in [(ALL, "-R"), ("ipv4,tcp,udp,icmp", "-A"), ("tcp", None)]:
        flags = [FLAGS[name] for name in headers.split(",")] + ([flag] if flag else [])
        theirs = folder / "theirs.nprint"
        subprocess.run([NPRINT, *flags, "-P", str(plain), "-W", str(theirs)], check=True, capture_output=True)
        times = {"-R": "relative", "-A": "absolute", None: "none"}[flag]
        prepare(plain, folder / "ours.nprint", headers=headers, timestamps=times)
        with theirs.open() as their_lines, (folder / "ours.nprint").open() as our_lines:
            for number, (their, our) in enumerate(zip(their_lines, our_lines, strict=True)):
                assert their == our, f"{source.name} {headers} line {number}"


@pytest.mark.skipif(NPRINT is None, reason="nprint is not installed; docs/nprint.md says how to build it")
@pytest.mark.parametrize("label", ["web", "dns", "quic", "attack-scan", "video-call"])
def test_nprint_writes_the_same(tmp_path, label) -> None:
    compare(recordings.captures()[label][0], tmp_path)


@pytest.mark.skipif(NPRINT is None, reason="nprint is not installed; docs/nprint.md says how to build it")
def test_nprint_writes_the_same_of_other_captures(tmp_path) -> None:
    for path in sorted(shared("data/apps_pcap").rglob("*.pcap"))[::10]:
        compare(path, tmp_path)
