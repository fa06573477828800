"""Every rule: packets that break it and nothing else, and packets that nearly do."""

import struct

import pytest

from netdiffus.wire.conformance.check import check_blocks
from netdiffus.wire.conformance.rules import SEVERITIES
from netdiffus.wire.conformance.rules_engine import RULES
from wire_packets import (
    ACK,
    END,
    FIN,
    MACS,
    MSS,
    NOP,
    PERMITTED,
    PSH,
    RST,
    SCALE,
    START_NS,
    SYN,
    URG,
    Packet,
    Talk,
    alone,
    block_of,
    ethernet,
    icmp,
    icmp6,
    internet_sum,
    ip,
    ipv4,
    ipv6,
    pseudo,
    sack,
    sctp,
    tcp,
    times,
    udp,
    udp_segment,
)  # fmt: skip

# ruff: noqa: E501
OTHER = 253  # a protocol number for experiments: nothing is judged inside
PLAIN = b"x" * 40
ALL = MSS + PERMITTED + times(100, 0)
ANSWER = MSS + PERMITTED + times(900, 100)


def v4(payload=PLAIN, protocol=OTHER, **other) -> bytes:
    return ip(4, payload, protocol, **other)


def v6(payload=PLAIN, following=OTHER, **other) -> bytes:
    return ip(6, payload, following, **other)


def stamp(value: int, echo: int) -> bytes:
    return NOP * 2 + times(value, echo)


def stamped() -> Talk:
    """A connection with timestamps and SACK, after its handshake."""
    return Talk().open(ALL, ANSWER, stamp(101, 900))


def wrong(frame: bytes, place: int) -> bytes:
    """A frame with two bytes that are not what they were."""
    return frame[:place] + bytes([frame[place] ^ 0x55, frame[place + 1] ^ 0x33]) + frame[place + 2 :]


def at_once(packets: list[Packet]) -> list[Packet]:
    return [packet._replace(time_ns=START_NS) for packet in packets]


def fragment(start: int, size: int, more: bool, number: int = 5) -> bytes:
    return v4(b"y" * size, place=(0x2000 if more else 0) | start // 8, number=number)


def fragment6(start: int, size: int, more: bool) -> bytes:
    return v6(struct.pack("!BBHI", OTHER, 0, start | more, 9) + b"y" * size, 44)


def talk8() -> list[Packet]:
    return (
        Talk().open().send(0, ACK, b"a").send(1, ACK, b"b").send(0, ACK, b"c").send(1, ACK).send(0, ACK, b"d").packets
    )


def later(packets: list[Packet], ns: int) -> list[Packet]:
    return [packet._replace(time_ns=packet.time_ns + ns) for packet in packets]


TWO = alone(udp(b"one"), udp(b"two"))
INNER = ipv4(b"\0" * 8, 17)
HOP_BY_HOP = struct.pack("!BB", 60, 0) + b"\1\4\0\0\0\0"
TO_END = struct.pack("!BB", OTHER, 0) + b"\1\4\0\0\0\0"
ND = b"\0" * 20

# rule: (what breaks it, what nearly does)
CASES = {
    "time-all-equal": (at_once(TWO), TWO),
    "time-flow-equal": (
        at_once(talk8()) + later(TWO, 10**9),
        at_once(talk8()[:7]) + later(TWO, 10**9),
    ),
    "time-backwards": (TWO[::-1], at_once(TWO) + later(alone(udp(b"three")), 1)),
    "packet-duplicate": (alone(udp(), udp()), alone(udp(number=1), udp(number=2))),
    "record-length": (alone(udp(), length=40), alone(udp())),
    "link-short": (alone(b"\2" * 10), alone(b"\2" * 10, length=60)),
    "ethernet-source-group": (
        alone(ethernet(ipv4(PLAIN, OTHER), source=b"\3" + MACS[0][1:])),
        alone(ethernet(ipv4(PLAIN, OTHER), to=b"\3" + MACS[0][1:])),
    ),
    "ethernet-address-zero": (
        alone(ethernet(ipv4(PLAIN, OTHER), to=b"\0" * 6)),
        alone(ethernet(ipv4(PLAIN, OTHER), to=b"\0" * 6, source=b"\0" * 6)),
    ),
    "ethernet-above-mtu": (alone(v4(b"x" * 1481)), alone(v4(b"x" * 1480))),
    "ethernet-trailer": (alone(v4() + b"\0" * 4), alone(v4(b"x" * 20) + b"\0" * 6)),
    "ip-version": (alone(ethernet(ipv4(PLAIN, OTHER, version=5), kind=0x0800)), alone(v4())),
    "ipv4-header-length": (alone(v4(words=4)), alone(v4(words=5))),
    "ipv4-header": (alone(v4()[:30]), alone(v4()[:30], length=74)),
    "ipv4-total-length": (alone(v4(total=61)), alone(v4(total=60))),
    "ipv4-total-length-zero": (alone(v4(total=0)), alone(v4())),
    "ipv4-checksum": (alone(wrong(v4(), 24)), alone(v4())),
    "ipv4-checksum-offload": (alone(v4(checksum=0)), alone(v4())),
    "ipv4-reserved-flag": (alone(v4(place=0x8000)), alone(v4(place=0x4000))),
    "ipv4-df-fragment": (alone(v4(place=0x6000)), alone(v4(place=0x2000))),
    "ipv4-fragment-size": (alone(fragment(0, 12, True)), alone(fragment(8, 12, False))),
    "ipv4-fragment-end": (alone(fragment(65528, 8, False)), alone(fragment(65504, 8, False))),
    "ipv4-ttl-zero": (alone(v4(ttl=0)), alone(v4(ttl=1))),
    "ipv4-source": (alone(v4(source="224.0.0.1")), alone(v4(to="224.0.0.1"))),
    "ipv4-destination": (alone(v4(to="0.0.0.0")), alone(v4(to="0.0.0.1"))),
    "ipv4-options": (alone(v4(options=b"\7\1\4\0")), alone(v4(options=b"\7\3\4\0"))),
    "ipv4-nops": (alone(v4(options=NOP * 4)), alone(v4(options=NOP * 3 + END))),
    "ipv4-protocol": (alone(v4(protocol=58)), alone(icmp())),
    "ipv6-header": (alone(v6()[:44]), alone(v6()[:44], length=94)),
    "ipv6-payload-length": (alone(v6(size=41)), alone(v6(size=40))),
    "ipv6-payload-length-zero": (alone(v6(size=0)), alone(v6(b"", 59, size=0))),
    "ipv6-hop-limit-zero": (alone(v6(hops=0)), alone(v6(hops=1))),
    "ipv6-source": (alone(v6(source="ff02::1")), alone(v6(to="ff02::1"))),
    "ipv6-destination": (alone(v6(to="::")), alone(v6(to="::2"))),
    "ipv6-extension-order": (
        alone(v6(b"\0" + HOP_BY_HOP[1:] + TO_END + PLAIN, 60)),
        alone(v6(HOP_BY_HOP + TO_END + PLAIN, 0)),
    ),
    "ipv6-extension-length": (
        alone(v6(struct.pack("!BB", OTHER, 9) + b"\1\116" + b"\0" * 36, 0)),
        alone(v6(struct.pack("!BB", OTHER, 4) + b"\1\44" + b"\0" * 36, 0)),
    ),
    "ipv6-options": (
        alone(v6(struct.pack("!BB", OTHER, 0) + b"\1\5\0\0\0\0" + PLAIN, 0)),
        alone(v6(struct.pack("!BB", OTHER, 0) + b"\1\4\0\0\0\0" + PLAIN, 0)),
    ),
    "ipv6-fragment-size": (alone(fragment6(0, 12, True)), alone(fragment6(8, 12, False))),
    "ipv6-fragment-end": (alone(fragment6(65528, 8, False)), alone(fragment6(65504, 8, False))),
    "ipv6-protocol": (alone(v6(following=1)), alone(icmp6())),
    "fragment-overlap": (
        alone(fragment(0, 16, True), fragment(8, 16, False)),
        alone(fragment(0, 16, True), fragment(16, 16, False), fragment(8, 16, False, 6)),
    ),
    "udp-short": (alone(v4(b"x" * 7, 17)), alone(udp(b""))),
    "udp-length-under-8": (alone(udp(b"", size=7)), alone(udp(b"", size=8))),
    "udp-length-over": (alone(udp(size=14)), alone(udp(size=13))),
    "udp-length-less": (
        alone(ip(4, udp_segment(b"four") + b"x", 17)),
        alone(ip(4, udp_segment(b"four"), 17) + b"\0" * 14),
    ),
    "udp-port-zero": (alone(udp(ports=(40000, 0))), alone(udp(ports=(0, 53)))),
    "udp-checksum": (alone(wrong(udp(), 40)), alone(udp(checksum=0))),
    "udp-checksum-offload": (
        alone(udp(checksum=0xFFFF - internet_sum(pseudo(4, 0, 17, 13)))),
        alone(udp()),
    ),
    "udp-no-checksum": (alone(udp(version=6, checksum=0)), alone(udp(version=6))),
    "udp-no-checksum-cut": (
        alone(udp(b"x" * 30, version=6, checksum=0)[:70], length=92),
        alone(udp(b"x" * 30, version=6)[:70], length=92),
    ),
    "sctp-short": (alone(ip(4, b"\1\2\3\4" * 2, 132)), alone(sctp(b""))),
    "sctp-port-zero": (alone(sctp(ports=(0, 7))), alone(sctp(ports=(1, 7)))),
    "sctp-checksum": (alone(wrong(sctp(), 43)), alone(sctp())),
    "sctp-checksum-offload": (alone(sctp(checksum=0)), alone(sctp(version=6))),
    "icmp-short": (alone(icmp(rest=b"\0\7")), alone(icmp(rest=b"\0\7\0\1"))),
    "icmp-checksum": (alone(wrong(icmp(), 36)), alone(icmp())),
    "icmp-type": (alone(icmp(kind=99)), alone(icmp(kind=0))),
    "icmp-code": (alone(icmp(code=1)), alone(icmp(kind=3, code=13, rest=b"\0" * 4 + INNER))),
    "icmp-embedded": (alone(icmp(kind=3, rest=b"\0" * 4 + INNER[:27])), alone(icmp(kind=3, rest=b"\0" * 4 + INNER))),
    "icmpv6-checksum": (alone(wrong(icmp6(), 56)), alone(icmp6())),
    "icmpv6-type": (alone(icmp6(kind=99)), alone(icmp6(kind=129))),
    "icmpv6-embedded": (
        alone(icmp6(kind=1, rest=b"\0" * 4 + ipv6(b"", 59)[:39])),
        alone(icmp6(kind=1, rest=b"\0" * 4 + ipv6(b"", 59))),
    ),
    "icmpv6-hop-limit": (alone(icmp6(kind=135, rest=ND, hops=64)), alone(icmp6(kind=135, rest=ND, hops=255))),
    "tcp-short": (alone(v4(b"\0\1\0\2" + b"\0" * 8, 6)), alone(tcp(1, 0, SYN, options=MSS))),
    "tcp-data-offset": (alone(tcp(1, 0, RST, words=4)), alone(tcp(1, 0, RST, words=5))),
    "tcp-checksum": (Talk().open().send(0, ACK, b"a", checksum=0x1234).packets, Talk().open().send(0, ACK, b"a").packets),
    "tcp-checksum-offload": (
        Talk().open().send(0, ACK, b"a", checksum=0xFFFF - internet_sum(pseudo(4, 0, 6, 21))).packets,
        Talk().open().send(0, ACK, b"a").packets,
    ),
    "tcp-port-zero": (alone(tcp(1, 0, SYN, options=MSS, ports=(40000, 0))), alone(tcp(1, 0, SYN, options=MSS, ports=(1, 2)))),
    "tcp-syn-fin": (alone(tcp(1, 0, SYN | FIN, options=MSS)), alone(tcp(1, 0, SYN | PSH, options=MSS))),
    "tcp-no-ack": (Talk().open().send(0, PSH, b"a").packets, Talk().open().send(0, PSH | ACK, b"a").packets),
    "tcp-reserved-bits": (
        Talk().open().send(0, ACK, b"a", reserved=2).packets,
        Talk().open().send(0, ACK, b"a", reserved=1).packets,
    ),
    "tcp-urgent-pointer": (
        Talk().open().send(0, ACK, b"a", urgent=1).packets,
        Talk().open().send(0, ACK | URG, b"a", urgent=1).packets,
    ),
    "tcp-unused-ack": (alone(tcp(1, 9, SYN, options=MSS)), alone(tcp(1, 0, SYN, options=MSS))),
    "tcp-reset": (Talk().open().send(0, RST | ACK).packets, Talk().open().send(0, FIN | ACK).packets),
    "tcp-option-length": (
        Talk().open().send(0, ACK, b"a", options=b"\xfd\5\0\0").packets,
        Talk().open().send(0, ACK, b"a", options=b"\xfd\4\0\0").packets,
    ),
    "tcp-option-after-end": (
        Talk().open().send(0, ACK, b"a", options=b"\0\7\0\0").packets,
        Talk().open().send(0, ACK, b"a", options=b"\0\0\0\0").packets,
    ),
    "tcp-option-nops": (
        Talk().open().send(0, ACK, b"a", options=NOP * 4).packets,
        Talk().open().send(0, ACK, b"a", options=NOP * 3 + END).packets,
    ),
    "tcp-option-repeated": (Talk().open(MSS + MSS).packets, Talk().open(MSS).packets),
    "tcp-mss-elsewhere": (Talk().open().send(0, ACK, b"a", options=MSS).packets, Talk().open().send(0, ACK, b"a").packets),
    "tcp-window-scale-elsewhere": (
        Talk().open(MSS + SCALE + NOP).send(0, ACK, b"a", options=SCALE + NOP).packets,
        Talk().open(MSS + SCALE + NOP).send(0, ACK, b"a").packets,
    ),
    "tcp-sack-permitted-elsewhere": (
        Talk().open().send(0, ACK, b"a", options=NOP * 2 + PERMITTED).packets,
        Talk().open(MSS + NOP * 2 + PERMITTED).packets,
    ),
    "tcp-sack-on-syn": (
        alone(tcp(1, 0, SYN, options=MSS + NOP * 2 + sack((5, 9)))),
        alone(tcp(1, 0, SYN, options=MSS + NOP * 2 + PERMITTED)),
    ),
    "tcp-syn-without-mss": (alone(tcp(1, 0, SYN)), alone(tcp(1, 0, SYN, options=MSS))),
    "tcp-window-scale-over-14": (
        alone(tcp(1, 0, SYN, options=MSS + b"\3\3\17\1")),
        alone(tcp(1, 0, SYN, options=MSS + b"\3\3\16\1")),
    ),
    "tcp-sack-blocks": (
        stamped().send(1, ACK, b"b" * 9, options=stamp(901, 101)).send(0, ACK, options=stamp(102, 901) + NOP * 2 + sack((5010, 5010)), ack=5001).packets,
        stamped().send(1, ACK, b"b" * 9, options=stamp(901, 101)).send(0, ACK, options=stamp(102, 901) + NOP * 2 + sack((5005, 5010)), ack=5001).packets,
    ),
    "tcp-dsack": (
        stamped().send(1, ACK, b"b" * 9, options=stamp(901, 101)).send(0, ACK, options=stamp(102, 901) + NOP * 2 + sack((5001, 5010))).packets,
        stamped().send(1, ACK, b"b" * 9, options=stamp(901, 101)).send(0, ACK, options=stamp(102, 901)).packets,
    ),
    "tcp-syn-ack": (
        Talk().send(0, SYN, options=MSS).send(1, SYN | ACK, options=MSS, ack=1000).packets,
        Talk().send(0, SYN, options=MSS).send(1, SYN | ACK, options=MSS, ack=1001).packets,
    ),
    "tcp-ack-below-isn": (
        Talk().send(0, SYN, options=MSS).send(1, SYN | ACK, options=MSS).send(0, ACK, ack=5000).packets,
        Talk().send(0, SYN, options=MSS).send(1, SYN | ACK, options=MSS).send(0, ACK, ack=5001).packets,
    ),
    "tcp-ack-unseen": (Talk().open().send(0, ACK, b"a", ack=5002).packets, Talk().open().send(0, ACK, b"a", ack=5001).packets),
    "tcp-segment-missing": (Talk().open().skip(0, 9).send(0, ACK, b"a").packets, Talk().open().send(0, ACK, b"a").packets),
    "tcp-out-of-order": (
        Talk().open().send(0, ACK, b"a" * 9).send(0, ACK, b"a", seq=1005, wait_ns=1).packets,
        Talk().open().send(0, ACK, b"a" * 9).send(0, ACK, b"a", seq=1010, wait_ns=1).packets,
    ),
    "tcp-retransmission": (
        Talk().open().send(0, ACK, b"a" * 9).send(0, ACK, b"a" * 9, seq=1001).packets,
        Talk().open().send(0, ACK, b"a" * 9).send(0, ACK, seq=1009).packets,  # a keep-alive
    ),
    "tcp-zero-window": (Talk().open().send(0, ACK, window=0).packets, Talk().open().send(0, RST, window=0).packets),
    "tcp-window-full": (
        Talk().open(window=500).send(0, ACK, b"a" * 500).packets,
        Talk().open(window=500).send(0, ACK, b"a" * 499).packets,
    ),
    "tcp-window-passed": (
        Talk().send(0, SYN, options=MSS).send(1, SYN | ACK, options=MSS, window=100).send(0, ACK).send(0, ACK, b"a" * 101).packets,
        Talk().send(0, SYN, options=MSS).send(1, SYN | ACK, options=MSS, window=100).send(0, ACK).send(0, ACK, b"a" * 99).packets,
    ),
    "tcp-before-answer": (Talk().send(0, SYN, options=MSS).send(0, ACK, b"a").packets, Talk().send(0, SYN, options=MSS).send(0, RST).packets),
    "tcp-after-fin": (Talk().open().send(0, FIN | ACK).send(0, ACK, b"a").packets, Talk().open().send(0, FIN | ACK).send(0, ACK).packets),
    "tcp-after-reset": (Talk().open().send(0, RST).send(0, ACK).packets, Talk().open().send(0, RST).send(0, RST).packets),
    "tcp-no-handshake": (alone(tcp(5, 9, ACK)), alone(tcp(5, 0, SYN, options=MSS))),
    "tcp-option-unasked": (
        Talk().send(0, SYN, options=MSS).send(1, SYN | ACK, options=MSS + NOP + SCALE).packets,
        Talk().send(0, SYN, options=MSS + NOP + SCALE).send(1, SYN | ACK, options=MSS).packets,
    ),
    "tcp-timestamps-unasked": (
        Talk().open().send(0, ACK, b"a", options=stamp(1, 2)).packets,
        stamped().send(0, ACK, b"a", options=stamp(101, 900)).packets,
    ),
    "tcp-timestamps-missing": (stamped().send(0, ACK, b"a").packets, stamped().send(0, RST).packets),
    "tcp-timestamps-backwards": (
        stamped().send(0, ACK, b"a", options=stamp(99, 900)).packets,
        stamped().send(0, ACK, b"a", options=stamp(101, 900)).packets,
    ),
    "tcp-timestamps-echo": (
        stamped().send(0, ACK, b"a", options=stamp(101, 901)).packets,
        stamped().send(1, ACK, b"b", options=stamp(950, 101)).send(0, ACK, b"a", options=stamp(101, 900)).packets,
    ),
    "tcp-sack-unasked": (
        Talk().open().send(1, ACK, b"b" * 9).send(0, ACK, ack=5001, options=NOP * 2 + sack((5005, 5010))).packets,
        Talk().open(MSS + NOP * 2 + PERMITTED).send(1, ACK, b"b" * 9).send(0, ACK, ack=5001, options=NOP * 2 + sack((5005, 5010))).packets,
    ),
    "tcp-sack-unsent": (
        Talk().open(MSS + NOP * 2 + PERMITTED).send(1, ACK, b"b" * 9).send(0, ACK, ack=5001, options=NOP * 2 + sack((5005, 5011))).packets,
        Talk().open(MSS + NOP * 2 + PERMITTED).send(1, ACK, b"b" * 9).send(0, ACK, ack=5001, options=NOP * 2 + sack((5005, 5010))).packets,
    ),
}  # fmt: skip

ALSO = {"tcp-after-reset": {"tcp-reset"}}
"""What cannot be left out of the packets that break a rule."""


def broken(packets: list[Packet]) -> dict[str, int]:
    return {f.rule.name: f.packets for f in check_blocks("test", [block_of(packets)]).findings}


def test_every_rule_has_a_case() -> None:
    assert set(CASES) == {rule.name for rule in RULES} - {"file-damaged"}  # test_check.py has that one


@pytest.mark.parametrize("name", CASES)
def test_a_rule_and_nothing_else_is_broken(name) -> None:
    assert set(broken(CASES[name][0])) == {name} | ALSO.get(name, set())


@pytest.mark.parametrize("name", CASES)
def test_what_nearly_breaks_a_rule_does_not(name) -> None:
    near = check_blocks("test", [block_of(CASES[name][1])])
    assert name not in {finding.rule.name for finding in near.findings}
    assert near.faults == ()


def test_a_round_trip_begins_at_the_syn_that_was_answered() -> None:
    talk = Talk().send(0, SYN, options=MSS, wait_ns=10**9).send(0, SYN, options=MSS, seq=1000)
    talk.send(1, SYN | ACK, options=MSS).send(0, ACK).send(0, ACK, b"a" * 9).send(0, ACK, b"b" * 9, wait_ns=20_000_000)
    talk.send(0, ACK, b"a" * 9, seq=1001)
    found = {finding.rule.name for finding in check_blocks("x", [block_of(talk.packets)]).findings}
    assert "tcp-retransmission" in found
    assert "tcp-out-of-order" not in found, "a second, from the first SYN on, is no round trip"


def test_rules_are_well_formed() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert all(rule.severity in SEVERITIES and rule.source and rule.says for rule in RULES)
    assert all(not rule.fix for rule in RULES if not rule.is_fault), "notes are left alone"
