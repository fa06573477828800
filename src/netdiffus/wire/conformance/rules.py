"""What a rule of conformance is: a name, how grave a breach is, where it is written, what it says, how it is fixed."""

from __future__ import annotations

from typing import NamedTuple

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = {
    ERROR: "no stack sends this; a receiver drops it or reads it wrongly",
    WARNING: "real captures have it when something went wrong: loss, a broken stack, an attack, a cut capture",
    NOTE: "allowed, and worth knowing; not a fault",
}
"""Errors and warnings are faults; notes are not."""


class Rule(NamedTuple):
    """One rule; the tables RULES beside the code that judges hold them all.

    Args:
        name: stable, lower case with hyphens.
        severity: one of SEVERITIES.
        source: document and section.
        says: what a packet that is found does, in one line.
        fix: what `repair` does about it; empty where it can do nothing, or where it is only a note.
    """

    name: str
    severity: str
    source: str
    says: str
    fix: str = ""

    @property
    def is_fault(self) -> bool:
        return self.severity != NOTE
