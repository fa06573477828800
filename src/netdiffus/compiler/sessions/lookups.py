"""Which servers a look-up asks for: those that the flows behind it go to, and no flow of the session went to before."""

from __future__ import annotations

import numpy as np

from netdiffus.arrays import Bools, Ints
from netdiffus.compiler.application import MOST_LOOKUPS
from netdiffus.traffic.session_links import Links


def looked_up(session: Ints, server: Ints, links: Links, lookup: Bools, start_ns: Ints) -> list[list[int]]:
    """For each flow (F,) the flows whose servers it asks for, those that follow it by their links first.

    Args:
        session, server: of each flow, sorted by session; servers are numbered within each.
        links: what flows follow. lookup: whether they go to a name server. start_ns: when they begin.
    """
    flows = np.arange(len(session))
    _, first = np.unique(session * (int(server.max(initial=0)) + 1) + server, return_index=True)
    fresh = np.isin(flows, first) & ~lookup
    parent = np.where(links.back > 0, flows - links.back, -1)
    waiting = [flow for flow in np.flatnonzero(fresh).tolist() if parent[flow] < 0 or not lookup[parent[flow]]]
    found: list[list[int]] = [[] for _ in flows]
    for flow in np.flatnonzero(fresh).tolist():
        if parent[flow] >= 0 and lookup[parent[flow]]:
            found[int(parent[flow])].append(flow)
    asking = np.flatnonzero(lookup)
    for flow in waiting:  # one that follows something else is asked for by the latest look-up before it
        before = asking[(session[asking] == session[flow]) & (start_ns[asking] < start_ns[flow])]
        if len(before):
            found[int(before[np.argmax(start_ns[before])])].append(flow)
    return [some[:MOST_LOOKUPS] for some in found]
