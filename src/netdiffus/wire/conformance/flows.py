"""The flows of a capture while it is checked: which packet belongs to which, and what was found in each.

A flow is a bidirectional 5-tuple; a SYN with a new sequence number begins another one. No time ends it. At most
MAX_FLOWS are held: when more are open, the half that has been silent longest is closed and counted, and what comes of
it later is a flow that begins in the midst of a connection.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.wire.conformance.segments import N_SIDE
from netdiffus.wire.headers.fields import ACK, FIN, LATER, OK, RST, SYN, TCP
from netdiffus.wire.kernels.compiled import compiled, i64, u64

MAX_FLOWS = 1 << 16
SAME_TIME_PACKETS = 8
"""A flow of so many packets cannot have passed a wire within one tick of the clock."""
FLOW = np.dtype(
    [
        ("a_high", "u8"),
        ("a_low", "u8"),
        ("b_high", "u8"),
        ("b_low", "u8"),
        ("start_ns", "i8"),
        ("last_ns", "i8"),
        ("n_packets", "i8"),
        ("number", "i8"),  # of the flow in the capture, from 0
        ("packet", "i8"),  # number of its first packet in the capture, from 1
        ("isn", "u4", (2,)),
        ("a_port", "u2"),
        ("b_port", "u2"),
        ("version", "u1"),
        ("protocol", "u1"),
        ("isn_known", "u1"),  # a bit a side
        ("closed", "u1"),  # a bit a side: FIN or RST sent
        ("by_syn", "u1"),  # whether the first packet is a SYN
        ("moved", "u1"),  # whether two packets have different times
    ],
    align=True,
)


@compiled
def _mix(h: Any, value: Any) -> int:
    """One round of a hash: xor, multiply, fold (the finaliser of MurmurHash3)."""
    h = (h ^ value) * u64(0xFF51AFD7ED558CCD)
    mixed: int = h ^ (h >> u64(32))
    return mixed


@compiled
def _hash(g: Any, seed: np.uint64) -> int:
    ends = u64(g.a_port) << u64(32) | u64(g.b_port) << u64(16)
    h = _mix(seed, ends | u64(g.protocol) << u64(8) | u64(g.version))
    return _mix(_mix(_mix(_mix(h, g.a_low), g.b_low), g.a_high), g.b_high)


@compiled
def _place(slots: NDArray[np.int64], flows: NDArray[np.void], g: Any, seed: np.uint64) -> int:
    """The slot of the newest flow between the ends that g names, or the empty slot where it would be."""
    mask = u64(slots.size - 1)
    slot = u64(_hash(g, seed)) & mask
    while slots[slot] >= 0:
        r = flows[slots[slot]]
        if (
            r.a_low == g.a_low
            and r.b_low == g.b_low
            and r.a_port == g.a_port
            and r.b_port == g.b_port
            and r.protocol == g.protocol
            and r.version == g.version
            and r.a_high == g.a_high
            and r.b_high == g.b_high
        ):
            break
        slot = (slot + u64(1)) & mask
    return slot


@compiled
def _name(p: Any, g: Any) -> int:
    """The ends of a packet into g, in an order of their own; returns which of them sent it."""
    if p.source_high != p.destination_high:
        swap = p.source_high > p.destination_high
    elif p.source_low != p.destination_low:
        swap = p.source_low > p.destination_low
    else:
        swap = p.source_port > p.destination_port
    g.version, g.protocol = p.version, p.protocol
    if swap:
        g.a_high, g.a_low, g.a_port = p.destination_high, p.destination_low, p.destination_port
        g.b_high, g.b_low, g.b_port = p.source_high, p.source_low, p.source_port
        return 1
    g.a_high, g.a_low, g.a_port = p.source_high, p.source_low, p.source_port
    g.b_high, g.b_low, g.b_port = p.destination_high, p.destination_low, p.destination_port
    return 0


@compiled
def _begins(g: Any, p: Any, side: int) -> bool:
    """Whether a packet between the ends of g begins another flow."""
    if p.protocol != TCP or p.flags & (SYN | ACK | RST) != SYN:
        return False
    if g.isn_known & (1 << side):
        return bool(g.isn[side] != p.seq)
    return bool(g.closed or not g.isn_known or not g.by_syn)


@compiled
def _assign(
    fields: NDArray[np.void],
    time_ns: NDArray[np.int64],
    slots: NDArray[np.int64],
    flows: NDArray[np.void],
    n_flows: int,
    total: int,
    number: NDArray[np.int64],
    seed: np.uint64,
    name: NDArray[np.void],
    out: NDArray[np.int64],
    sides: NDArray[np.int8],
    first: NDArray[np.bool_],
) -> int:
    """Give each packet its flow; returns the number of flows."""
    g = name[0]
    for i in range(fields.size):
        p, t = fields[i], time_ns[i]
        out[i] = -1
        if p.status != OK or p.fragment == LATER:
            continue
        side = i64(_name(p, g))
        slot = _place(slots, flows, g, seed)
        f = slots[slot]
        if f < 0 or _begins(flows[f], p, side):
            f = i64(n_flows)
            slots[slot] = f
            r = flows[f]
            _name(p, r)
            r.start_ns, r.last_ns, r.n_packets, r.number = t, t, 0, total
            r.packet = number[i]
            r.isn_known, r.closed, r.moved = 0, 0, 0
            r.by_syn = p.protocol == TCP and p.flags & (SYN | ACK | RST) == SYN
            first[i] = True
            n_flows += 1
            total += 1
        r = flows[f]
        r.n_packets += 1
        r.moved |= t != r.start_ns
        r.last_ns = max(r.last_ns, t)
        if p.protocol == TCP:
            bit = i64(1) << side
            if p.flags & SYN and not r.isn_known & bit:
                r.isn_known |= bit
                r.isn[side] = p.seq
            if p.flags & (FIN | RST):
                r.closed |= bit
        out[i], sides[i] = f, side
    return n_flows


@compiled
def _refill(slots: NDArray[np.int64], flows: NDArray[np.void], n_flows: int, seed: np.uint64) -> None:
    for f in range(n_flows):
        slots[_place(slots, flows, flows[f], seed)] = f


class Flows:
    """The open flows, and counts of those that are closed.

    Attributes:
        sides: what segments.py knows of the flows' sides, int64 (capacity, 2, N_SIDE).
        found: which rules were broken in a flow, bool (capacity, rules).
        counts: flows, free of faults, and the same of TCP flows that begin with SYN.
        by_rule: closed flows by broken rule.
        forgotten: flows that were closed to bound the memory.
        same_time: numbers of closed flows whose packets all have one time; with the number of those packets, and the
            number of the first.
    """

    def __init__(self, faults: NDArray[np.bool_], time_rule: int, *, max_flows: int = MAX_FLOWS) -> None:
        # The seed keeps crafted addresses from meeting in one place of the table; nothing that comes out depends on it.
        self._seed = np.uint64(int.from_bytes(os.urandom(8), "little"))
        self._faults, self._time_rule, self._max = faults, time_rule, max_flows
        self._slots = np.full(1 << 12, -1, np.int64)
        self._rows = np.zeros(1 << 11, FLOW)
        self._name = np.zeros(1, FLOW)
        self._n = self._total = self._packets = 0
        self.sides = np.zeros((1 << 11, 2, N_SIDE), np.int64)
        self.found = np.zeros((1 << 11, len(faults)), np.bool_)
        self.by_rule = np.zeros(len(faults), np.int64)
        self.counts: Counter[str] = Counter()
        self.forgotten = 0
        self.same_time: set[int] = set()
        self.same_time_packets = 0
        self.same_time_first: int | None = None

    def add(
        self, fields: NDArray[np.void], time_ns: NDArray[np.int64], number: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.bool_]]:
        """The flow (an index into `sides` and `found`, -1 for none), side and firstness of each packet.

        `number` is that of each packet in the capture, from 1; None: they come in order.
        """
        if number is None:
            number = np.arange(self._packets + 1, self._packets + len(fields) + 1)
        self._make_room(len(fields))
        flow, side = np.empty(len(fields), np.int64), np.zeros(len(fields), np.int8)
        first = np.zeros(len(fields), np.bool_)
        before = self._n
        self._n = _assign(
            fields, time_ns, self._slots, self._rows, self._n, self._total, number, self._seed, self._name,
            flow, side, first,
        )  # fmt: skip
        self._total += self._n - before
        self._packets += len(fields)
        return flow, side, first

    def numbers(self, flow: NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers in the capture of flows given by their index."""
        return np.where(flow < 0, -1, self._rows["number"][flow])

    def close(self) -> None:
        """Count all flows that are open."""
        self._count(np.ones(self._n, np.bool_))
        self._n = 0

    def _count(self, which: NDArray[np.bool_]) -> None:
        rows, found = self._rows[: self._n][which], self.found[: self._n][which]
        still = (rows["moved"] == 0) & (rows["n_packets"] >= SAME_TIME_PACKETS)
        found[still, self._time_rule] = True
        if still.any():
            self.same_time.update(rows["number"][still].tolist())
            self.same_time_packets += int(rows["n_packets"][still].sum())
            self.same_time_first = min(self.same_time_first or 1 << 62, int(rows["packet"][still].min()))
        self.by_rule += found.sum(axis=0)
        clean = ~(found & self._faults).any(axis=1)
        by_syn = rows["by_syn"] == 1
        self.counts.update(
            flows=len(rows), clean=int(clean.sum()), by_syn=int(by_syn.sum()), by_syn_clean=int((clean & by_syn).sum())
        )

    def _make_room(self, packets: int) -> None:
        """Each packet may begin a flow, and the slots must stay at most half full."""
        if self._n + packets > self._max and self._n:
            self._forget()
        need = self._n + packets
        if len(self._rows) < need:
            n = max(need, 2 * len(self._rows))
            self._rows = _longer(self._rows, n)
            self.sides, self.found = _longer(self.sides, n), _longer(self.found, n)
        if len(self._slots) < 2 * need:
            self._slots = np.full(1 << (4 * need).bit_length(), -1, np.int64)
            _refill(self._slots, self._rows, self._n, self._seed)

    def _forget(self) -> None:
        """Close the half of the flows that has been silent longest."""
        gone = np.zeros(self._n, np.bool_)
        gone[np.argsort(self._rows["last_ns"][: self._n], kind="stable")[: (self._n + 1) // 2]] = True
        self._count(gone)
        stay = np.flatnonzero(~gone)
        self.forgotten += self._n - len(stay)
        for table in (self._rows, self.sides, self.found):
            table[: len(stay)] = table[stay]
            table[len(stay) :] = np.zeros((), table.dtype)
        self._n = len(stay)
        self._slots.fill(-1)
        _refill(self._slots, self._rows, self._n, self._seed)


def _longer(table: NDArray[Any], n: int) -> NDArray[Any]:
    more = np.zeros((n, *table.shape[1:]), table.dtype)
    more[: len(table)] = table
    return more
