"""check and repair on the command line: what they print, their JSON, their exit codes."""

import json

import pytest

from netdiffus.cli import main as cli
from netdiffus.wire.files.pcap import write_pcap
from wire_packets import ACK, MSS, SYN, Talk


@pytest.fixture
def captures(tmp_path):
    """A clean capture and one with a wrong SYN-ACK."""
    write_pcap(tmp_path / "good.pcap", Talk().open().send(0, ACK, b"hello").packets)
    bad = Talk().send(0, SYN, options=MSS).send(1, SYN | ACK, options=MSS, ack=1000).send(0, ACK)
    write_pcap(tmp_path / "bad.pcap", bad.packets)
    return tmp_path


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = cli.run([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_check_says_what_is_wrong_and_where_it_is_written(captures, capsys) -> None:
    code, out, _ = run(capsys, "check", captures / "good.pcap")
    assert (code, out.splitlines()[-1]) == (0, "no faults")
    code, out, _ = run(capsys, "check", captures / "good.pcap", captures / "bad.pcap")
    assert code == 1
    lines = out.splitlines()
    assert "bad.pcap: 3 packets, 1 flows" in lines
    assert "flows without faults: 0; of those that begin with SYN 0 of 1" in lines
    assert lines[-3].split() == ["tcp-syn-ack", "error", "1", "1", "2"]
    assert lines[-2] == (
        "tcp-syn-ack: the SYN-ACK does not acknowledge the SYN (its sequence number + 1) (RFC 9293 section 3.5)"
    )
    assert lines[-1] == "faults: 1 rule broken"


def test_check_prints_json_with_stable_keys(captures, capsys) -> None:
    code, out, _ = run(capsys, "check", captures / "bad.pcap", captures / "good.pcap", "--json")
    said = json.loads(out)
    assert (code, said["clean"]) == (1, False)
    assert [capture["clean"] for capture in said["captures"]] == [False, True]
    assert set(said["captures"][0]) == {
        "capture", "clean", "packets", "flows", "clean_flows", "syn_flows", "clean_syn_flows", "findings",
        "not_checked",
    }  # fmt: skip
    assert said["captures"][0]["findings"] == [
        {
            "rule": "tcp-syn-ack", "severity": "error", "packets": 1, "flows": 1, "first_packet": 2,
            "source": "RFC 9293 section 3.5", "mended_by_repair": True,
            "says": "the SYN-ACK does not acknowledge the SYN (its sequence number + 1)",
        }
    ]  # fmt: skip


def test_repair_lists_its_changes(captures, capsys) -> None:
    out_path = captures / "out.pcap"
    code, out, _ = run(capsys, "repair", captures / "bad.pcap", "--out", out_path)
    assert (code, out.splitlines()[0]) == (0, "bad.pcap: 3 packets, 1 changed")
    assert "tcp-syn-ack: the acknowledgment becomes the SYN's sequence number + 1 (RFC 9293 section 3.5)" in out
    assert run(capsys, "check", out_path)[0] == 0
    code, out, _ = run(capsys, "repair", captures / "bad.pcap", "--out", captures / "out.pcapng", "--json")
    said = json.loads(out)
    assert (code, said["changed_packets"], said["left"]["clean"]) == (0, 1, True)
    assert [(change["rule"], change["packets"]) for change in said["changes"]] == [("tcp-syn-ack", 1)]


def test_what_is_no_capture_is_one_line_and_exit_2(captures, capsys) -> None:
    (captures / "x.txt").write_text("no capture")
    code, _, err = run(capsys, "check", captures / "x.txt")
    assert (code, err.count("\n")) == (2, 1)
    assert "expected a capture" in err
    code, _, err = run(capsys, "repair", captures / "good.pcap", "--out", captures / "x.csv")
    assert code == 2
    assert "expected a name that ends in .pcap or .pcapng" in err
