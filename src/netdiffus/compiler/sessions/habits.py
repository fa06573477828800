"""What a client's stack carries from flow to flow: its ports, the timestamps of its clock, and identifications.

Linux gives connections to the same server and port numbers that go up by small even steps, and others any number; its
timestamps have an offset of their own for each connection, or for each pair of hosts (RFC 7323 section 5.4), and its
identifications begin anew with each socket. Other stacks count on. Which of it holds is counted in the training flows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from netdiffus.arrays import Bools, Ints
from netdiffus.compiler.sessions.flows import SessionFlows
from netdiffus.compiler.specs import CLIENT
from netdiffus.compiler.timestamps import USUAL_MHZ
from netdiffus.manifest import Manifest
from netdiffus.traffic.session_links import ENDED
from netdiffus.wire.headers.fields import TCP

NEAR = 64
"""Steps of client ports up to so many, in either direction, are counting on."""
LATE_MS, LATE_SHARE = 20.0, 0.002
"""A clock goes on if it is so near to where it should be: in milliseconds, or as a share of the time between."""
ID_NEAR = 1024
"""Identifications go on if the next flow's first is at most so many after the last one's last."""
MOST_STEPS = 1024

Share = Annotated[float, Field(ge=0, le=1)]
Pair = Annotated[list[Share], Field(min_length=2, max_length=2)]
Step = Annotated[int, Field(ge=-NEAR, le=NEAR)]


class Habits(Manifest):
    """How often what goes on from a flow to the next of its client; pairs are: to the same server, to another.

    Attributes:
        steps: of client ports, as many of each as occurred (quantiles, where there are many); 0: any other port. Of TCP
            to the same server and port, of TCP to others, and the same of other protocols.
        clock: shares of connections whose timestamps go on. identification: shares of flows whose counter goes on.
    """

    steps: Annotated[list[Annotated[list[Step], Field(max_length=MOST_STEPS)]], Field(min_length=4, max_length=4)]
    clock: Pair
    identification: Pair

    @classmethod
    def fit(cls, flows: SessionFlows) -> Habits:
        """The habits of the clients of training flows."""
        return cls(
            steps=_steps(flows), clock=_shares(*_clocks(flows)), identification=_shares(*_identifications(flows))
        )


def previous(keys: list[Ints], some: Bools) -> Ints:
    """For each flow (F,) the number of the latest one before with the same keys, of some flows; -1: there is none."""
    found = np.full(len(some), -1, np.int64)
    here = np.flatnonzero(some)
    if len(here) < 2:
        return found
    _, number = np.unique(np.stack([key[here] for key in keys], axis=1), axis=0, return_inverse=True)
    order = np.argsort(number.reshape(-1), kind="stable")
    same = np.diff(number.reshape(-1)[order]) == 0
    found[here[order[1:][same]]] = here[order[:-1][same]]
    return found


def latest(near: list[Ints], far: list[Ints], some: Bools) -> tuple[Ints, Bools]:
    """For each flow (F,) the latest one before with the same near keys, else with the same far ones (-1: none), and
    whether it is a near one."""
    first = previous(near, some)
    return np.where(first >= 0, first, previous(far, some)), first >= 0


def _shares(goes_on: Bools, same: Bools) -> list[float]:
    return [float(goes_on[which].mean()) if which.any() else 0.0 for which in (same, ~same)]


def _steps(flows: SessionFlows) -> list[list[int]]:
    port, protocol = flows.flows["port"][:, CLIENT].astype(np.int64), flows.flows["protocol"].astype(np.int64)
    some = port > 0
    before, same = latest([flows.session, protocol, flows.server, flows.port], [flows.session, protocol], some)
    tcp = protocol == TCP
    return [_kept_steps(port, np.where(here & side, before, -1)) for here in (tcp, ~tcp) for side in (same, ~same)]


def _kept_steps(port: Ints, before: Ints) -> list[int]:
    later = np.flatnonzero(before >= 0)
    steps = port[later] - port[before[later]]
    steps = np.sort(np.where(np.abs(steps) <= NEAR, steps, 0))
    if len(steps) > MOST_STEPS:
        steps = steps[((np.arange(MOST_STEPS) + 0.5) * len(steps) / MOST_STEPS).astype(np.int64)]
    return [int(step) for step in steps]


def _clocks(flows: SessionFlows) -> tuple[Bools, Bools]:
    """Of connections with one before, whether the clock goes on, and whether both are to the same server."""
    rate = flows.flows["ts_mhz"][:, CLIENT].astype(np.int64)
    stamped = (flows.flows["protocol"] == TCP) & (rate > 0) & (flows.flows["ts_base"][:, CLIENT] > 0)
    before, same = _pairs(flows, stamped)
    now = np.flatnonzero(before >= 0)
    elapsed = (flows.flows["start_ns"][now] - flows.flows["start_ns"][before[now]]) / 1e9
    base = flows.flows["ts_base"][:, CLIENT].astype(np.int64)
    ticks = (base[now] - base[before[now]] + (1 << 31)) % (1 << 32) - (1 << 31)
    nearest = USUAL_MHZ[np.abs(np.log(np.maximum(rate[now], 1)[:, None] / USUAL_MHZ)).argmin(axis=1)] / 1e3
    late = np.abs(ticks / nearest - elapsed)
    return np.asarray(late <= LATE_MS / 1e3 + LATE_SHARE * np.abs(elapsed)), same[now]


def _identifications(flows: SessionFlows) -> tuple[Bools, Bools]:
    """The same of the identifications of flows of IPv4 that end before the next one begins."""
    before, same = _pairs(flows, (flows.flows["version"] == 4) & (flows.steps > 0))
    now = np.flatnonzero(before >= 0)
    ends = flows.flows["start_ns"][before[now]] + np.maximum(flows.events[before[now], ENDED], 0)
    now = now[flows.flows["start_ns"][now] >= ends]
    base = flows.flows["id_base"][:, CLIENT].astype(np.int64)
    step = (base[now] - base[before[now]] - flows.steps[before[now]]) % (1 << 16)
    return np.asarray(step <= ID_NEAR), same[now]


def _pairs(flows: SessionFlows, some: Bools) -> tuple[Ints, Bools]:
    """The flow before each (F,) to the same server, else the one before to any; and whether it is the same server."""
    return latest([flows.session, flows.server], [flows.session], some)


def drawn_steps(habits: Habits, tcp: Bools, same: Bools, rng: np.random.Generator) -> Ints:
    """Steps (F,) of client ports: of TCP or not, to the same server and port or to others; 0: any other port."""
    found = np.zeros(len(same), np.int64)
    kinds = (tcp & same, tcp & ~same, ~tcp & same, ~tcp & ~same)
    for steps, here in zip(habits.steps, kinds, strict=True):
        if steps:
            found[here] = rng.choice(np.array(steps), int(here.sum()))
    return found


def drawn_shares(shares: Sequence[float], session: Ints, same: Bools, rng: np.random.Generator) -> Bools:
    """Whether something goes on in flows (F,), which is the same for all flows of a session: a client has one stack."""
    luck = rng.random(int(session.max(initial=-1)) + 1)[session]
    return np.asarray(luck < np.where(same, *shares))
