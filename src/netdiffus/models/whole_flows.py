"""Whole flows of a dataset, batch by batch: first and last packets, courses, and what the packets between count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from netdiffus.arrays import Floats
from netdiffus.compiler import FlowRows, concatenate
from netdiffus.compiler.features.bodies import BodyCodec
from netdiffus.compiler.features.codec import FieldsCodec
from netdiffus.compiler.features.course import courses
from netdiffus.compiler.features.tape import TapeReader
from netdiffus.compiler.features.teardown import ENDING
from netdiffus.compiler.specs import SERVER
from netdiffus.compiler.tables import rows_of_tables
from netdiffus.errors import InputError
from netdiffus.models.packet_codec import class_names
from netdiffus.models.services import service_names

HEAD = 64
"""Packets of a whole flow that are drawn one by one, unless asked otherwise."""
BATCH_PACKETS = 1 << 18
"""Packets that are read at a time; a flow of more is read alone."""


@dataclass(frozen=True)
class WholeFlows:
    """The flows of a training part.

    Attributes:
        fields: flows ↔ series of their first packets. series, classes: of each flow.
        course: (N, C, m) of what comes behind. bodies: its packets; None where no flow goes on.
        left_out: flows that cannot be learned, by reason.
    """

    fields: FieldsCodec
    series: Floats
    classes: list[str]
    course: Floats
    bodies: BodyCodec | None
    left_out: Counter[str]


def read_whole(part: pl.DataFrame, packets: pl.DataFrame, head: int) -> WholeFlows:
    """The flows of a table of traces, whose first `head` packets are learned one by one.

    Raises:
        InputError: none can be learned.
    """
    left_out: Counter[str] = Counter()
    ends, course = [], []
    for rows, lost in batches(part, packets):
        left_out.update(lost)
        ends.append(flow_ends(rows, head))
        course.append(courses(rows, head))
    both = concatenate(ends)
    check_rows(len(both), left_out)
    fields = FieldsCodec.fit(both, max(2, head), whole=True)
    names = service_names(class_names(both), both.flows["port"][:, SERVER].astype(np.int64))
    classes = sorted(set(names))
    numbers = np.searchsorted(classes, names)
    reader, done = TapeReader(fields), 0
    for rows, _ in batches(part, packets):
        reader.add(rows, numbers[done : done + len(rows)])
        done += len(rows)
    tape = reader.tape()
    bodies = None if tape is None else BodyCodec.fit(tape, fields, len(classes))
    return WholeFlows(fields, fields.encode(both)[0], names, np.concatenate(course), bodies, left_out)


def check_rows(flows: int, left_out: Counter[str]) -> None:
    """Raise InputError if no flow is left to learn from."""
    if not flows:
        reasons = "; ".join(f"{reason}: {count:,}" for reason, count in left_out.items())
        raise InputError("flows of TCP, UDP or ICMP to learn from", reasons or "none", "prepare other captures")


def batches(part: pl.DataFrame, packets: pl.DataFrame) -> Iterator[tuple[FlowRows, Counter[str]]]:
    """Whole flows, some BATCH_PACKETS at a time, in the order of the table."""
    number = (part["n_packets"].cum_sum() // BATCH_PACKETS).to_numpy()
    for batch in np.split(np.arange(len(part)), np.flatnonzero(np.diff(number)) + 1):
        some = part[batch]
        yield rows_of_tables(some, packets.filter(pl.col("trace_id").is_in(some["trace_id"].implode())))


def flow_ends(rows: FlowRows, head: int) -> FlowRows:
    """The flows with their first `head` packets and their last ENDING ones."""
    place = np.arange(len(rows.rows)) - np.repeat(rows.first, rows.counts)
    kept = (place < head) | (np.repeat(rows.counts, rows.counts) - place <= ENDING)
    counts = np.bincount(rows.owner[kept], minlength=len(rows)).astype(np.int64)
    return FlowRows(rows.flows, rows.rows[kept], counts, rows.layouts, rows.labels)
