"""Makes a capture conform with the least change: each broken rule that can be fixed is, and each fix is counted.

A packet is fixed first by itself (fixes.py), then by what came before it in its connection (segments.py), and last its
time. The capture is read twice: only its end tells whether all its times are equal. Nothing else is touched: the
packets of a conforming capture stay as they are, to the last bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from netdiffus.errors import InputError
from netdiffus.text import as_text
from netdiffus.wire.conformance import segments
from netdiffus.wire.conformance.check import NO_DAMAGE, Conformance, check_capture
from netdiffus.wire.conformance.edit import Edit
from netdiffus.wire.conformance.fixes import fix_alone, fix_order
from netdiffus.wire.conformance.rules import Rule
from netdiffus.wire.conformance.rules_engine import RULES, STARTS, Judge, Judgement, judge_alone
from netdiffus.wire.files.order import InOrder, TimedBlock
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.writer import CaptureWriter, check_suffix, plain_header
from netdiffus.wire.headers.packets import PacketBlock

SPACING_NS, STEP_NS = 1_000_000, 1_000
"""Between the packets of a capture whose times are all equal; between other packets whose time is fixed."""
ROUNDS = 40
"""More looks at one packet than there are fixes that can follow each other."""
_FIXABLE = np.array([bool(rule.fix) and rule.is_fault for rule in RULES])


@dataclass(frozen=True)
class Repair:
    """What was done to one capture.

    Args:
        name: the file's name.
        packets, changed: packets written, and how many of them differ from those that were read.
        changes: fixes by rule, with the number of packets.
        left: what is still found in the result.
    """

    name: str
    packets: int
    changed: int
    changes: tuple[tuple[Rule, int], ...]
    left: Conformance

    def to_dict(self) -> dict[str, Any]:
        changes = [{"rule": r.name, "packets": n, "source": r.source, "mend": r.fix} for r, n in self.changes]
        return {
            "capture": self.name,
            "packets": self.packets,
            "changed_packets": self.changed,
            "changes": changes,
            "left": self.left.to_dict(),
        }


def repair_capture(source: str | Path, target: str | Path, *, called: str | None = None) -> Repair:
    """Fix a capture into the file `target`, pcap or pcapng by the suffix of the name that it is or will be `called`.

    Raises:
        InputError: `source` is no capture or is standard input; the name has another suffix; `target` is the source, or
            is to be a pcap and cannot hold the link types of the source.
    """
    called = as_text(called or Path(target).name)
    suffix = check_suffix(called)
    if str(source) == "-":
        raise InputError("a file, which can be read twice", "standard input", "name a capture")
    if Path(target).exists() and Path(target).resolve() == Path(source).resolve():
        raise InputError("another name for --out than that of the capture", str(target), "name another --out")
    with open(target, "wb") as file:
        name, packets, changed, changes = _write(source, file, suffix)
    return Repair(name, packets, changed, changes, replace(check_capture(target), name=called))


def _write(source: str | Path, file: BinaryIO, suffix: str) -> tuple[str, int, int, tuple[tuple[Rule, int], ...]]:
    dry = Fixer()
    for _ in dry.blocks(source):
        pass
    dry.judge.flows.close()
    writer = CaptureWriter(file, suffix, header=plain_header(source) if suffix == ".pcap" else None)
    clock = Clock(equal=dry.judge.times.all_equal, flows=dry.judge.flows.same_time)
    fixer = Fixer()
    for timed, judgement, changed in fixer.blocks(source):
        block = timed.block
        times = clock.fix(timed, judgement, fixer.changes)
        changed |= times != block.time_ns
        fixer.changed += int(np.count_nonzero(changed))
        writer.write(replace(block, time_ns=times))
    writer.finish()
    changes = tuple((rule, fixer.changes[rule.name]) for rule in RULES if fixer.changes[rule.name])
    return fixer.name, fixer.packets, fixer.changed, changes


class Fixer:
    """Fixes the packets of one capture, all but their times; counts as it goes."""

    def __init__(self) -> None:
        self.judge = Judge(fixing=True)
        self.changes: Counter[str] = Counter()
        self.name, self.packets, self.changed = "", 0, 0

    def blocks(self, source: str | Path) -> Iterator[tuple[TimedBlock, Judgement, np.ndarray[Any, Any]]]:
        """Fixed blocks, what was found in them before their order was fixed, and which packets have changed."""
        capture = read_capture(source)
        for timed in InOrder(capture):
            block, changed = self._alone(timed.block)
            judgement = self.judge.judge(block, timed)
            block = self._order(block, judgement, changed)
            self.packets += len(block)
            self.changes.update({"time-backwards": moved} if (moved := int(timed.moved.sum())) else {})
            yield timed._replace(block=block), judgement, changed | timed.moved
        self.name = capture.name
        damage = sum(n for words, n in capture.faults.items() if words != NO_DAMAGE)
        self.changes.update({"file-damaged": damage} if damage else {})

    def _alone(self, block: PacketBlock) -> tuple[PacketBlock, np.ndarray[Any, Any]]:
        """Fix what packets break by themselves, looking again at those that have changed until none is left."""
        changed = np.zeros(len(block), np.bool_)
        rows = np.arange(len(block))
        seen: set[tuple[int, str]] = set()
        for _ in range(ROUNDS):
            part = block if len(rows) == len(block) else _rows(block, rows)
            judgement = judge_alone(part)
            broken = np.flatnonzero((judgement.found & _FIXABLE).any(axis=1))
            news: dict[int, Edit] = {}
            for k in broken.tolist():
                edit = _edit(part, k, judgement)
                before = bytes(edit.data), edit.length
                names = fix_alone(edit, {RULES[r].name for r in np.flatnonzero(judgement.found[k] & _FIXABLE)})
                row = int(rows[k])
                if before != (bytes(edit.data), edit.length):
                    news[row] = edit
                    changed[row] = True
                    self.changes.update(name for name in names if (row, name) not in seen)
                    seen.update((row, name) for name in names)
            if not news:
                break
            block, rows = _replaced(block, news), np.array(sorted(news))
        return block, changed

    def _order(self, block: PacketBlock, judgement: Judgement, changed: np.ndarray[Any, Any]) -> PacketBlock:
        """Fix what packets break by their order, as the judge has decided."""
        start = STARTS[segments]
        news: dict[int, Edit] = {}
        for k in np.flatnonzero(judgement.fixes["what"]).tolist():
            fix = judgement.fixes[k]
            what = int(fix["what"])
            edit = _edit(block, k, judgement)
            times = (int(fix["value"]), int(fix["echo"])) if what & segments.NEW_TIMES else None
            fix_order(edit, what, int(fix["ack"]), times)
            news[k] = edit
            changed[k] = True
            found = judgement.found[k, start : start + len(segments.RULES)]
            self.changes.update(segments.RULES[r].name for r in np.flatnonzero(found) if segments.RULES[r].fix)
        return _replaced(block, news) if news else block


class Clock:
    """Fixes times: of a capture whose times are all equal, of flows (by number) whose times are, of steps backwards.

    Where a clock was set back, all that follows is put later by as much as it takes, so that its gaps stay.
    """

    def __init__(self, *, equal: bool, flows: set[int]) -> None:
        self._equal, self._flows = equal, np.array(sorted(flows), np.int64)
        self._begun: set[int] = set()
        self._before: int | None = None
        self._n = self._shift = 0

    def fix(self, timed: TimedBlock, judgement: Judgement, changes: Counter[str]) -> np.ndarray[Any, Any]:
        """The times to write, int64 (N,)."""
        block = timed.block
        if timed.stepped and self._before is not None:
            self._shift = self._before + STEP_NS - int(block.time_ns[0])
        changes["time-backwards"] += len(block) if self._shift else 0
        times = block.time_ns + self._shift
        if self._equal:
            times = times + SPACING_NS * np.arange(self._n, self._n + len(block))
            changes["time-all-equal"] += int(np.count_nonzero(times != block.time_ns))
            self._n += len(block)
            return times
        still = np.isin(judgement.flow, self._flows) if len(self._flows) else np.zeros(len(block), np.bool_)
        whole = np.concatenate([[self._before if self._before is not None else times[0]], times])
        if not still.any() and (np.diff(whole) >= 0).all():
            self._before = int(times[-1])
            return times
        times = times.copy()
        for i, (t, flow) in enumerate(zip(block.time_ns.tolist(), judgement.flow.tolist(), strict=True)):
            rule = ""
            if still[i] and flow in self._begun:
                rule, t = "time-flow-equal", max(t, (self._before or 0) + STEP_NS)
            elif self._before is not None and t < self._before:
                rule, t = "" if self._shift else "time-backwards", self._before + STEP_NS
            if still[i]:
                self._begun.add(flow)
            changes[rule] += bool(rule)
            times[i] = self._before = t
        del changes[""]
        return times


def _edit(block: PacketBlock, k: int, judgement: Judgement) -> Edit:
    at = int(block.offset[k])
    data = block.data[at : at + int(block.captured[k])].tobytes()
    fields = judgement.fields[k]
    return Edit(data, int(block.length[k]), fields, judgement.sums[k], int(fields["network"]) - at)


def _rows(block: PacketBlock, rows: np.ndarray[Any, Any]) -> PacketBlock:
    columns = (block.offset, block.captured, block.length, block.time_ns, block.link)
    offset, captured, length, time_ns, link = (column[rows] for column in columns)
    return PacketBlock(block.data, offset, captured, length, time_ns, link)


def _replaced(block: PacketBlock, news: dict[int, Edit]) -> PacketBlock:
    """The block with other packets in some rows; their bytes go behind the others, whose buffer others may be using."""
    offset, captured, length = block.offset.copy(), block.captured.copy(), block.length.copy()
    at = len(block.data)
    for row, edit in news.items():
        offset[row], captured[row], length[row] = at, len(edit.data), edit.length
        at += len(edit.data)
    fresh = np.frombuffer(b"".join(bytes(edit.data) for edit in news.values()), np.uint8)
    return PacketBlock(np.concatenate([block.data, fresh]), offset, captured, length, block.time_ns, block.link)
