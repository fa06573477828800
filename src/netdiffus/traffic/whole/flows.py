"""Whole flows as arrays: what a flow collector or Zeek's conn.log records of each, and the delays in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Floats, Ints
from netdiffus.traffic.flow_sessions import flow_sessions
from netdiffus.traffic.whole.arrivals import Arrivals

UP, DOWN = 0, 1


@dataclass(frozen=True)
class Delays:
    """Samples of a delay: the flow that has it (M,), ascending, and nanoseconds (M,)."""

    owner: Ints
    ns: Ints


@dataclass(frozen=True)
class WholeFlows:
    """Flows with all their packets.

    Attributes:
        labels: (F,).
        capture: number of the capture that has it (F,).
        client, server: numbers that stand for their addresses (F,), the same in both.
        protocol, server_port: (F,).
        start_ns, end_ns: times of the first and the last packet (F,).
        packets, ip_bytes, payload: up and down, (F, 2).
        history: flags seen, up and down, (F, 2); bits of traffic/whole/kernel.py.
        reset_by: who reset first, UP, DOWN or -1, (F,).
        session: a number for each session (F,).
        named: 1 where the client was given the server's address in a DNS answer just before, 0 where not, -1 where the
            payload of answers is not known (F,).
    """

    labels: NDArray[np.str_]
    capture: Ints
    client: Ints
    server: Ints
    protocol: Ints
    server_port: Ints
    start_ns: Ints
    end_ns: Ints
    packets: Ints
    ip_bytes: Ints
    payload: Ints
    history: Ints
    reset_by: Ints
    session: Ints
    named: Ints

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> WholeFlows:
        """Some of them, by index or by mask."""
        return WholeFlows(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def duration_ns(self) -> Floats:
        """From the first packet to the last (F,)."""
        return (self.end_ns - self.start_ns).astype(np.float64)


def sessions_of(capture: Ints, client: Ints, start_ns: Ints, end_ns: Ints) -> Ints:
    """The sessions of flows by their client and its silences (traffic/flow_sessions.py), each within its capture."""
    _, owner = np.unique(np.stack([capture, client], axis=1), axis=0, return_inverse=True)
    return flow_sessions(owner.reshape(-1), start_ns, end_ns)


@dataclass(frozen=True)
class Whole:
    """All traffic of some captures.

    Attributes:
        flows: its labelled flows.
        arrivals: all its packets, by capture and millisecond.
        responses: from the last byte of a request of the client to the first byte of the answer.
        round_trips: from a segment of the client to its acknowledgement.
    """

    flows: WholeFlows
    arrivals: Arrivals
    responses: Delays
    round_trips: Delays

    @property
    def labels(self) -> NDArray[np.str_]:
        """The label of each flow (F,)."""
        return self.flows.labels


def joined(parts: Sequence[Whole]) -> Whole:
    """The traffic of all parts, whose captures have different numbers."""
    flows = [part.flows for part in parts]
    sessions, before = [], 0
    for part in flows:
        sessions.append(part.session + before)
        before += int(part.session.max(initial=-1)) + 1
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in flows]) for field in fields(WholeFlows)
    } | {"session": np.concatenate(sessions)}
    first = np.cumsum([0, *(len(part) for part in flows[:-1])])
    responses, trips = (
        Delays(
            np.concatenate([each.owner + start for each, start in zip(some, first, strict=True)]),
            np.concatenate([each.ns for each in some]),
        )
        for some in ([part.responses for part in parts], [part.round_trips for part in parts])
    )
    arrivals = Arrivals(
        *(np.concatenate([getattr(part.arrivals, field.name) for part in parts]) for field in fields(Arrivals))
    )
    return Whole(WholeFlows(**columns), arrivals, responses, trips)
