"""Drawing from counted chains: the packets of a flow's course, block by block, in time that grows with packets alone.

A chain knows what follows what, not how much is still to come. So several blocks are drawn, and the one is kept that
comes closest to where the course should be by then; and the gaps of each segment are made to come to its time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from netdiffus.arrays import Bytes, Floats, Ints
from netdiffus.compiler.features.chain import longer, mixed
from netdiffus.wire.kernels.compiled import compiled, i64, u64

BLOCK, CANDIDATES = 16, 4
"""Packets that are drawn at a time, and how often."""
SHORT, SHORT_CANDIDATES = 256, 16
"""Flows of so few packets have few blocks to come to their totals with: of each, more are drawn. Their gaps are not
stretched, for a segment of theirs is a few bursts and waits; one of a long flow is a transfer at a pace."""
LONG_NS = 1_000_000
"""Gaps that are stretched first: waits, not the spacing of packets that were sent together."""
STRETCH, SHRINK = 1.5, 0.125
"""They are stretched and shrunk by so much at most; what is missing then is part of the longest, or all are shrunk."""
HALVINGS = 40
"""Of the longest gap, in the search for the length that the longest are cut to."""


class Tables(NamedTuple):
    """What is drawn from; arrays as kernels take them.

    Attributes:
        keys, ends, after, passed: of Chain.
        up: (W,) whether each token goes up. low, high: (W,) its sizes. gap: (W,) its class of gaps.
        gaps: (classes, 2, G, Q) quantiles of the gaps of each class, direction and class of gaps, ns.
    """

    keys: Ints
    ends: Ints
    after: Ints
    passed: Ints
    up: Bytes
    low: Ints
    high: Ints
    gap: Ints
    gaps: Floats


@compiled
def uniform(state: Ints) -> float:
    """A number in [0, 1); the state moves on."""
    state[0] = i64(u64(state[0]) + u64(0x9E3779B97F4A7C15))
    return float(i64(mixed(u64(state[0])) >> u64(11))) * 2.0**-53


@compiled
def _place(keys: Ints, key: int) -> int:
    """Where a key is, or -1."""
    low, high = 0, keys.size
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < keys.size and keys[low] == key else -1


@compiled
def _begins(segment: int, packets: int, segments: int) -> int:
    """The first packet of a segment, of packets behind the first ones."""
    return int(-(-segment * packets // segments))


@compiled
def _next(cell: int, past: Ints, order: int, tables: Tables, state: Ints) -> int:
    """The token after the tokens `past`, the latest one last; -1 where nothing was counted in the cell."""
    for length in range(order, -1, -1):
        key, known = longer(i64(length), cell), True
        for back in range(1, length + 1):
            if past[past.size - back] < 0:
                known = False
                break
            key = longer(key, past[past.size - back])
        at = _place(tables.keys, key) if known else -1
        if at < 0:
            continue
        begin, end = tables.ends[at], tables.ends[at + 1]
        total = tables.passed[end - 1]
        escape = i64(end - begin) if length > 0 else i64(0)
        point = i64(uniform(state) * (total + escape))
        if point >= total:
            continue
        low, high = begin, end - 1
        while low < high:
            middle = (low + high) >> 1
            if tables.passed[middle] > point:
                high = middle
            else:
                low = middle + 1
        return int(tables.after[low])
    return -1


@compiled
def _stretch(gaps: Floats, begin: int, end: int, wanted: float) -> None:
    """Let the gaps of a segment come to a time: the long ones first, which are waits.

    Beyond STRETCH the longest takes what is missing: one wait leaves the bursts beside it as they are.
    """
    long, rest, longest = 0.0, 0.0, begin
    for i in range(begin, end):
        if gaps[i] >= LONG_NS:
            long += gaps[i]
        else:
            rest += gaps[i]
        if gaps[i] > gaps[longest]:
            longest = i
    if end <= begin:
        return
    factor = (wanted - rest) / long if long > 0 else 0.0
    every = factor < SHRINK
    if every:
        factor = wanted / (long + rest) if long + rest > 0 else 0.0
    factor = min(factor, STRETCH)
    total = 0.0
    for i in range(begin, end):
        if every or gaps[i] >= LONG_NS:
            gaps[i] *= factor
        total += gaps[i]
    gaps[longest] += max(wanted - total, 0.0)


@compiled
def _cap(gaps: Floats, begin: int, end: int, wanted: float, least: float) -> None:
    """Let the gaps of a segment come to a time: the longest takes what is missing; of too much the longest are cut.

    All that are shorter stay, so what was sent together, and in the time of a round trip, still is: none is cut to
    less than `least`, even if the segment then takes longer.
    """
    total, longest = 0.0, begin
    for i in range(begin, end):
        total += gaps[i]
        if gaps[i] > gaps[longest]:
            longest = i
    if end <= begin:
        return
    if total <= wanted:
        gaps[longest] += wanted - total
        return
    low, high = 0.0, gaps[longest]
    for _ in range(HALVINGS):
        middle, total = (low + high) / 2, 0.0
        for i in range(begin, end):
            total += min(gaps[i], middle)
        if total > wanted:
            high = middle
        else:
            low = middle
    for i in range(begin, end):
        gaps[i] = min(gaps[i], max(low, least))


@compiled
def draw_tokens(
    kinds: Ints,
    cells: Ints,
    packets: Ints,
    ends: Ints,
    first: Ints,
    segments: Ints,
    sums: Floats,
    past: Ints,
    seeds: Ints,
    order: int,
    candidates: int,
    tables: Tables,
    tokens: Ints,
    sizes: Ints,
    gaps: Floats,
) -> None:
    """Tokens, sizes and gaps of the packets of flows (F,).

    Args:
        kinds: the class of each flow. cells: (F, SEGMENTS) whose chains its segments are drawn from.
        packets, first: how many packets it has, and where they begin in the output. ends: how many of them are drawn.
        segments, sums: of its course (course.py). past: (F, order) the tokens before. seeds: of each flow.
        candidates: blocks that are drawn, of which one is kept.
        tokens, sizes, gaps: (P,) what is drawn; gaps in ns.
    """
    most = max(candidates, SHORT_CANDIDATES)
    drawn, before = np.empty((most, BLOCK), np.int64), np.empty((most, past.shape[1]), np.int64)
    sized, state = np.empty((most, BLOCK), np.int64), np.zeros(1, np.int64)
    came, latest, sums_of = np.zeros(3), np.empty(past.shape[1], np.int64), np.empty((most, 3))
    for f in range(kinds.size):
        state[0] = seeds[f]
        latest[:] = past[f]
        n = packets[f]
        for s in range(segments[f]):
            begin, end = _begins(s, n, segments[f]), min(_begins(s + 1, n, segments[f]), ends[f])
            came[:] = 0
            i = begin
            while i < end:
                block = min(i64(BLOCK), end - i)
                best, least = 0, np.inf
                for c in range(candidates if n > SHORT else SHORT_CANDIDATES):
                    before[c] = latest
                    sums_of[c] = came
                    for j in range(block):
                        token = _next(cells[f, s], before[c], order, tables, state)
                        for k in range(past.shape[1] - 1):
                            before[c, k] = before[c, k + 1]
                        before[c, past.shape[1] - 1] = token
                        size = tables.low[token]
                        if tables.high[token] > size:
                            size += i64(uniform(state) * (tables.high[token] - size + 1))
                        drawn[c, j], sized[c, j] = token, size
                        up = tables.up[token] != 0
                        sums_of[c, 0] += 1 if up else 0
                        sums_of[c, 1 if up else 2] += size
                    share, away = (i + block - begin) / (end - begin), 0.0
                    for k in range(3):
                        unit = sums[f, s, k] * block / (end - begin) + (1.0 if k == 0 else 100.0)
                        away += ((sums_of[c, k] - sums[f, s, k] * share) / unit) ** 2
                    if away < least:
                        best, least = c, away
                for j in range(block):
                    tokens[first[f] + i + j], sizes[first[f] + i + j] = drawn[best, j], sized[best, j]
                latest[:] = before[best]
                came[:] = sums_of[best]
                i += block
            for i in range(first[f] + begin, first[f] + end):
                token = tokens[i]
                some = tables.gaps[kinds[f], 0 if tables.up[token] else 1, tables.gap[token]]
                point = uniform(state) * (some.size - 1)
                low = i64(point)
                gaps[i] = some[low] + (some[min(low + 1, some.size - 1)] - some[low]) * (point - low)


@compiled
def stretch(packets: Ints, ends: Ints, first: Ints, segments: Ints, sums: Floats, trips: Ints, gaps: Floats) -> None:
    """Let the gaps (P,) of each segment come to the time of its course; arguments as of `draw_tokens`.

    Only those of the first `ends` packets change: the last ones follow each other as they do in any ending. If these
    take all of a segment's time, the others keep `trips` (F,), the ns of a round trip.
    """
    for f in range(packets.size):
        n = packets[f]
        for s in range(segments[f]):
            begin, end = _begins(s, n, segments[f]), _begins(s + 1, n, segments[f])
            stop, rest = max(min(end, ends[f]), begin), 0.0
            for i in range(first[f] + stop, first[f] + end):
                rest += gaps[i]
            wanted = max(sums[f, s, 3] - rest, 0.0)
            if n > SHORT:
                _stretch(gaps, first[f] + begin, first[f] + stop, wanted)
            else:
                _cap(gaps, first[f] + begin, first[f] + stop, wanted, trips[f])
