"""Checking whole captures: files of every kind, blocks, truncation, flows, and what the recordings hold."""

import gzip
import io
import json

import numpy as np
import pytest

from netdiffus import check, recordings
from netdiffus.errors import InputError
from netdiffus.wire.conformance.check import check_blocks
from netdiffus.wire.conformance.flows import Flows
from netdiffus.wire.conformance.rules_engine import FAULTS, NUMBER, Judge
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.writer import write_pcap
from wire_packets import ACK, FIN, MSS, SYN, Packet, Talk, alone, block_of, icmp, tcp, udp

CLEAN = Talk().open().send(0, ACK, b"hello").send(1, ACK, b"you").send(0, FIN | ACK).send(1, FIN | ACK).send(0, ACK)


def names(result) -> dict[str, tuple[int, int, int]]:
    return {f.rule.name: (f.packets, f.flows, f.first) for f in result.findings}


def pcap(packets) -> bytes:
    file = io.BytesIO()
    write_pcap(file, packets)
    return file.getvalue()


def test_a_clean_connection_is_clean(tmp_path) -> None:
    path = tmp_path / "clean.pcap.gz"
    path.write_bytes(gzip.compress(pcap(CLEAN.packets)))
    result = check(path)
    assert result.clean
    assert (result.packets, result.flows, result.clean_flows, result.syn_flows, result.clean_syn_flows) == (
        8,
        1,
        1,
        1,
        1,
    )
    assert result.findings == ()
    assert json.loads(json.dumps(result.to_dict()))["clean"] is True


def test_packets_flows_and_the_first_example_are_counted() -> None:
    other = Talk(port=41000).open().send(0, ACK, b"a", reserved=4).send(0, ACK, b"b", reserved=4)
    result = check_blocks(
        "x", [block_of(CLEAN.packets), block_of([p._replace(time_ns=2 * p.time_ns) for p in other.packets])]
    )
    assert names(result) == {"tcp-reserved-bits": (2, 1, 12)}
    assert (result.flows, result.clean_flows) == (2, 1)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_blocks_make_no_difference(size) -> None:
    packets = Talk().open().skip(0, 5).send(0, ACK, b"a").send(1, ACK, ack=1001).send(0, ACK, b"b", reserved=2).packets
    whole = check_blocks("x", [block_of(packets)])
    parts = check_blocks("x", [block_of(packets[k : k + size]) for k in range(0, len(packets), size)])
    assert parts == whole
    assert not whole.clean


def test_a_damaged_file_is_a_fault_and_its_packets_are_still_checked(tmp_path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(pcap(CLEAN.packets)[:-7])
    result = check(path)
    assert names(result) == {"file-damaged": (1, 0, 7)}
    assert not result.clean
    assert "file ends inside a packet record" in result.not_checked


def test_no_cut_of_a_right_packet_is_a_fault() -> None:
    options = MSS + b"\4\2" + b"\1" * 2
    frames = [
        *(p.data for p in CLEAN.packets), udp(b"x" * 30), udp(b"x" * 30, version=6), icmp(),
        tcp(1, 0, SYN, options=options, version=6),
    ]  # fmt: skip
    for frame in frames:
        for size in range(1, len(frame)):
            packet = Packet(1, frame[:size], len(frame))
            result = check_blocks("x", [block_of([packet])])
            assert result.faults == (), (size, frame)


def test_bytes_that_were_not_captured_are_counted_as_not_checked() -> None:
    packets = [Packet(1, udp(b"x" * 30)[:50], 72), Packet(2, b"\2" * 12 + b"\x08\x06" + b"\0" * 46, 60)]
    result = check_blocks("x", [block_of(packets)])
    assert result.clean
    assert result.not_checked == {
        "UDP checksum: payload was not captured whole, or the packet is a fragment": 1,
        "not IP: ARP": 1,
    }


def test_a_checksum_may_be_either_zero_of_ones_complement() -> None:
    """Some stacks send 0xFFFF where the sum comes out as 0: equal in ones' complement (RFC 1071, RFC 1624)."""
    seen = 0
    for seq in range(1001, 200_000):
        frame = tcp(seq, 5001, ACK)
        if frame[50:52] == b"\0\0":
            packets = CLEAN.packets[:3] + [Packet(CLEAN.packets[3].time_ns, frame[:50] + b"\xff\xff" + frame[52:], 54)]
            assert "tcp-checksum" not in names(check_blocks("x", [block_of(packets)]))
            assert "tcp-checksum" not in names(check_blocks("x", [block_of(packets[:3] + alone(frame))]))
            seen += 1
            break
    assert seen


def test_a_new_syn_begins_a_flow_and_the_same_again_does_not() -> None:
    first = Talk().open().send(0, FIN | ACK)
    again = Talk(start_ns=first.packets[-1].time_ns + 1)
    again.next = [70_000, 90_000]
    again.open()
    result = check_blocks("x", [block_of(first.packets + again.packets)])
    assert (result.flows, result.findings) == (2, ())
    twice = Talk().send(0, SYN, options=MSS).send(0, SYN, options=MSS, seq=1000).send(1, SYN | ACK, options=MSS)
    result = check_blocks("x", [block_of(twice.packets)])
    assert (result.flows, list(names(result))) == (1, ["tcp-retransmission"])


def test_memory_is_bounded_by_closing_the_flows_that_are_silent_longest() -> None:
    judge = Judge()
    judge.flows = Flows(FAULTS, NUMBER["time-flow-equal"], max_flows=64)
    for n in range(0, 1000, 20):
        frames = [Packet(10**9 + n + k, udp(ports=(1000 + n + k, 53)), 47) for k in range(20)]
        judge.judge(block_of(frames))
        assert len(judge.flows.sides) <= 2048
    judge.flows.close()
    assert judge.flows.counts["flows"] == 1000
    assert judge.flows.counts["clean"] == 1000
    assert judge.flows.forgotten > 0


def test_what_is_no_capture_is_said(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("Dear reader, this is no capture at all.")
    with pytest.raises(InputError, match="expected a capture"):
        check(tmp_path / "notes.txt")


LOSS = {"tcp-segment-missing", "tcp-out-of-order", "tcp-ack-unseen", "tcp-zero-window", "tcp-window-full"}
PROBES = {
    "tcp-no-ack", "tcp-reserved-bits", "tcp-mss-elsewhere", "tcp-window-scale-elsewhere",
    "tcp-sack-permitted-elsewhere",
}  # fmt: skip
"""What nmap sends on purpose to tell operating systems apart."""


@pytest.mark.parametrize("label", recordings.labels())
def test_the_recordings_hold_nothing_but_loss_closed_windows_and_probes(label) -> None:
    for path in recordings.captures()[label]:
        result = check(path)
        assert {f.rule.name for f in result.faults} <= LOSS | (PROBES if label == "attack-scan" else set())
        assert result.clean_flows >= 0.35 * result.flows
        if label in ("dns", "ntp", "quic", "video-call", "voice-call"):
            assert result.clean


def test_every_packet_is_judged_once() -> None:
    path = recordings.captures()["web"][0]
    n = sum(len(block) for block in read_capture(path))
    result = check(path)
    assert result.packets == n
    assert all(0 < f.first <= n and f.flows <= f.packets for f in result.findings)
    assert np.count_nonzero(FAULTS) > 60


def test_a_capture_out_of_order_is_judged_in_order(tmp_path) -> None:
    packets = Talk().open().send(0, ACK, b"question").send(1, ACK, b"answer").packets
    path = tmp_path / "swapped.pcap"
    path.write_bytes(pcap([packets[1], packets[0], packets[2], packets[4], packets[3]]))
    result = check(path)
    assert names(result) == {"time-backwards": (2, 1, 2)}
    assert result.flows == 1
    path.write_bytes(pcap([packets[1], packets[0], packets[2], packets[4]._replace(length=9), packets[3]]))
    assert names(check(path))["record-length"] == (1, 1, 4)  # its number in the file
