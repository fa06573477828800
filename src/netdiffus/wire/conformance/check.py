"""Is a capture what real stacks would send? Every rule over every packet, with counts and the first example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from netdiffus.wire.conformance.rules import Rule
from netdiffus.wire.conformance.rules_engine import NUMBER, RULES, Judge
from netdiffus.wire.files.order import MOVED, InOrder, TimedBlock
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.headers.packets import PacketBlock

NO_DAMAGE = "simple packet block has no time; the time of the packet before it is taken"
"""What the reader may report of a file that is whole."""


@dataclass(frozen=True)
class Finding:
    """A rule that was broken: by how many packets, in how many flows, and first by which packet (from 1)."""

    rule: Rule
    packets: int
    flows: int
    first: int | None

    def to_dict(self) -> dict[str, Any]:
        rule = self.rule
        return {
            "rule": rule.name,
            "severity": rule.severity,
            "packets": self.packets,
            "flows": self.flows,
            "first_packet": self.first,
            "source": rule.source,
            "says": rule.says,
            "mended_by_repair": bool(rule.fix),
        }


@dataclass(frozen=True)
class Conformance:
    """What was found in one capture.

    Args:
        name: the file's name.
        packets: how many there are.
        flows: bidirectional 5-tuples, split where a SYN begins another connection; of all, and of TCP flows that begin
            with SYN: how many there are, and how many are free of faults.
        findings: broken rules, in the order of RULES; notes among them are no faults.
        not_checked: what could not be judged, in plain words, with counts.
    """

    name: str
    packets: int
    flows: int
    clean_flows: int
    syn_flows: int
    clean_syn_flows: int
    findings: tuple[Finding, ...]
    not_checked: dict[str, int]

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Errors and warnings."""
        return tuple(finding for finding in self.findings if finding.rule.is_fault)

    @property
    def clean(self) -> bool:
        """Whether there is no error and no warning."""
        return not self.faults

    def to_dict(self) -> dict[str, Any]:
        return {
            "capture": self.name,
            "clean": self.clean,
            "packets": self.packets,
            "flows": self.flows,
            "clean_flows": self.clean_flows,
            "syn_flows": self.syn_flows,
            "clean_syn_flows": self.clean_syn_flows,
            "findings": [finding.to_dict() for finding in self.findings],
            "not_checked": self.not_checked,
        }


class Tally:
    """Counts of broken rules over the blocks of one capture."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._judge = Judge()
        self._packets = np.zeros(len(RULES), np.int64)
        self._first = np.zeros(len(RULES), np.int64)
        self._n = 0
        self._not_checked: Counter[str] = Counter()

    def add(self, block: PacketBlock, timed: TimedBlock | None = None) -> None:
        """Judge the next block; `timed` says how its packets stood in the file, None: as they come."""
        judgement = self._judge.judge(block, timed)
        counts = judgement.found.sum(axis=0)
        number = np.arange(self._n + 1, self._n + len(block) + 1) if timed is None else timed.number
        for rule in np.flatnonzero(counts).tolist():
            first = int(number[judgement.found[:, rule]].min())
            self._first[rule] = min(first, int(self._first[rule]) or first)
        self._packets += counts
        self._n += len(block)
        self._not_checked.update(judgement.not_checked)

    def result(self, file_faults: Counter[str], not_in_order: Counter[str]) -> Conformance:
        """The counts; `file_faults` is what the reader met, `not_in_order` what it could not sort, in plain words."""
        flows = self._judge.flows
        flows.close()
        by_rule, counts = flows.by_rule.copy(), flows.counts
        damage = Counter({words: n for words, n in file_faults.items() if words != NO_DAMAGE})
        not_checked = self._not_checked + file_faults + not_in_order
        self._set("file-damaged", damage.total(), self._n or None)
        if self._judge.times.all_equal:
            self._set("time-all-equal", self._n, 1)
            by_rule[NUMBER["time-all-equal"]] = counts["flows"]
            by_rule[NUMBER["time-flow-equal"]] = counts["clean"] = counts["by_syn_clean"] = 0
        else:
            self._set("time-flow-equal", flows.same_time_packets, flows.same_time_first)
        if flows.forgotten:
            not_checked["flows closed early to bound the memory"] = flows.forgotten
        findings = (
            Finding(rule, n, f, first or None)
            for rule, n, f, first in zip(
                RULES, self._packets.tolist(), by_rule.tolist(), self._first.tolist(), strict=True
            )
            if n
        )
        return Conformance(
            self._name,
            self._n,
            counts["flows"],
            counts["clean"],
            counts["by_syn"],
            counts["by_syn_clean"],
            tuple(findings),
            dict(not_checked.most_common()),
        )

    def _set(self, name: str, packets: int, first: int | None) -> None:
        self._packets[NUMBER[name]], self._first[NUMBER[name]] = packets, first or 0


def check_capture(path: str | Path) -> Conformance:
    """Check a capture of any kind that `read_capture` takes, in bounded memory; "-" is standard input.

    Raises:
        InputError: the file cannot be read or is no capture.
    """
    capture = read_capture(path)
    tally = Tally(capture.name)
    for timed in (ordered := InOrder(capture)):
        tally.add(timed.block, timed)
    beyond = Counter({words: n for words, n in ordered.faults.items() if words != MOVED})
    return tally.result(capture.faults, beyond)


def check_blocks(name: str, blocks: Iterable[PacketBlock]) -> Conformance:
    """Check packets that are in memory."""
    tally = Tally(name)
    for block in blocks:
        tally.add(block)
    return tally.result(Counter(), Counter())
