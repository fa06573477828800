"""What each flow of a session follows: an event of an earlier flow, and how long after it the flow begins.

An event of a flow is its first packet, the first packet of its answer, or its last packet. A flow follows the latest
event before it begins; a flow to a server that is new to the session follows a look-up (DNS), if one of the session was
answered at most LOOKUP_NS before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netdiffus.arrays import Bools, Ints

BEGUN, ANSWERED, ENDED = range(3)
EVENTS = 3
NEVER = -1
LOOKUP_NS = 10_000_000_000
FARTHEST = 63
"""Flows that a link reaches back at most."""


@dataclass(frozen=True)
class Links:
    """What flows (F,) follow.

    Attributes:
        back: how many flows of the session earlier the other one began; 0: the flow is the session's first.
        event: BEGUN, ANSWERED or ENDED. delay_ns: from the event to the flow's beginning.
    """

    back: Ints
    event: Ints
    delay_ns: Ints


def links_of(session: Ints, times: Ints, lookup: Bools, fresh: Bools) -> Links:
    """The links of flows, which are sorted by session and by beginning within it.

    Args:
        session: of each flow (F,).
        times: (F, EVENTS) ns of its events; NEVER: there is none.
        lookup: whether it is a look-up (F,). fresh: whether its server is new to the session (F,).
    """
    count = len(session)
    back, event, delay = np.zeros((3, count), np.int64)
    first = np.flatnonzero(np.diff(session, prepend=-1))
    begins = np.repeat(first, np.diff(np.append(first, count)))
    for flow in np.flatnonzero(np.arange(count) > begins).tolist():
        some = slice(max(int(begins[flow]), flow - FARTHEST), flow)
        start, before = times[flow, BEGUN], times[some]
        there = (before != NEVER) & (before <= start)
        named = there[:, 1:] & lookup[some, None] & (before[:, 1:] >= start - LOOKUP_NS)
        if fresh[flow] and not lookup[flow] and named.any():
            there[:, 1:], there[:, BEGUN] = named, False
        when = np.where(there, before, NEVER)
        latest = int(when.size - 1 - np.argmax(when.ravel()[::-1]))  # of equal ones the latest flow's
        place = latest // EVENTS
        event[flow] = latest % EVENTS
        back[flow] = flow - (some.start + place)
        delay[flow] = start - when.ravel()[latest]
    return Links(back, event, delay)


def linked_starts(session: Ints, links: Links, events: Ints) -> Ints:
    """When flows begin (F,), ns after their session's first flow, if links lead and flows take as long as they do.

    Args:
        session: of each flow (F,), sorted.
        events: (F, EVENTS) ns after each flow's beginning; an event that is NEVER is taken to be the beginning.
    """
    starts = np.zeros(len(session), np.int64)
    after = np.maximum(events, 0)
    for flow in np.flatnonzero(links.back > 0).tolist():
        other = flow - int(links.back[flow])
        starts[flow] = starts[other] + after[other, links.event[flow]] + links.delay_ns[flow]
    return starts
