"""Which servers a look-up asks for: those that the flows behind it go to."""

from __future__ import annotations

import numpy as np

from netdiffus.arrays import Bools, Ints
from netdiffus.compiler.application import MOST_LOOKUPS
from netdiffus.traffic.session_links import LOOKUP_NS, Links


def looked_up(
    session: Ints, server: Ints, links: Links, lookup: Bools, start_ns: Ints, answered_ns: Ints
) -> list[list[int]]:
    """For each flow (F,) flows whose servers it asks for, one of each server.

    A flow's server is asked for by the look-up that the flow follows. One that follows something else is asked for by
    the latest look-up that was answered at most LOOKUP_NS before, asks for the same server or for none yet, and failing
    that by the latest of its session.

    Args:
        session, server: of each flow, sorted by session; servers are numbered within each.
        links: what flows follow. lookup: whether they go to a name server. start_ns: when they begin.
        answered_ns: when they are answered; what is not a look-up does not matter.
    """
    flows, count = np.arange(len(session)), int(session.max(initial=-1)) + 1
    parent = np.where(links.back > 0, flows - links.back, 0)
    linked = (links.back > 0) & lookup[parent] & ~lookup
    found: list[list[int]] = [[] for _ in flows]
    for flow in np.flatnonzero(linked).tolist():
        found[int(parent[flow])].append(flow)
    asking: list[list[int]] = [[] for _ in range(count)]
    for flow in np.flatnonzero(lookup)[np.argsort(answered_ns[lookup], kind="stable")].tolist():
        asking[int(session[flow])].append(flow)
    rest = np.flatnonzero(~linked & ~lookup)
    for flow in rest[np.argsort(start_ns[rest], kind="stable")].tolist():
        before = [each for each in asking[int(session[flow])] if answered_ns[each] <= start_ns[flow]]
        near = [each for each in before if answered_ns[each] >= start_ns[flow] - LOOKUP_NS]
        same = [each for each in near if server[flow] in server[found[each]]]
        if not same and before:
            found[next((each for each in reversed(near) if not found[each]), before[-1])].append(flow)
    return [_one_each(some, server)[:MOST_LOOKUPS] for some in found]


def _one_each(flows: list[int], server: Ints) -> list[int]:
    """The first flow to each server."""
    return list({int(server[flow]): flow for flow in reversed(flows)}.values())[::-1]
