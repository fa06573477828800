"""The packets of labelled flows, for the metrics that look at headers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.compiler.header_columns import HeaderColumns
from netdiffus.metrics.comparison import Comparison, Traces


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
        """The place of each flow's first packet (F,)."""
        return np.asarray(np.cumsum(self.counts) - self.counts)

    @property
    def positions(self) -> NDArray[np.int64]:
        """The place of each packet in its flow (P,)."""
        return np.arange(len(self.columns.owner)) - self.first[self.columns.owner]


@dataclass(frozen=True)
class Checked:
    """What the conformance checker says of some flows, before and after repair.

    Attributes:
        flows, clean, repaired: how many there are, how many are free of faults, and how many are so after repair.
        packets, changed: how many there are, and how many repair has changed.
        faults: the commonest broken rules before repair, with the number of packets.
        how: what was checked, in words.
    """

    flows: int
    clean: int
    repaired: int
    packets: int
    changed: int
    faults: tuple[tuple[str, int], ...]
    how: str


@dataclass(frozen=True)
class PacketSets:
    """The packets of the three parts of a comparison, and what the checker says of two of them."""

    train: Packets
    test: Packets
    synthetic: Packets
    checked: tuple[Checked, Checked] | None = None  # of flows of the real test part, and of the synthetic set
    captures: tuple[Checked | None, Checked | None] = (None, None)  # of whole captures, where a part was given as such

    @property
    def parts(self) -> tuple[Packets, Packets, Packets]:
        """Training, test, synthetic."""
        return self.train, self.test, self.synthetic


def flow_comparison(
    sets: Comparison, packets: PacketSets, values: list[NDArray[np.float64]] | None = None
) -> Comparison:
    """A comparison whose traces are the flows of the packets: of each its `values` (F, K), or else only its number.

    Numbers count through the three parts, training first.
    """
    if values is None:
        ends = np.cumsum([len(part) for part in packets.parts])
        numbers = np.split(np.arange(ends[-1], dtype=np.float64), ends[:-1])
        values = [part[:, None] for part in numbers]
    train, test, synthetic = (
        Traces(table[:, None], part.labels) for table, part in zip(values, packets.parts, strict=True)
    )
    return Comparison(train, test, synthetic, ("flow",), sets.draws)


def numbers_of(flows: Traces) -> NDArray[np.intp]:
    """The numbers of flows in a `flow_comparison` without values."""
    return flows.series[:, 0, 0].astype(np.intp)
