"""What a model would draw becomes a capture that other tools accept, with labels and an account of the changes.

Drawn series are played by those of real flows: everything behind the model is the same.
"""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bench import gates
from netdiffus.api.verbs import evaluate, prepare
from netdiffus.cli.descriptions import print_info
from netdiffus.compiler import FlowRows, concatenate
from netdiffus.compiler.features.codec import FieldsCodec, first_packets
from netdiffus.errors import InputError
from netdiffus.steps.outputs.capture import write_capture
from netdiffus.steps.outputs.capture_config import CaptureConfig, is_capture_name
from netdiffus.steps.outputs.order import DrawnFlows
from netdiffus.traffic.flows.reader import flows_of_capture
from netdiffus.traffic.labels.names import labels_path
from netdiffus.wire.conformance.check import check_capture
from netdiffus.wire.files.reader import read_capture
from real_sessions import recorded

LABELS = ("attack-scan", "dns", "quic", "ssh", "web")
MADE_BY = {"netdiffus": "0.0", "model": "ab" * 32}


def drawn(names=LABELS, length: int = 32, each: int = 40) -> FlowRows:
    """Real flows through the channels of a model and back."""
    parts = [first_packets(recorded(label)[0], length) for label in names]
    rows = concatenate([part.select(np.arange(len(part)) < each) for part in parts])
    codec = FieldsCodec.fit(rows, length)
    return codec.decode(codec.encode(rows)[0], rows.labels, np.random.default_rng(0))[0]


def labels(capture: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(labels_path(capture).read_text().splitlines()))


def write(out: Path, rows: FlowRows | None = None, seed: int = 0, **options):
    gaps = np.array([10**6, 10**8], np.int64)
    flows = DrawnFlows(rows or drawn(), {"a reason": 2})
    return write_capture(out, flows, gaps, CaptureConfig.of(**options), seed, MADE_BY)


def test_names() -> None:
    assert is_capture_name(Path("x.pcap"))
    assert is_capture_name(Path("x.PCAPNG"))
    assert not is_capture_name(Path("x.parquet"))


@pytest.mark.parametrize("form", [".pcap", ".pcapng"])
@pytest.mark.parametrize("link", ["ethernet", "raw"])
def test_the_capture_passes_every_gate(form, link, tmp_path) -> None:
    out = tmp_path / f"made{form}"
    written = write(out, link=link)
    found = check_capture(out)
    assert found.clean, found
    assert found.packets == written.packets
    read = flows_of_capture(out, timeout_s=2e7)
    assert len(read.flows) == written.flows
    assert gates.in_order(out) in (True, None)
    assert not gates.tcpdump(out)
    if shutil.which("tshark"):
        said = gates.tshark(out) or {}
        assert {word for words in said.values() for word in words} <= {"Connection reset (RST)"}
    if link == "ethernet" and shutil.which("ndpiReader"):
        assert gates.ndpi_flows(out) == written.flows


def test_labels_lie_beside_and_in_the_comments(tmp_path) -> None:
    out = tmp_path / "made.pcapng"
    written = write(out)
    table = labels(out)
    assert len(table) == written.flows
    assert Counter(row["label"] for row in table) == Counter(dict.fromkeys(LABELS, 40))
    assert sum(int(row["packets"]) for row in table) == written.packets
    data = out.read_bytes()
    assert b"synthetic, netdiffus 0.0, model abababababababab, seed 0" in data
    assert data.count(b"label: ssh") == 40
    starts = [int(row["start_ns"]) for row in table]
    assert starts == sorted(starts)
    assert len({row["label"] for row in table[:20]}) > 2, "labels are mixed in time"


def test_the_account_names_every_change(tmp_path) -> None:
    rows = drawn()
    plain = write(tmp_path / "a.pcap", rows)
    rows.rows["flags"][rows.first[0]] = 0x006  # SYN and RST
    written = write(tmp_path / "b.pcap", rows)
    account = json.loads((tmp_path / "b.pcap.json").read_text())
    assert account["model"] == MADE_BY["model"]
    assert account["packets_asked"] == len(rows.rows)
    assert account["packets_asked"] - account["packets_left_out"] == account["packets_written"] == written.packets
    assert account["not_as_drawn"] == {"a reason": 2}
    rules = account["changed_by_rule"]
    assert rules["flags"]["packets"] == plain.changes.by_rule.get("flags", 0) + 1
    assert rules["flags"]["source"] == "RFC 9293 3.10.7"


def test_seeds(tmp_path) -> None:
    rows = drawn(("dns",))
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write(tmp_path / f"{name}.pcap", rows, seed)
    a, b, c = ((tmp_path / f"{name}.pcap").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_one_file_per_label(tmp_path) -> None:
    written = write(tmp_path / "made.pcap", per_label=True)
    assert [path.name for path in written.files] == [f"made.{label}.pcap" for label in LABELS]
    for path, packets in written.files.items():
        found = check_capture(path)
        assert found.clean
        assert found.packets == packets
        table = labels(path)
        assert {row["label"] for row in table} == {path.name.split(".")[1]}
    assert not (tmp_path / "made.pcap").exists()


def test_an_old_result_of_ours_is_replaced_and_a_users_files_are_not(tmp_path) -> None:
    out, rows = tmp_path / "made.pcap", drawn(("dns",), each=4)
    for seed in (1, 2):
        write(out, rows, seed)
    theirs = {"made.pcap.labels.csv": "mine", "made.pcap.json": "{}", "made.pcap": "mine"}
    for name, text in theirs.items():
        shutil.rmtree(tmp_path / "other", ignore_errors=True)
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / name).write_text(text)
        with pytest.raises(InputError, match=f"that netdiffus wrote it, for --out; got .*other/{name}, which is there"):
            write(tmp_path / "other" / "made.pcap", rows)
        assert [path.read_text() for path in (tmp_path / "other").iterdir()] == [text]
    with labels_path(out).open("a") as file:
        file.write("dns,udp,10.0.0.1,1,10.0.0.2,53,0,1\n")
    with pytest.raises(InputError, match=r"got .*made\.pcap\.labels\.csv, which is there already and does not"):
        write(out, rows)


def test_a_mixture_of_two_results_is_refused_by_readers(tmp_path) -> None:
    rows = drawn(("dns", "ntp"), each=4)
    for name, seed in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "made.pcap", rows, seed)
    mixed = tmp_path / "a" / "made.pcap"
    words = r"files of one result .*; got a mixture: made\.pcap.* is not the one that made\.pcap\.json was written with"
    for name in ("made.pcap", "made.pcap.labels.csv", "made.pcap.json"):
        before = (tmp_path / "a" / name).read_bytes()
        shutil.copy(tmp_path / "b" / name, tmp_path / "a" / name)
        for read in (
            lambda: print_info(mixed),
            lambda: prepare(mixed, tmp_path / "ds", labels=str(labels_path(mixed))),
            lambda: prepare(tmp_path / "a", tmp_path / "ds"),
            lambda: evaluate(mixed, mixed, tmp_path / "report"),
        ):
            with pytest.raises(InputError, match=words):
                read()
        (tmp_path / "a" / name).write_bytes(before)
    print_info(mixed)
    prepare(mixed, tmp_path / "ds", labels=str(labels_path(mixed)))


def test_a_mixture_of_labels_is_refused(tmp_path) -> None:
    rows = drawn(("dns", "ntp"), each=4)
    for name, seed in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "made.pcap", rows, seed, per_label=True)
    print_info(tmp_path / "a" / "made.dns.pcap")
    for path in (tmp_path / "b").glob("made.ntp.*"):
        shutil.copy(path, tmp_path / "a")
    with pytest.raises(InputError, match=r"a mixture: made\.ntp\.pcap is not the one that made\.dns\.pcap\.json"):
        print_info(tmp_path / "a" / "made.dns.pcap")


def test_a_link_is_followed(tmp_path) -> None:
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "x.pcap").write_bytes(b"")
    (tmp_path / "made.pcap").symlink_to("away/x.pcap")
    (tmp_path / "away" / "x.pcap").unlink()
    with pytest.raises(InputError, match="a link to what does not exist"):
        write(tmp_path / "made.pcap", drawn(("dns",), each=4))
    write(tmp_path / "away" / "x.pcap", drawn(("dns",), each=4), 1)
    write(tmp_path / "made.pcap", drawn(("dns",), each=4), 2)
    assert (tmp_path / "made.pcap").is_symlink()
    assert len(list((tmp_path / "away").iterdir())) == 3
    print_info(tmp_path / "made.pcap")


def test_networks_payload_and_rate(tmp_path) -> None:
    out = tmp_path / "made.pcap"
    write(
        out,
        drawn(("ntp",)),
        client_net=["192.168.7.0/24", "fd00::/64"],
        server_net=["203.0.113.0/24", "fd01::/64"],
        payload="zero",
        rate=1000.0,
    )
    table = labels(out)
    assert all(row["client"].startswith(("192.168.7.", "fd00::")) for row in table)
    assert all(row["server"].startswith(("203.0.113.", "fd01::")) for row in table)
    starts = np.array([int(row["start_ns"]) for row in table])
    assert 10**5 < np.diff(starts).mean() < 10**7, "about a thousand a second"
    for block in read_capture(out):
        for packet in block.packets():
            assert not any(packet.data[14 + (28 if packet.data[14] >> 4 == 4 else 48) :])


def test_what_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="--rate or --duration; got both"):
        write(tmp_path / "x.pcap", rate=1.0, duration=2.0)
    with pytest.raises(InputError, match=r"a network such as 10\.0\.0\.0/8.*; got 'here'; correct it"):
        write(tmp_path / "x.pcap", client_net=["here"])
    with pytest.raises(InputError, match="payload"):
        write(tmp_path / "x.pcap", payload="secret")
    assert not list(tmp_path.iterdir())
