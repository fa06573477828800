"""What IPv4 and IPv6 headers have of their own: identification, TTL, flow label (RFC 791, 6864, 8200, 6437)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.compiler.rules import IDENTIFICATION, TTL
from netdiffus.compiler.specs import FlowRows
from netdiffus.wire.kernels.compiled import compiled, i64

REPEATED = 1 << 16
LABEL_BITS = 0xF_FFFF


@compiled
def _relate(
    flows: NDArray[np.void],
    first: NDArray[np.int64],
    counts: NDArray[np.int64],
    rows: NDArray[np.void],
    segments: NDArray[np.void],
) -> None:
    tally = np.zeros((2, 256), np.int64)
    for f in range(flows.size):
        g = flows[f]
        begin, end = first[f], first[f] + counts[f]
        tally[:] = 0
        seen, labelled = 0, 0
        for i in range(begin, end):
            p = segments[i]
            bit = 1 << p.direction
            tally[p.direction, p.ttl] += 1
            if p.id != 0 and not seen & bit:
                seen |= bit
                g.id_base[p.direction] = (i64(p.id) - 1) & 0xFFFF
            if not labelled & bit:
                labelled |= bit
                g.label[p.direction] = p.label
        counter = np.array([i64(g.id_base[0]), i64(g.id_base[1])])
        label = np.array([i64(g.label[0]), i64(g.label[1])])
        for side in range(2):
            g.ttl[side] = np.argmax(tally[side])
        for i in range(begin, end):
            p, s = segments[i], i64(segments[i].direction)
            rows[i].ttl_step = i64(p.ttl) - i64(g.ttl[s])
            if p.id != 0:
                rows[i].id_step = ((i64(p.id) - counter[s] - 1) & 0xFFFF) + 1
                counter[s] = i64(p.id)
            rows[i].label_step = (i64(p.label) - label[s]) & LABEL_BITS
            label[s] = i64(p.label)


@compiled
def _settle(
    flows: NDArray[np.void],
    first: NDArray[np.int64],
    counts: NDArray[np.int64],
    rows: NDArray[np.void],
    segments: NDArray[np.void],
    broken: NDArray[np.uint32],
    strict: bool,
    quiet: bool,
) -> None:
    for f in range(flows.size):
        g = flows[f]
        counter = np.array([i64(g.id_base[0]), i64(g.id_base[1])])
        label = np.array([i64(g.label[0]), i64(g.label[1])])
        for i in range(first[f], first[f] + counts[f]):
            r, p, s = rows[i], segments[i], i64(segments[i].direction)
            if p.dropped:
                continue
            ttl, step = i64(g.ttl[s]) + r.ttl_step, i64(r.id_step)
            if strict:
                if ttl < 1 or ttl > 255:
                    ttl = min(max(ttl, i64(1)), i64(255))
                    broken[i] |= np.uint32(TTL)
                if step < 0 or step > REPEATED or (quiet and step == REPEATED and not p.dont_fragment):
                    step = i64(1)
                    broken[i] |= np.uint32(IDENTIFICATION)
                if g.version == 6 and (step or p.dont_fragment):
                    broken[i] |= np.uint32(IDENTIFICATION)
            p.ttl = ttl
            if g.version == 6:
                p.dont_fragment = 0
                label[s] = (label[s] + r.label_step) & LABEL_BITS
                p.label = label[s]
            elif step:
                counter[s] = (counter[s] + step) & 0xFFFF
                p.id = counter[s]


def relate_network(flows: FlowRows, segments: NDArray[np.void]) -> None:
    """Fill ttl_step, id_step and label_step of the rows, and what they are counted from of the flows."""
    _relate(flows.flows, flows.first, flows.counts, flows.rows, segments)


def settle_network(
    flows: FlowRows, segments: NDArray[np.void], broken: NDArray[np.uint32], *, strict: bool, quiet: bool
) -> None:
    """Fill ttl, id and label of the segments; `quiet` also forbids to repeat an identification, as some stacks do."""
    _settle(flows.flows, flows.first, flows.counts, flows.rows, segments, broken, strict, quiet)
