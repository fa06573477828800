"""Every rule: packets that break it and nothing else, and packets that nearly do."""

import pytest

from netdiffus.wire.conformance.check import check_blocks
from netdiffus.wire.conformance.rules import SEVERITIES
from netdiffus.wire.conformance.rules_engine import RULES
from rule_cases import CASES
from wire_packets import (
    ACK,
    MSS,
    SYN,
    Packet,
    Talk,
    block_of,
)  # fmt: skip

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
