"""The course of a flow: what the packets behind its first ones come to, in all and in each of a few segments.

A flow that goes on is described by so many numbers, however long it is: the share of packets upwards, the mean size in
each direction, and the mean gap. Segments have equally many packets. Numbers of the segments give the shape, those of
the whole the sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netdiffus.arrays import Floats, Ints
from netdiffus.compiler.specs import CLIENT, FlowRows

QUANTITIES = ("packets", "up_permille", "up_size", "down_size", "gap_ns")
UNIT = 100
"""Mean sizes are in hundredths of a byte: a request among a thousand empty packets counts."""
SEGMENTS = 16
ROWS = 1 + SEGMENTS
"""Rows of a course: of the whole, then of its segments."""
SEGMENT_PACKETS = 32
"""A segment has at least so many packets, where there is more than one."""


LEVEL_EDGES = np.array([1 / UNIT, 32, 64, 96, 128, 181, 256, 362, 512, 724, 1024, 1300])
"""Between the levels of mean sizes."""
LEVELS = len(LEVEL_EDGES) + 1


@dataclass(frozen=True)
class Targets:
    """What the packets of flows (F,) are to come to.

    Attributes:
        packets: of each flow behind its first ones, (F,) int64.
        sums: (F, SEGMENTS, 4) of each segment: packets upwards, bytes up, bytes down, ns; 0 where there is none.
    """

    packets: Ints
    sums: Floats


def segments_of(packets: Ints) -> Ints:
    """Segments of so many packets (F,): 0 of none."""
    return np.where(packets > 0, np.clip(packets // SEGMENT_PACKETS, 1, SEGMENTS), 0)


def courses(flows: FlowRows, head: int) -> Floats:
    """Courses (F, len(QUANTITIES), ROWS) of whole flows behind their first `head` packets; NaN where there is none."""
    after = np.maximum(flows.counts - head, 0)
    parts = segments_of(after)
    place = np.arange(len(flows.rows)) - np.repeat(flows.first, flows.counts) - head
    inside = place >= 0
    rows, owner, place = flows.rows[inside], flows.owner[inside], place[inside]
    cell = owner * SEGMENTS + place * parts[owner] // after[owner]
    up = rows["direction"] == CLIENT
    size, n = rows["size"].astype(np.float64), len(flows) * SEGMENTS
    columns = (None, up, up * size, ~up * size, rows["gap_ns"].astype(np.float64))
    counted = [np.bincount(cell, column, n).astype(np.float64) for column in columns]
    sums: Floats = np.stack(counted, axis=-1).reshape(-1, SEGMENTS, len(columns))
    found = np.full((len(flows), len(QUANTITIES), ROWS), np.nan)
    found[:, 1:, 0] = _means(np.asarray(sums.sum(axis=1)))
    found[:, 0, 0] = after
    found[:, 1:, 1:] = np.where(sums[:, :, :1] > 0, _means(sums), np.nan).transpose(0, 2, 1)
    return found


def levels(course: Floats) -> Ints:
    """Levels (F, SEGMENTS, 2) of the mean sizes upwards and downwards; without a segment those of the whole."""
    means = course[:, 2:4]
    filled = np.where(np.isnan(means[:, :, 1:]), means[:, :, :1], means[:, :, 1:])
    return np.searchsorted(LEVEL_EDGES, np.nan_to_num(filled) / UNIT, side="right").transpose(0, 2, 1)


def targets(course: Floats, packets: Ints) -> Targets:
    """What courses (F, len(QUANTITIES), ROWS) say of flows that go on for so many packets (F,)."""
    parts, place = segments_of(packets), np.arange(SEGMENTS)
    there = place < parts[:, None]
    begin, end = (
        -(-np.minimum(place + k, parts[:, None]) * packets[:, None] // np.maximum(parts, 1)[:, None]) for k in (0, 1)
    )
    each = np.where(there, end - begin, 0)
    whole = _sums(np.nan_to_num(course[:, 1:, 0]), packets)
    shape = np.where(np.isnan(course[:, 1:, 1:]), course[:, 1:, :1], course[:, 1:, 1:])
    sums = _sums(np.nan_to_num(shape).transpose(0, 2, 1), each)
    total = sums.sum(axis=1, keepdims=True)
    even = each[:, :, None] / np.maximum(packets, 1)[:, None, None]
    shares = np.where(total > 0, sums / np.where(total > 0, total, 1), even)
    return Targets(packets, shares * whole[:, None])


def _means(sums: Floats) -> Floats:
    """Of (..., packets, packets up, bytes up, bytes down, ns) the quantities but the number of packets."""
    n, up, up_bytes, down_bytes, ns = np.moveaxis(sums, -1, 0)
    down, some = n - up, np.maximum(n, 1)
    sizes = (UNIT * size / np.maximum(packets, 1) for size, packets in ((up_bytes, up), (down_bytes, down)))
    means = (1000 * up / some, *sizes, ns / some)
    return np.stack([np.round(mean) for mean in means], axis=-1)


def _sums(means: Floats, packets: Ints) -> Floats:
    """The way back: (..., 4) sums of means (..., 4) over so many packets."""
    permille, up_size, down_size, gap_ns = np.moveaxis(means, -1, 0)
    up = packets * permille / 1000
    return np.stack([up, up * up_size / UNIT, (packets - up) * down_size / UNIT, packets * gap_ns], axis=-1)
