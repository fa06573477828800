"""Captures of whole flows as files: packets that come in order of time, and the labels of their flows beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.arrays import Bools, Ints
from netdiffus.compiler.capture import label_rows
from netdiffus.compiler.payload import LINKS
from netdiffus.steps.outputs.order import Order
from netdiffus.steps.outputs.streamed import Stream
from netdiffus.traffic.labels.names import labels_path
from netdiffus.traffic.tables.csv_cells import guarded
from netdiffus.wire.files.writer import CaptureWriter, Origin
from netdiffus.wire.headers.packets import PacketBlock

LABELS = 1 << 13
"""Flows whose labels are written at a time."""


@dataclass
class OpenCapture:
    """A capture that is written while its packets come.

    Attributes:
        chosen: the flows (F,) that it holds. packets, start_ns: of each flow, so far.
    """

    path: Path
    chosen: Bools
    labels: NDArray[np.int64]
    writer: CaptureWriter
    packets: Ints
    start_ns: Ints
    written: int = field(default=0)

    def add(self, block: PacketBlock, owner: Ints) -> None:
        """The next packets of all flows; those of other files are left alone."""
        if not self.chosen.all():
            here = self.chosen[owner]
            block, owner = _some(block, here), owner[here]
        if not len(owner):
            return
        _, first = np.unique(owner, return_index=True)
        first = first[self.packets[owner[first]] == 0]
        comments = np.full(len(owner), -1)
        comments[first] = self.labels[owner[first]]
        self.start_ns[owner[first]] = block.time_ns[first]
        self.packets += np.bincount(owner, minlength=len(self.packets))
        self.writer.write(block, comments)
        self.written += len(owner)


def write_stream(stream: Stream, order: Order, paths: dict[Path, Bools]) -> dict[Path, int]:
    """Write captures of some flows (F,) each, and the labels beside them; returns packets by file."""
    names = sorted(set(stream.flows.labels))
    numbers = {name: k for k, name in enumerate(names)}
    number = np.fromiter((numbers[name] for name in stream.flows.labels), np.int64, len(stream.flows))
    made_by = order.made_by
    by = f"netdiffus {made_by['netdiffus']}"
    comment = f"synthetic, {by}, model {str(made_by['model'])[:16]}, seed {order.config.seed}"
    texts, n = [f"label: {name}" for name in names], len(stream.flows)
    files, captures = [], []
    try:
        for path, chosen in paths.items():
            files.append(path.open("wb"))
            link = LINKS[order.capture.link]
            form = path.suffix.lower()
            writer = CaptureWriter(files[-1], form, link=link, origin=Origin(comment, by), comments=texts)
            none = np.zeros(n, np.int64)
            captures.append(OpenCapture(path, chosen, number, writer, none, none.copy()))
        for block, owner in stream.blocks(order):
            for capture in captures:
                capture.add(block, owner)
    finally:
        for file in files:
            file.close()
    for capture in captures:
        with labels_path(capture.path).open("wb") as file:
            for rows in _labels_of(stream, capture):
                guarded(rows).write_csv(file, include_header=not file.tell())
    return {capture.path: capture.written for capture in captures}


def _labels_of(stream: Stream, capture: OpenCapture) -> Iterator[pl.DataFrame]:
    """The labels of a capture's flows in order of time, some flows at a time; at least one table."""
    flows = np.flatnonzero(capture.packets)
    flows = flows[np.argsort(capture.start_ns[flows], kind="stable")]
    for begin in range(0, max(1, len(flows)), LABELS):
        some = flows[begin : begin + LABELS]
        yield label_rows(
            stream.flows.flows[some],
            [stream.flows.labels[k] for k in some.tolist()],
            capture.packets[some],
            capture.start_ns[some],
            None if stream.session is None else stream.session[some],
        )


def _some(block: PacketBlock, chosen: Bools) -> PacketBlock:
    """The packets that are marked; their bytes stay where they are."""
    return PacketBlock(
        block.data, block.offset[chosen], block.captured[chosen], block.length[chosen], block.time_ns[chosen],
        block.link[chosen],
    )  # fmt: skip
