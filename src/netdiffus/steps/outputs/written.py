"""What was written of drawn flows, for accounts and for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from netdiffus.compiler import RULES, Changes
from netdiffus.manifest import JsonObject
from netdiffus.text import as_text


@dataclass(frozen=True)
class CaptureWritten:
    """What was written: packets by file, flows, and what was changed of what was asked for."""

    files: Mapping[Path, int]
    flows: int
    changes: Changes
    not_as_drawn: Mapping[str, int]  # packets, by reason, that the model drew as no packet can be
    spoken: Mapping[str, int] = field(default_factory=dict)  # flows with payload, by protocol
    random_payload: Mapping[str, int] = field(default_factory=dict)  # flows, by reason, that no protocol fits

    @property
    def packets(self) -> int:
        """Packets in all files."""
        return sum(self.files.values())


def summary(written: CaptureWritten) -> JsonObject:
    """What was written and changed, as plain values; the counts are those of all files together."""
    changes = written.changes
    return {
        "files": {as_text(path.name): packets for path, packets in written.files.items()},
        "flows": written.flows,
        "packets_asked": changes.packets,
        "packets_written": written.packets,
        "packets_changed": changes.changed,
        "packets_left_out": changes.dropped,
        "changed_by_rule": {
            name: {"packets": count, "rule": RULES[name].words, "source": RULES[name].source}
            for name, count in changes.by_rule.items()
        },
        "not_as_drawn": dict(written.not_as_drawn),
        "payload_by_protocol": dict(written.spoken),
        "payload_random": dict(written.random_payload),
    }
