"""When packets come, and from where the first one: gaps to times and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.compiler.rules import DIRECTION, TIME
from netdiffus.compiler.specs import FlowRows
from netdiffus.wire.headers.fields import ACK, SYN, TCP
from netdiffus.wire.kernels.compiled import compiled, i64

LONGEST_NS = 10**15
"""The longest flow: 11 days."""
STILL_NS = 1000  # between packets of a flow whose times are all one


@compiled
def _times(
    flows: NDArray[np.void],
    first: NDArray[np.int64],
    counts: NDArray[np.int64],
    rows: NDArray[np.void],
    segments: NDArray[np.void],
    broken: NDArray[np.uint32],
    strict: bool,
    shortest_ns: int,
) -> None:
    for f in range(flows.size):
        t = i64(flows[f].start_ns)
        latest = t + LONGEST_NS
        for i in range(first[f], first[f] + counts[f]):
            gap = i64(rows[i].gap_ns)
            least = shortest_ns if i > first[f] else 0
            latest += least
            if strict:
                held = max(min(max(gap, i64(least)), latest - t), i64(least))
                if held != gap:
                    gap = held
                    broken[i] |= np.uint32(TIME)
            t += gap
            segments[i].time_ns = t
        if not strict or counts[f] == 0:
            continue
        begin = first[f]
        if counts[f] > 2 and t == segments[begin].time_ns:
            for i in range(begin + 1, begin + counts[f]):
                segments[i].time_ns = min(segments[i].time_ns + (i - begin) * STILL_NS, latest + STILL_NS)
                broken[i] |= np.uint32(TIME)
        flags = rows[begin].flags
        answer = shortest_ns == 0 and flows[f].protocol == TCP and flags & (SYN | ACK) == SYN | ACK
        if rows[begin].direction != answer:
            segments[begin].direction = answer
            broken[begin] |= np.uint32(DIRECTION)


def relate_times(flows: FlowRows, segments: NDArray[np.void]) -> None:
    """Fill gap_ns of the rows from the times of their packets."""
    gaps = np.diff(segments["time_ns"], prepend=0)
    gaps[flows.first[flows.counts > 0]] = 0
    flows.rows["gap_ns"] = gaps


def settle_times(
    flows: FlowRows, segments: NDArray[np.void], broken: NDArray[np.uint32], *, strict: bool, quiet: bool
) -> None:
    """Fill time_ns of the segments, and let a flow begin at its client; SYN with ACK first is the server's.

    `quiet` lets no two packets of a flow have one time, and every flow begin at its client.
    """
    if strict:
        wrong = segments["direction"] > 1
        segments["direction"][wrong] = 1
        broken[wrong] |= np.uint32(DIRECTION)
    _times(flows.flows, flows.first, flows.counts, flows.rows, segments, broken, strict, int(quiet))
