"""Which server of its session a flow goes to: a new one, or one of those before, as a small number.

Servers that had a flow of the same kind come before others, and of those the latest one first: a name server, a web
server that is asked again, and a host that is scanned port by port are all number 1.
"""

from __future__ import annotations

import numpy as np

from netdiffus.arrays import Ints

NEW = 0
MOST = 31
"""The largest number; servers farther back count as new."""


class Known:
    """The servers of a session so far, the latest first, and the kinds of the flows to each."""

    def __init__(self) -> None:
        self._kinds: dict[int, set[int]] = {}

    def ranked(self, kind: int) -> list[int]:
        """Servers in the order in which they are numbered, from 1 on, for a flow of this kind."""
        latest = list(reversed(self._kinds))
        return sorted(latest, key=lambda server: kind not in self._kinds[server])[:MOST]

    def went_to(self, server: int, kind: int) -> None:
        """A flow of this kind to a server."""
        self._kinds[server] = self._kinds.pop(server, set()) | {kind}

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._kinds)


def server_ranks(session: Ints, server: Ints, kind: Ints) -> Ints:
    """Numbers (F,) of the servers of flows, which are sorted by session and by beginning within it; NEW: a new one."""
    ranks, known, before = np.zeros(len(session), np.int64), Known(), -1
    for flow, (group, host, what) in enumerate(zip(session.tolist(), server.tolist(), kind.tolist(), strict=True)):
        known = known if group == before else Known()
        order, before = known.ranked(what), group
        ranks[flow] = order.index(host) + 1 if host in order else NEW
        known.went_to(host, what)
    return ranks


def servers_of_ranks(session: Ints, rank: Ints, kind: Ints) -> Ints:
    """The way back: servers (F,) as numbers, from 0 within each session; a rank beyond those known is a new one."""
    servers, known, before = np.zeros(len(session), np.int64), Known(), -1
    for flow, (group, place, what) in enumerate(zip(session.tolist(), rank.tolist(), kind.tolist(), strict=True)):
        known = known if group == before else Known()
        order, before = known.ranked(what), group
        servers[flow] = order[place - 1] if 0 < place <= len(order) else known.count
        known.went_to(int(servers[flow]), what)
    return servers
