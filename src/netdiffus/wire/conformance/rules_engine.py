"""All rules over one block of packets: which packet breaks which."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from netdiffus.wire.conformance import (
    checksums,
    fragments,
    icmp,
    ipv4,
    ipv6,
    link,
    options,
    sctp,
    segments,
    tcp,
    times,
    udp,
)
from netdiffus.wire.conformance.flows import Flows
from netdiffus.wire.conformance.rules import Rule
from netdiffus.wire.files.order import TimedBlock
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.fields import faults
from netdiffus.wire.headers.packets import PacketBlock

TABLES = (times, link, ipv4, ipv6, fragments, udp, icmp, sctp, tcp, options, segments)
RULES: tuple[Rule, ...] = tuple(rule for table in TABLES for rule in table.RULES)
"""All rules, in the order of their columns in `Judgement.found`."""
FAULTS = np.array([rule.is_fault for rule in RULES])
STARTS = {table: RULES.index(table.RULES[0]) for table in TABLES}
"""The column of each table's first rule."""
NUMBER = {rule.name: k for k, rule in enumerate(RULES)}


def part(found: NDArray[np.bool_], table: ModuleType) -> NDArray[np.bool_]:
    """The columns of one table's rules."""
    start: int = STARTS[table]
    return found[:, start : start + len(table.RULES)]


@dataclass(frozen=True)
class Judgement:
    """What was found in one block.

    Args:
        found: which packet breaks which rule, bool (N, len(RULES)).
        fields: the header fields, of FIELDS.
        sums: the verdicts on checksums, of SUMS.
        fixes: what would fix the order of segments, of FIXES.
        flow: the number of each packet's flow in the capture, -1 for none.
        not_checked: what could not be judged, in plain words, with counts.
    """

    found: NDArray[np.bool_]
    fields: NDArray[np.void]
    sums: NDArray[np.void]
    fixes: NDArray[np.void]
    flow: NDArray[np.int64]
    not_checked: Counter[str]


def judge_alone(block: PacketBlock) -> Judgement:
    """What each packet breaks by itself, without those before it."""
    return _alone(block)[0]


def _alone(block: PacketBlock) -> tuple[Judgement, NDArray[np.void], NDArray[np.int64]]:
    fields = dissect(block)
    sums = checksums.verdicts(block, fields)
    found = np.zeros((len(block), len(RULES)), np.bool_)
    link.judge(block, fields, part(found, link))
    ipv4.judge(block, fields, sums, part(found, ipv4))
    ipv6.judge(block, fields, part(found, ipv6))
    udp.judge(block, fields, sums, part(found, udp))
    icmp.judge(block, fields, sums, part(found, icmp))
    sctp.judge(block, fields, sums, part(found, sctp))
    tcp.judge(block, fields, sums, part(found, tcp))
    said, edges = options.judge(block, fields, part(found, options))
    fixes = np.zeros(len(block), segments.FIXES)
    flow = np.full(len(block), -1, np.int64)
    return Judgement(found, fields, sums, fixes, flow, _not_checked(fields, sums, found)), said, edges


class Judge:
    """The rules over the blocks of one capture, in order; `fixing` as segments.judge has it."""

    def __init__(self, *, fixing: bool = False) -> None:
        self.flows = Flows(FAULTS, NUMBER["time-flow-equal"])
        self.times = times.Times()
        self._fragments = fragments.Fragments()
        self._fixing = fixing

    def judge(self, block: PacketBlock, timed: TimedBlock | None = None) -> Judgement:
        """What the packets of the next block break; `timed` says how they stood in the file, None: as they come."""
        alone, said, edges = _alone(block)
        found, fields = alone.found, alone.fields
        self.times.judge(block, part(found, times))
        if timed is not None:
            part(found, times)[:, times.BACKWARDS] = timed.earlier
        self._fragments.judge(block, fields, part(found, fragments))
        flow, side, first = self.flows.add(fields, block.time_ns, None if timed is None else timed.number)
        segments.judge(
            block.data,
            block.offset,
            block.captured,
            block.time_ns,
            fields,
            said,
            edges,
            flow,
            side,
            first,
            self.flows.sides,
            alone.fixes,
            part(found, segments),
            self._fixing,
        )
        broken = np.flatnonzero(found.any(axis=1) & (flow >= 0))
        np.logical_or.at(self.flows.found, flow[broken], found[broken])
        numbers = self.flows.numbers(flow)
        return Judgement(found, fields, alone.sums, alone.fixes, numbers, alone.not_checked)


def _not_checked(fields: NDArray[np.void], sums: NDArray[np.void], found: NDArray[np.bool_]) -> Counter[str]:
    """Packets that are left out, and checksums over bytes that were not captured, in plain words."""
    faulty = (found & FAULTS).any(axis=1)
    words = faults(fields[(fields["status"] != 0) & ~faulty])
    for name, codes in (("TCP", 6), ("UDP", 17), ("ICMP", 1), ("ICMPv6", 58), ("SCTP", 132)):
        count = int(np.count_nonzero((fields["protocol"] == codes) & (sums["transport"] == checksums.NOT_CHECKED)))
        if count:
            words[f"{name} checksum: payload was not captured whole, or the packet is a fragment"] += count
    return words
