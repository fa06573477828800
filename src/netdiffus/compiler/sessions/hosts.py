"""Who talks to whom in sessions: a client keeps its address, and its stack goes on from flow to flow (habits.py)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bools, Ints
from netdiffus.compiler.endpoints import (
    EPHEMERAL,
    PORT_RANGES,
    TRIES,
    Network,
    clashes,
    client_ports,
    draw_numbers,
    networks,
    speaks_from,
)
from netdiffus.compiler.sessions.habits import Habits, drawn_shares, drawn_steps, latest
from netdiffus.compiler.specs import CLIENT, SERVER
from netdiffus.errors import InputError
from netdiffus.wire.headers.fields import TCP, UDP


def session_hosts(
    flows: NDArray[np.void],
    session: Ints,
    server: Ints,
    steps: Ints,
    habits: Habits,
    nets: tuple[Sequence[str], Sequence[str]],
    rng: np.random.Generator,
) -> NDArray[np.void]:
    """Flows (F,) of FLOW of sessions between fresh hosts, sorted by session and by beginning within it.

    All flows of a session have one client and one IP version. Two sessions have one client only where the network of
    clients is smaller than the number of sessions. Client and server keep their usual TTL, and a client its clock.

    Args:
        flows: with starts, ports as fresh_endpoints takes them, and facts of the hosts.
        session: numbers (F,) that ascend from 0. server: of each flow (F,), from 0 within each session.
        steps: (F,) by how much a flow takes the client's identification up.
        nets: networks of clients and of servers.

    Raises:
        InputError: a network is wrong, missing for an IP version that the flows have, or too small for them.
    """
    flows = flows.copy()
    flows["version"] = flows["version"][np.flatnonzero(np.diff(session, prepend=-1))][session]
    for side, number in ((CLIENT, session), (SERVER, session * (int(server.max(initial=0)) + 1) + server)):
        _, host = np.unique(number, return_inverse=True)
        _one_stack(flows, side, host.reshape(-1))
        _addresses(flows, side, host.reshape(-1), networks(nets[side]), rng)
    _ports(flows, session, server, habits, rng)
    draw_numbers(flows, rng)
    _clocks(flows, session, server, habits, rng)
    _identifications(flows, session, server, steps, habits, rng)
    return flows


def _one_stack(flows: NDArray[np.void], side: int, host: Ints) -> None:
    """The TTL and the clock of each host's first flow that has one, for all of its flows."""
    for name in ("ttl", "ts_mhz"):
        there = np.flatnonzero(flows[name][:, side] > 0)
        hosts, first = np.unique(host[there], return_index=True)
        kept = np.zeros(int(host.max(initial=-1)) + 1, np.int64)
        kept[hosts] = flows[name][there[first], side]
        flows[name][:, side] = np.where(flows[name][:, side] > 0, kept[host], 0)


def _addresses(
    flows: NDArray[np.void], side: int, host: Ints, nets: dict[int, Network], rng: np.random.Generator
) -> None:
    """An address for each host (F,), no two alike unless the network has too few."""
    _, first = np.unique(host, return_index=True)
    for version in np.unique(flows["version"]).tolist():
        if version not in nets:
            named = "server" if side else "client"
            raise InputError(
                f"a {named} network of IPv{version}, which these flows use", "none",
                f"add an IPv{version} network to --{named}-net",
            )  # fmt: skip
        some = np.flatnonzero(flows["version"][first] == version)
        drawn = nets[version].draw(len(some), rng)
        for _ in range(TRIES if nets[version].hosts >= 2 * len(some) else 0):
            _, kept = np.unique(drawn, axis=0, return_index=True)
            again = np.ones(len(drawn), np.bool_)
            again[kept] = False
            if not again.any():
                break
            drawn[again] = nets[version].draw(int(again.sum()), rng)
        here = flows["version"] == version
        place = np.full(len(first), -1, np.int64)
        place[some] = np.arange(len(some))
        flows["address"][here, side] = drawn[place[host[here]]]


def _ports(flows: NDArray[np.void], session: Ints, server: Ints, habits: Habits, rng: np.random.Generator) -> None:
    """Ports that go on as the habits say; no two flows share both ends.

    Raises:
        InputError: the networks have no room for so many flows.
    """
    asked, protocol = flows["port"].copy(), flows["protocol"].astype(np.int64)
    with_ports = np.isin(protocol, (TCP, UDP))
    flows["port"][~with_ports] = 0
    portless = with_ports & (asked[:, SERVER] == 0)
    flows["port"][portless, SERVER] = rng.integers(*EPHEMERAL, int(portless.sum()))
    drawn = with_ports & ~speaks_from(asked)
    port = flows["port"][:, SERVER].astype(np.int64)
    before, same = latest([session, protocol, server, port], [session, protocol], drawn)
    steps = np.where(before >= 0, drawn_steps(habits, protocol == TCP, same, rng), 0)
    open_ = np.flatnonzero(drawn)
    for _ in range(TRIES):
        fresh = open_[(steps[open_] == 0) & drawn[open_]]
        flows["port"][fresh, CLIENT] = client_ports(asked[fresh, CLIENT], protocol[fresh], rng)
        _count_on(flows["port"], steps, before)
        open_ = clashes(flows)
        if not len(open_):
            return
        steps[open_] = 0
    raise InputError(
        f"networks with room for {len(flows):,} flows", "too few hosts",
        "name larger networks with --client-net and --server-net",
    )  # fmt: skip


def _count_on(port: NDArray[np.uint16], steps: Ints, before: Ints) -> None:
    """Client ports (F, 2) that are a step from that of an earlier flow; beyond their range they begin at its start."""
    for flow in np.flatnonzero(steps != 0).tolist():
        last = int(port[before[flow], CLIENT])
        low, high = PORT_RANGES[int(np.searchsorted(PORT_RANGES[:, 1], last, side="right"))].tolist()
        port[flow, CLIENT] = low + (last - low + int(steps[flow])) % (high - low)


def _chain(session: Ints, server: Ints, some: Bools, shares: Sequence[float], rng: np.random.Generator) -> Ints:
    """The flow (F,) whose count each goes on from: the one before to the same server, else to any; -1: none.

    Args:
        some: flows that count. shares: of them that go on, see Habits.
    """
    before, same = latest([session, server], [session], some)
    return np.where(drawn_shares(shares, session, same, rng), before, -1)


def _clocks(flows: NDArray[np.void], session: Ints, server: Ints, habits: Habits, rng: np.random.Generator) -> None:
    """Timestamps of clients whose clock goes on (RFC 7323 section 5.4)."""
    some = (flows["protocol"] == TCP) & (flows["ts_mhz"][:, CLIENT] > 0)
    before = _chain(session, server, some, habits.clock, rng)
    start, rate = flows["start_ns"], flows["ts_mhz"][:, CLIENT]
    for flow in np.flatnonzero(before >= 0).tolist():
        other = before[flow]
        ticks = int(start[flow] - start[other]) * int(rate[flow]) // 10**12
        flows["ts_base"][flow, CLIENT] = (int(flows["ts_base"][other, CLIENT]) + ticks) % (1 << 32)


def _identifications(
    flows: NDArray[np.void], session: Ints, server: Ints, steps: Ints, habits: Habits, rng: np.random.Generator
) -> None:
    """Identifications of clients whose counter goes on: behind all that the flow before takes."""
    some = (flows["version"] == 4) & (steps > 0)
    before = _chain(session, server, some, habits.identification, rng)
    for flow in np.flatnonzero(before >= 0).tolist():
        other = before[flow]
        flows["id_base"][flow, CLIENT] = (int(flows["id_base"][other, CLIENT]) + int(steps[other])) % (1 << 16)
