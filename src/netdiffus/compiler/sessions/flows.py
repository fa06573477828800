"""The flows of sessions as they were observed: who talks to whom, and when something happens in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Ints
from netdiffus.compiler.specs import CLIENT, SERVER, FlowRows
from netdiffus.traffic.session_links import ANSWERED, BEGUN, ENDED, EVENTS, NEVER


@dataclass(frozen=True)
class SessionFlows:
    """Flows, sorted by session and by beginning within it.

    Attributes:
        flows: (F,) of FLOW. session: numbers (F,) that ascend from 0.
        names: class LABEL/PROTOCOL of each.
        events: (F, EVENTS) ns after each flow's first packet; NEVER where there is none.
        steps: (F,) by how much the client's identification went up.
    """

    flows: NDArray[np.void]
    session: Ints
    names: tuple[str, ...]
    events: Ints
    steps: Ints

    @classmethod
    def of(cls, parts: Sequence[tuple[FlowRows, Ints, Sequence[str]]]) -> SessionFlows:
        """The same of flows in any order, some at a time: with all packets, with sessions (any numbers), and names."""
        flows = np.concatenate([rows.flows for rows, _, _ in parts])
        events = np.concatenate([_events(rows) for rows, _, _ in parts])
        steps = np.concatenate([steps_of(rows) for rows, _, _ in parts])
        session = np.concatenate([numbers for _, numbers, _ in parts])
        names = [name for _, _, some in parts for name in some]
        order = np.lexsort((flows["start_ns"], session))
        _, number = np.unique(session[order], return_inverse=True)
        return cls(flows[order], number, tuple(names[k] for k in order.tolist()), events[order], steps[order])

    def __len__(self) -> int:
        return len(self.flows)

    @property
    def server(self) -> Ints:
        """A number for each server address (F,)."""
        _, number = np.unique(self.flows["address"][:, SERVER], axis=0, return_inverse=True)
        return number.reshape(-1).astype(np.int64)

    @property
    def port(self) -> Ints:
        """The server's port (F,)."""
        return self.flows["port"][:, SERVER].astype(np.int64)

    @property
    def times(self) -> Ints:
        """(F, EVENTS) ns of the events after the session's first packet; NEVER where there is none."""
        first = np.flatnonzero(np.diff(self.session, prepend=-1))
        start = self.flows["start_ns"] - self.flows["start_ns"][first][self.session]
        return np.where(self.events == NEVER, NEVER, self.events + start[:, None])


def _events(rows: FlowRows) -> Ints:
    """(F, EVENTS) of flows with all their packets."""
    time_ns = np.cumsum(rows.rows["gap_ns"])
    return events_of(rows.owner, rows.rows["direction"], time_ns, len(rows))


def events_of(owner: Ints, direction: NDArray[np.uint8], time_ns: Ints, count: int) -> Ints:
    """(count, EVENTS) of flows: their first packet, the first of the answer, and the last, ns after the first.

    Args:
        owner, direction, time_ns: of packets (P,), flow after flow and in order of time; a flow without packets has
            its beginning alone.
    """
    events = np.full((count, EVENTS), NEVER, np.int64)
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(first, owner, time_ns)
    np.maximum.at(last, owner, time_ns)
    answer, there = np.full(count, np.iinfo(np.int64).max), last >= first
    back = direction != CLIENT
    np.minimum.at(answer, owner[back], time_ns[back])
    events[:, BEGUN] = 0
    answered = there & (answer < np.iinfo(np.int64).max)
    events[answered, ANSWERED] = (answer - first)[answered]
    events[there, ENDED] = (last - first)[there]
    return events


def steps_of(rows: FlowRows) -> Ints:
    """(F,) by how much the client's identification goes up in each flow."""
    ours = rows.rows["direction"] == CLIENT
    return np.bincount(rows.owner[ours], rows.rows["id_step"][ours], len(rows)).astype(np.int64)
