"""What became of each label that the sources name: how much came under it, how much of that was left out, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

FLOWS, ROWS, PACKETS, FILES, LABEL_ROWS = "flows", "rows", "packets", "files", "rows of --labels"
"""What is counted under a label: flows of captures, traces of tables, packets, whole files, rows of a label table."""


@dataclass(frozen=True)
class LeftOut:
    """`count` of the `of` units that came under one label did not become traces, for one reason in plain words."""

    unit: str
    count: int
    of: int
    reason: str


class LabelAccount:
    """Counts of what came under each label and of what was left out.

    A label is known once anything was counted under it, whether or not it has a trace in the end.
    """

    def __init__(self) -> None:
        self._came: Counter[tuple[str, str]] = Counter()  # (label, unit)
        self._left_out: Counter[tuple[str, str, str]] = Counter()  # (label, unit, reason)

    @property
    def labels(self) -> list[str]:
        """Every label that was counted, sorted."""
        return sorted({label for label, _ in self._came})

    def came(self, label: str, unit: str, count: int) -> None:
        """So many units came under a label, those that are left out included."""
        self._came[label, unit] += count

    def leave_out(self, label: str, unit: str, reasons: Mapping[str, int]) -> None:
        """Some of what came under a label does not become a trace; reasons in plain words with counts."""
        for reason, count in reasons.items():
            if count:
                self._left_out[label, unit, reason] += count

    def add(self, other: LabelAccount) -> None:
        """Take in what another source counted."""
        self._came.update(other._came)
        self._left_out.update(other._left_out)

    def left_out(self, traces: Mapping[str, int]) -> dict[str, list[LeftOut]]:
        """What was left out of each label that lost anything, the largest count first.

        Args:
            traces: label → traces. Packets are named only under a label without a trace; the faults of its files tell
                of them elsewhere.
        """
        found: dict[str, list[LeftOut]] = {}
        for (label, unit, reason), count in sorted(self._left_out.items(), key=lambda item: (-item[1], item[0])):
            if unit != PACKETS or not traces.get(label):
                found.setdefault(label, []).append(LeftOut(unit, count, self._came[label, unit], reason))
        return dict(sorted(found.items()))
