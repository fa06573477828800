"""Which server of its session a flow goes to: a new one, or one of those before, as a small number.

Servers that had a flow of the same kind come before others, and of those the latest one first: a web server that is
asked again, and a host that is scanned port by port, are number 1. Name servers are counted apart: they are known to
look-ups alone, and look-ups know no others.
"""

from __future__ import annotations

from itertools import count

import numpy as np

from netdiffus.arrays import Bools, Ints

NEW = 0
MOST = 31
"""The largest number; servers farther back count as new."""


class Known:
    """The servers of a session so far, the latest first, and the kinds of the flows to each."""

    def __init__(self) -> None:
        self._kinds: tuple[dict[int, set[int]], dict[int, set[int]]] = ({}, {})

    def ranked(self, kind: int, lookup: bool) -> list[int]:
        """Servers in the order in which they are numbered, from 1 on, for a flow of this kind."""
        kinds = self._kinds[lookup]
        latest = list(kinds)[::-1]
        return sorted(latest, key=lambda server: kind not in kinds[server])[:MOST]

    def went_to(self, server: int, kind: int, lookup: bool) -> None:
        """A flow of this kind to a server."""
        kinds = self._kinds[lookup]
        kinds[server] = kinds.pop(server, set()) | {kind}


def server_ranks(session: Ints, server: Ints, kind: Ints, lookup: Bools) -> Ints:
    """Numbers (F,) of the servers of flows, which are sorted by session and by beginning within it; NEW: a new one."""
    ranks, known, before = np.zeros(len(session), np.int64), Known(), -1
    columns = (part.tolist() for part in (session, server, kind, lookup))
    for flow, (group, host, what, asks) in enumerate(zip(*columns, strict=True)):
        known = known if group == before else Known()
        order, before = known.ranked(what, asks), group
        ranks[flow] = order.index(host) + 1 if host in order else NEW
        known.went_to(host, what, asks)
    return ranks


def servers_of_ranks(session: Ints, rank: Ints, kind: Ints, lookup: Bools) -> Ints:
    """The way back: servers (F,) as numbers, from 0 within each session; a rank beyond those known is a new one."""
    servers, known, before, fresh = np.zeros(len(session), np.int64), Known(), -1, count()
    columns = (part.tolist() for part in (session, rank, kind, lookup))
    for flow, (group, place, what, asks) in enumerate(zip(*columns, strict=True)):
        if group != before:
            known, before, fresh = Known(), group, count()
        order = known.ranked(what, asks)
        servers[flow] = order[place - 1] if 0 < place <= len(order) else next(fresh)
        known.went_to(int(servers[flow]), what, asks)
    return servers
