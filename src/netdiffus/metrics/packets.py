"""The packets of labelled flows, which every metric of headers is given."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.compiler.header_columns import HeaderColumns
from netdiffus.metrics.samples import Parts, Rows, numbered

NOTE = "note"


@dataclass(frozen=True)
class Packets:
    """Flows with their labels (F,) and the columns of their packets, whose `owner` counts the flows."""

    labels: NDArray[np.str_]
    columns: HeaderColumns

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Packets of each flow (F,)."""
        return np.bincount(self.columns.owner, minlength=len(self)).astype(np.int64)

    @property
    def first(self) -> NDArray[np.int64]:
        """The index of each flow's first packet (F,)."""
        return np.asarray(np.cumsum(self.counts) - self.counts)

    def take(self, flows: NDArray[np.bool_]) -> Packets:
        """The flows of a mask (F,)."""
        kept = self._packets(flows[self.columns.owner])
        number = np.cumsum(flows) - 1
        return Packets(self.labels[flows], replace(kept, owner=number[kept.owner]))

    def head(self, count: int) -> Packets:
        """The flows with their first `count` packets only."""
        return Packets(self.labels, self._packets(self.positions < count))

    def _packets(self, chosen: NDArray[np.bool_]) -> HeaderColumns:
        columns = (getattr(self.columns, field.name) for field in fields(self.columns))
        taken: list[Any] = [column[chosen] if isinstance(column, np.ndarray) else column for column in columns]
        return HeaderColumns(*taken)

    @property
    def positions(self) -> NDArray[np.int64]:
        """The position of each packet in its flow (P,)."""
        return np.arange(len(self.columns.owner)) - self.first[self.columns.owner]


@dataclass(frozen=True)
class Finding:
    """A rule of the conformance checker that some packets meet: an error, a warning or a note."""

    rule: str
    severity: str
    packets: int
    meaning: str


@dataclass(frozen=True)
class Checked:
    """What the conformance checker reports on some flows, before and after repair.

    Attributes:
        flows, clean, repaired: number of flows, of those without faults, and of those without faults after repair.
        packets, changed: number of packets, and of those that repair has changed.
        findings: the rules that packets meet before repair, commonest first.
        how: what was checked, in words.
    """

    flows: int
    clean: int
    repaired: int
    packets: int
    changed: int
    findings: tuple[Finding, ...]
    how: str

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The broken rules; notes are not faults."""
        return tuple(finding for finding in self.findings if finding.severity != NOTE)


@dataclass(frozen=True)
class PacketSets:
    """The packets of the three parts of a comparison, and what the checker reports on two of them."""

    train: Packets
    test: Packets
    synthetic: Packets
    checked: tuple[Checked, Checked] | None = None  # of flows of the real test part, and of the synthetic set
    captures: tuple[Checked | None, Checked | None] = (None, None)  # of whole captures, where a part was given as such

    @property
    def parts(self) -> tuple[Packets, Packets, Packets]:
        """Training, test, synthetic."""
        return self.train, self.test, self.synthetic

    @property
    def rows(self) -> Parts[Rows]:
        """The flows as rows of a table that holds all parts, training first."""
        return numbered([part.labels for part in self.parts])
