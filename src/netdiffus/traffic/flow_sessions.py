"""Sessions: the flows of one client that follow each other without a long silence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Ints

SESSION_IDLE_NS = 60_000_000_000
"""A client that was silent for so long begins a new session."""


def flow_sessions(
    client: NDArray[np.generic], start_ns: Ints, end_ns: Ints, idle_ns: int = SESSION_IDLE_NS
) -> NDArray[np.int64]:
    """The session of each flow (F,), counted from 0 in the order in which sessions begin.

    A session is all flows of one client where none begins `idle_ns` or more after the end of all before it. Flows that
    overlap, or begin before another has ended, are thus of one session, however long it lasts.

    Args:
        client: who began each flow (F,), of any type that sorts: an address, a name, a number.
        start_ns, end_ns: times of its first and last packet (F,), in nanoseconds from any point; an end before its
            start counts as the start.
        idle_ns: the shortest silence between two sessions.
    """
    count = len(start_ns)
    if not count:
        return np.zeros(0, np.int64)
    _, owner = np.unique(client, return_inverse=True)
    order = np.lexsort((start_ns, owner))
    owner, start = owner.reshape(-1)[order], np.asarray(start_ns, np.int64)[order]
    end = np.maximum(start, np.asarray(end_ns, np.int64)[order])
    # The latest end so far, by client: as ranks, lifted by the number of the client above those of others.
    ends, rank = np.unique(end, return_inverse=True)
    latest = ends[np.maximum.accumulate(rank.reshape(-1) + owner * len(ends)) - owner * len(ends)]
    begins = np.ones(count, np.bool_)
    begins[1:] = (owner[1:] != owner[:-1]) | (start[1:] - latest[:-1] >= idle_ns)
    number = np.cumsum(begins) - 1
    by_time = np.argsort(np.lexsort((number[begins], start[begins])))
    sessions = np.empty(count, np.int64)
    sessions[order] = by_time[number]
    return sessions
