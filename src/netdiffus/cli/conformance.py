"""What `check` and `repair` print: broken rules with counts and sources, and the changes that fixed them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netdiffus.cli.say import say, say_table

if TYPE_CHECKING:
    from netdiffus.wire.conformance.check import Conformance


def print_checks(captures: Sequence[Path], *, as_json: bool) -> bool:
    """Check captures and print what was found, one after the other; returns whether all are clean.

    Raises:
        InputError: one of them is no capture.
    """
    from netdiffus.steps.payload_check import check_with_payload

    results = []
    for path in captures:
        results.append(check_with_payload(path))
        if not as_json:
            _print_check(results[-1])
    clean = all(result.clean for result in results)
    if as_json:
        print(json.dumps({"clean": clean, "captures": [result.to_dict() for result in results]}, indent=1))
    return clean


def print_repair(capture: Path, out: Path, *, as_json: bool) -> None:
    """Repair a capture and print what was changed and what is left.

    Raises:
        InputError: it is no capture, or `out` cannot hold it.
    """
    from netdiffus.api.verbs import repair

    done = repair(capture, out)
    if as_json:
        print(json.dumps(done.to_dict(), indent=1))
        return
    say(f"{done.name}: {done.packets:,} packets, {done.changed:,} changed")
    if done.changes:
        say_table(("rule", "packets"), [(rule.name, n) for rule, n in done.changes])
        for rule, _ in done.changes:
            say(f"{rule.name}: {rule.fix} ({rule.source})")
    for finding in done.left.faults:
        say(f"left: {finding.rule.name}: {finding.rule.says}: {finding.packets:,}")
    say(f"capture: {out}")


def _print_check(result: Conformance) -> None:
    say(f"{result.name}: {result.packets:,} packets, {result.flows:,} flows")
    if result.flows:
        begun = f"; of those that begin with SYN {result.clean_syn_flows:,} of {result.syn_flows:,}"
        say(f"flows without faults: {result.clean_flows:,}{begun if result.syn_flows else ''}")
    if result.findings:
        header = ("rule", "severity", "packets", "flows", "first packet")
        rows = ((f.rule.name, f.rule.severity, f.packets, f.flows, f.first or "-") for f in result.findings)
        say_table(header, rows)
        for finding in result.findings:
            say(f"{finding.rule.name}: {finding.rule.says} ({finding.rule.source})")
    for words, count in result.not_checked.items():
        say(f"not checked: {words}: {count:,}")
    faults = len(result.faults)
    say("no faults" if result.clean else f"faults: {faults} rule{'s' if faults > 1 else ''} broken")
