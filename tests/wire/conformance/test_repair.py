"""Repair: the identity on what conforms, the least change to what does not, and nothing left to do afterwards."""

import itertools
import lzma
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netdiffus import check, recordings, repair
from netdiffus.errors import InputError
from netdiffus.wire.conformance.edit import items, without
from netdiffus.wire.conformance.fixes import FIRST, LAST, LATER
from netdiffus.wire.conformance.rules_engine import RULES
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.writer import write_pcap
from rule_cases import CASES
from wire_packets import ACK, FIN, MSS, NOP, PERMITTED, SYN, Packet, Talk, alone, times, udp

BY_ORDER = {
    "tcp-syn-ack", "tcp-ack-below-isn", "tcp-option-unasked", "tcp-timestamps-unasked", "tcp-timestamps-backwards",
    "tcp-timestamps-echo", "tcp-sack-unasked",
}  # fmt: skip
BY_TIME = {"file-damaged", "time-all-equal", "time-flow-equal", "time-backwards"}


def packets_of(path) -> list[Packet]:
    return [packet for block in read_capture(path) for packet in block.packets()]


def fixed(tmp_path, packets):
    """What repair says and writes of some packets; also that a second repair changes nothing."""
    source, out, again = tmp_path / "in.pcap", tmp_path / "out.pcap", tmp_path / "again.pcap"
    write_pcap(source, packets)
    for old in (out, again):  # a pcap cannot say that it is ours to replace
        old.unlink(missing_ok=True)
    done = repair(source, out)
    assert [f.rule.name for f in done.left.faults if f.rule.fix] == []
    assert repair(out, again).changes == ()
    assert packets_of(again) == packets_of(out)
    return done, packets_of(out)


def test_every_rule_that_says_how_it_is_fixed_has_a_fix() -> None:
    assert {rule.name for rule in RULES if rule.fix} == set(FIRST) | set(LATER) | set(LAST) | BY_ORDER | BY_TIME


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_what_breaks_a_rule_is_fixed_or_left(rule, tmp_path) -> None:
    if rule.name == "file-damaged":
        return
    packets = CASES[rule.name][0]
    done, out = fixed(tmp_path, packets)
    assert len(out) == len(packets)
    if not rule.fix:
        assert (done.changed, done.changes, out) == (0, (), packets)
        assert (rule in [f.rule for f in done.left.faults]) == rule.is_fault
        return
    assert rule in [changed for changed, _ in done.changes]
    assert done.changed >= 1
    assert done.left.clean
    if rule.name == "time-backwards":
        assert (done.changed, out) == (1, sorted(packets))
        return
    differ = sum(a != b for a, b in zip(packets, out, strict=True))
    assert differ == done.changed


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_what_nearly_breaks_a_rule_stays_as_it_is(rule, tmp_path) -> None:
    if rule.name == "file-damaged":
        return
    packets = CASES[rule.name][1]
    done, out = fixed(tmp_path, packets)
    assert (done.changed, done.changes, out) == (0, (), packets)


def test_fixes_are_the_smallest_ones(tmp_path) -> None:
    packets = Talk().send(0, SYN, options=MSS).send(1, SYN | ACK, options=MSS, ack=1000).send(0, ACK).packets
    _, out = fixed(tmp_path, packets)
    assert out == Talk().open().packets, "the acknowledgment is ISN + 1, and the checksum fits it"
    right = Talk().open().send(0, ACK, b"hello").packets
    bad = Talk().open().send(0, ACK, b"hello", checksum=1).packets
    assert fixed(tmp_path, bad)[1] == right
    elsewhere = Talk().open().send(0, ACK, b"hello", options=MSS + NOP * 2 + PERMITTED).packets
    assert fixed(tmp_path, elsewhere)[1] == right, "the words that become free go, and the lengths follow"
    kept = Talk().open().send(0, ACK, b"hello", options=PERMITTED + NOP * 2 + b"\xfd\4\0\0").packets
    _, out = fixed(tmp_path, kept)
    assert out == Talk().open().send(0, ACK, b"hello", options=b"\xfd\4\0\0").packets


def test_times_that_are_all_equal_are_put_a_millisecond_apart(tmp_path) -> None:
    packets = [p._replace(time_ns=0) for p in Talk().open().packets]
    done, out = fixed(tmp_path, packets)
    assert [p.time_ns for p in out] == [0, 1_000_000, 2_000_000]
    assert [(rule.name, n) for rule, n in done.changes] == [("time-all-equal", 2)]


def test_what_is_cut_off_is_dropped(tmp_path) -> None:
    source, out = tmp_path / "in.pcap", tmp_path / "out.pcap"
    write_pcap(source, Talk().open().packets)
    whole = source.read_bytes()
    source.write_bytes(whole[:-3])
    done = repair(source, out)
    assert [(rule.name, n) for rule, n in done.changes] == [("file-damaged", 1)]
    assert packets_of(out) == Talk().open().packets[:2]
    assert done.left.clean


def test_a_victim_of_rewritten_addresses_gets_its_checksums(tmp_path) -> None:
    """As tcprewrite leaves a capture when it is not told to fix sums."""

    def rewritten(frame: bytes) -> bytes:
        return frame.replace(bytes([192, 0, 2, 1]), bytes([10, 9, 8, 7]))

    packets = [p._replace(data=rewritten(p.data)) for p in Talk().open().send(0, ACK, b"data").packets]
    done, out = fixed(tmp_path, packets)
    assert done.left.clean
    assert {rule.name: n for rule, n in done.changes} == {"ipv4-checksum": 4, "tcp-checksum": 4}
    for before, after in zip(packets, out, strict=True):
        differ = [k for k, (a, b) in enumerate(zip(before.data, after.data, strict=True)) if a != b]
        assert set(differ) <= {24, 25, 50, 51}


def bits_to_packets(perfect: list[Packet]) -> list[Packet]:
    """A perfect bit image as published tools write it: no times, no sums, SYN-ACK for ISN, stray options."""
    found = []
    for packet in perfect:
        data = bytearray(packet.data)
        flags = data[47]
        data[24:26], data[50:52] = b"\0\0", b"\x12\x34"
        if flags & SYN and flags & ACK:
            data[42:46] = (int.from_bytes(data[42:46], "big") - 1).to_bytes(4, "big")
        if not flags & SYN:
            data[54:54] = PERMITTED + NOP * 2
            data[46] += 0x10
            data[16:18] = (int.from_bytes(data[16:18], "big") + 4).to_bytes(2, "big")
        found.append(Packet(0, bytes(data), len(data)))
    return found


def test_a_bit_image_written_by_published_tools_becomes_what_it_was(tmp_path) -> None:
    talk = Talk().open().send(0, ACK, b"hello" * 9).send(1, ACK, b"you").send(0, FIN | ACK).send(1, FIN | ACK)
    done, out = fixed(tmp_path, bits_to_packets(talk.packets))
    assert done.left.clean
    assert [p.data for p in out] == [p.data for p in talk.packets]
    assert {rule.name for rule, _ in done.changes} == {
        "time-all-equal", "ipv4-checksum-offload", "tcp-checksum", "tcp-sack-permitted-elsewhere", "tcp-syn-ack",
    }  # fmt: skip


def test_truncated_packets_keep_right_checksums_right(tmp_path) -> None:
    """What covers bytes that were not captured is carried along (RFC 1624): the whole packet would still be right."""
    full = Talk().open().send(0, ACK, b"hello" * 9, options=MSS).packets
    cut = [p._replace(data=p.data[:60]) for p in full]
    _, out = fixed(tmp_path, cut)
    expected = Talk().open().send(0, ACK, b"hello" * 9).packets
    assert [p.data for p in out] == [p.data[: len(o.data)] for p, o in zip(expected, out, strict=True)]
    assert out[3].length == expected[3].length


@pytest.mark.parametrize("label", recordings.labels())
def test_recordings_without_fixable_faults_stay_as_they_are(label, tmp_path) -> None:
    path = recordings.captures()[label][0]
    done = repair(path, tmp_path / "out.pcap")
    if label == "attack-scan":
        assert done.changed > 0
        return
    assert (done.changed, done.changes) == (0, ())
    assert (tmp_path / "out.pcap").read_bytes() == lzma.decompress(path.read_bytes())


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "tick"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_a_pcap_keeps_its_byte_order_and_ticks(order, magic, tick, tmp_path) -> None:
    frame = udp()
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    data += struct.pack(order + "IIII", 1000, 7, len(frame), len(frame)) + frame
    (tmp_path / "in.pcap").write_bytes(data)
    repair(tmp_path / "in.pcap", tmp_path / "out.pcap")
    assert (tmp_path / "out.pcap").read_bytes() == data
    repair(tmp_path / "in.pcap", tmp_path / "out.pcapng")
    assert packets_of(tmp_path / "out.pcapng") == [Packet(1000 * 10**9 + 7 * tick, frame, len(frame))]


RECORDED = {label: packets_of(recordings.captures()[label][0])[:120] for label in ("web", "dns", "attack-scan", "quic")}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_repair_of_any_mutation_leaves_nothing_that_it_could_fix(data, tmp_path) -> None:
    packets = list(RECORDED[data.draw(st.sampled_from(sorted(RECORDED)))])
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    for _ in range(data.draw(st.integers(1, 60))):
        k = int(rng.integers(len(packets)))
        changed = bytearray(packets[k].data)
        at = int(rng.integers(12, min(len(changed), 90)))
        if rng.random() < 0.7:
            changed[at] = int(rng.integers(256))
        else:
            del changed[at : at + int(rng.integers(1, 6))]
        length = packets[k].length if rng.random() < 0.5 else len(changed)
        when = packets[k].time_ns - (int(rng.integers(10**9)) if rng.random() < 0.1 else 0)
        packets[k] = Packet(when, bytes(changed), length)
    fixed(tmp_path, packets)


@given(
    st.lists(st.sampled_from([NOP, MSS, PERMITTED, times(1, 2), b"\xfd\5abc", b"\xfd\3a"]), max_size=9), st.randoms()
)
def test_options_are_taken_out_whole_words_at_a_time(parts, random) -> None:
    options = b"".join(parts)
    assert items(options) == parts
    drop = [random.random() < 0.5 for _ in parts]
    left = without(options, drop)
    assert (len(options) - len(left)) % 4 == 0
    assert [part for part in items(left) if part != NOP] == [
        part for part, gone in zip(parts, drop, strict=True) if not gone and part != NOP
    ]
    assert NOP * 4 not in b"".join(part if part == NOP else b"." for part in items(left))


def test_what_cannot_be_written_is_said(tmp_path) -> None:
    write_pcap(tmp_path / "in.pcap", alone(udp()))
    with pytest.raises(InputError, match=r"ends in \.pcap or \.pcapng; got .*out\.txt"):
        repair(tmp_path / "in.pcap", tmp_path / "out.txt")
    with pytest.raises(InputError, match="a file, which can be read twice; got standard input"):
        repair("-", tmp_path / "out.pcap")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.pcap"]
    assert check(tmp_path / "in.pcap").clean


def conversation() -> list[Packet]:
    talk = Talk(step_ns=100_000_000).open()
    for k in range(60):
        talk.send(0, ACK, b"question %d" % k).send(1, ACK, b"answer %d" % k)
    return talk.packets


def test_a_capture_out_of_order_becomes_the_one_in_order(tmp_path) -> None:
    packets = conversation()
    swapped = [packets[1], packets[0], packets[2], packets[4], packets[3], *packets[5:]]
    done, out = fixed(tmp_path, swapped)
    assert out == packets
    assert (done.changed, {rule.name: n for rule, n in done.changes}) == (2, {"time-backwards": 2})


def test_behind_a_clock_that_was_set_back_the_gaps_stay(tmp_path) -> None:
    packets = conversation()
    back = [p._replace(time_ns=p.time_ns - 4_000_000_000 * (k >= 50)) for k, p in enumerate(packets)]
    done, out = fixed(tmp_path, back)
    gaps = [b.time_ns - a.time_ns for a, b in itertools.pairwise(out)]
    assert gaps == [100_000_000] * 49 + [1000] + [100_000_000] * (len(packets) - 51)
    assert [p.data for p in out] == [p.data for p in packets]
    assert {rule.name: n for rule, n in done.changes} == {"time-backwards": len(packets) - 50}
