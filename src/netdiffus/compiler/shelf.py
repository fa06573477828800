"""Flows that were drawn and wait for their hosts and starts: on disk, but for the facts of each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Ints
from netdiffus.compiler.features.bodies import Sketch
from netdiffus.compiler.specs import FLOW, ROW, FlowRows

COLUMNS = ("hosts", "ending", "classes", "more", "course", "seeds", "as_ended")


class Shelf:
    """Sketches in the order in which they were drawn; a flow takes some 100 bytes of memory until take_flows.

    Args:
        folder: takes them; whoever made it removes it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._blocks = folder, 0
        self._flows: list[NDArray[np.void]] = []
        self._labels: list[str] = []
        self._layouts: tuple[bytes, ...] = ()

    def add(self, sketch: Sketch) -> None:
        """The next flows."""
        head = sketch.head
        self._flows.append(head.flows)
        self._labels += map(sys.intern, head.labels)  # else each is a text of its own
        self._layouts = head.layouts
        columns = {name: getattr(sketch, name) for name in COLUMNS}
        np.savez(self._folder / f"{self._blocks:06}.npz", rows=head.rows, counts=head.counts, **columns)
        self._blocks += 1

    def take_flows(self) -> FlowRows:
        """All flows without their packets, once."""
        flows = np.concatenate([np.zeros(0, FLOW), *self._flows])
        self._flows.clear()
        none = np.zeros(len(flows), np.int64)
        return FlowRows(flows, np.zeros(0, ROW), none, self._layouts, tuple(self._labels))

    def sketches(self, flows: NDArray[np.void], most: int) -> Iterator[tuple[Ints, Sketch]]:
        """The flows again, at most `most` packets at a time (or one flow of more), and the numbers of each.

        Args:
            flows: (F,) of FLOW, all of them, with hosts and starts.
        """
        first = 0
        for block in range(self._blocks):
            with np.load(self._folder / f"{block:06}.npz") as saved:
                columns = {name: saved[name] for name in (*COLUMNS, "rows", "counts")}
            counts, numbers = columns.pop("counts"), np.arange(first, first + len(columns["more"]))
            labels = tuple(self._labels[first : first + len(numbers)])
            rows = columns.pop("rows").view(ROW)  # a file does not say that fields are aligned: another type to kernels
            head = FlowRows(flows[numbers], rows, counts, self._layouts, labels)
            sketch, first = Sketch(head, **columns), first + len(numbers)
            piece = np.cumsum(counts + sketch.more) // most
            for number in np.unique(piece).tolist():
                yield numbers[piece == number], sketch.select(piece == number)
