"""The table of flows: which packets belong together, kept across blocks; flows.py has the definition."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netdiffus.wire.compiled import compiled, i64, u64
from netdiffus.wire.dissect import ACK, FIN, FIRST, LATER, OK, RST, SYN, TCP
from netdiffus.wire.packets import Bytes, PacketBlock

FLOW = np.dtype(
    [
        ("a_high", "u8"),  # the two ends; a is the one with the smaller address, then port
        ("a_low", "u8"),
        ("b_high", "u8"),
        ("b_low", "u8"),
        ("start_ns", "i8"),
        ("last_ns", "i8"),  # the latest time so far
        ("n_packets", "i8"),
        ("kept", "i4"),
        ("a_isn", "u4"),  # initial sequence numbers
        ("b_isn", "u4"),
        ("a_port", "u2"),
        ("b_port", "u2"),
        ("version", "u1"),
        ("protocol", "u1"),
        ("client", "u1"),  # A or B
        ("client_by", "u1"),  # BY_PACKET, BY_ANSWER or BY_SYN
        ("isn_known", "u1"),  # bits 1 (a) and 2 (b)
        ("finished", "u1"),  # the same bits: who has sent FIN
        ("reset", "u1"),
    ],
    align=True,
)

KEPT = np.dtype(
    [
        ("flow", "i8"),
        ("time_ns", "i8"),
        ("gap_ns", "i8"),
        ("index", "i4"),
        ("payload_bytes", "i4"),
        ("network_bytes", "i4"),
        ("transport_bytes", "i4"),
        ("side", "u1"),
    ],
    align=True,
)
"""One of the first packets of a flow; its headers follow those of the one before it in the same array of bytes."""

FRAGMENTED = np.dtype(
    [
        ("source_high", "u8"),
        ("source_low", "u8"),
        ("destination_high", "u8"),
        ("destination_low", "u8"),
        ("time_ns", "i8"),
        ("flow", "i8"),
        ("id", "u4"),
        ("protocol", "u1"),
        ("version", "u1"),  # 0: empty place
        ("side", "u1"),  # of the sender
    ],
    align=True,
)
"""Where the later fragments of a packet belong; a place is overwritten by whichever packet comes there next."""

A, B = 0, 1
BY_PACKET, BY_ANSWER, BY_SYN = 0, 1, 2
FRAGMENT_PLACES = 1 << 14
FRAGMENT_NS = 60_000_000_000  # RFC 8200 section 4.5
BACKWARD, ORPHAN = 0, 1
FAULTS = (
    "packet is earlier than one before it in its flow, gap taken as 0",
    "fragment came without the first one, left out",
)


class Kept(NamedTuple):
    """First packets of flows from one block: (N,) of KEPT, and their headers one after the other, uint8."""

    packets: NDArray[np.void]
    headers: NDArray[np.uint8]


@compiled
def _mix(h: int, value: int) -> int:
    """One round of a hash: xor, multiply, fold the high half down (the finaliser of MurmurHash3)."""
    h = (h ^ value) * u64(0xFF51AFD7ED558CCD)
    return h ^ (h >> u64(32))


@compiled
def _find(
    slots: NDArray[np.int64],
    flows: NDArray[np.void],
    seed: int,
    a_high: int,
    a_low: int,
    a_port: int,
    b_high: int,
    b_low: int,
    b_port: int,
    version: int,
    protocol: int,
) -> int:
    """The slot that names the newest flow between two ends, or the empty slot where it would be."""
    ends = u64(a_port) << u64(32) | u64(b_port) << u64(16)
    h = _mix(seed, ends | u64(protocol) << u64(8) | u64(version))
    h = _mix(_mix(h, a_low), b_low)
    if version == 6:
        h = _mix(_mix(h, a_high), b_high)
    mask = u64(slots.size - 1)
    slot = h & mask
    while slots[slot] >= 0:
        g = flows[slots[slot]]
        if (
            g.a_low == a_low
            and g.b_low == b_low
            and g.a_port == a_port
            and g.b_port == b_port
            and g.protocol == protocol
            and g.version == version
            and g.a_high == a_high
            and g.b_high == b_high
        ):
            break
        slot = (slot + u64(1)) & mask
    return slot


@compiled
def _fill(slots: NDArray[np.int64], flows: NDArray[np.void], n_flows: int, seed: int) -> None:
    """Enter flows into empty slots, the newest between two ends last."""
    for f in range(n_flows):
        g = flows[f]
        slot = _find(
            slots, flows, seed, g.a_high, g.a_low, g.a_port, g.b_high, g.b_low, g.b_port, g.version, g.protocol
        )
        slots[slot] = f


@compiled
def _track(
    fields: NDArray[np.void],
    time_ns: NDArray[np.int64],
    data: Bytes,
    seed: int,
    packets: int,
    timeout_ns: int,
    slots: NDArray[np.int64],
    flows: NDArray[np.void],
    n_flows: int,
    fragments: NDArray[np.void],
    kept: NDArray[np.void],
    headers: Bytes,
    counts: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Give each packet its flow; returns (flows, packets kept, bytes of headers kept)."""
    n_kept, n_bytes = 0, 0
    for i in range(fields.size):
        p = fields[i]
        if p.status != OK:
            continue
        t = time_ns[i]
        f = i64(-1)
        side = np.uint8(A)
        place = u64(0)
        protocol = p.protocol
        if p.fragment:
            if p.version == 6:
                protocol = np.uint8(0)  # the later fragments of IPv6 may not know it (RFC 8200 section 4.5)
            h = _mix(_mix(seed, p.source_high ^ u64(p.fragment_id)), p.source_low ^ u64(protocol))
            h = _mix(_mix(h, p.destination_high), p.destination_low)
            place = h & u64(fragments.size - 1)
        if p.fragment == LATER:
            r = fragments[place]
            if (
                r.version == p.version
                and r.id == p.fragment_id
                and r.protocol == protocol
                and r.source_low == p.source_low
                and r.destination_low == p.destination_low
                and r.source_high == p.source_high
                and r.destination_high == p.destination_high
                and abs(t - r.time_ns) <= FRAGMENT_NS
            ):
                f, side = r.flow, r.side
            else:
                counts[ORPHAN] += 1
                continue
        else:
            forward = p.source_high < p.destination_high or (
                p.source_high == p.destination_high
                and (
                    p.source_low < p.destination_low
                    or (p.source_low == p.destination_low and p.source_port <= p.destination_port)
                )
            )
            if forward:
                a_high, a_low, a_port = p.source_high, p.source_low, p.source_port
                b_high, b_low, b_port = p.destination_high, p.destination_low, p.destination_port
            else:
                side = np.uint8(B)
                a_high, a_low, a_port = p.destination_high, p.destination_low, p.destination_port
                b_high, b_low, b_port = p.source_high, p.source_low, p.source_port
            slot = _find(slots, flows, seed, a_high, a_low, a_port, b_high, b_low, b_port, p.version, p.protocol)
            f = slots[slot]
            new = f < 0
            syn = p.protocol == TCP and (p.flags & SYN) != 0
            bit = 1 << side
            if not new:
                g = flows[f]
                if t - g.last_ns > timeout_ns:
                    new = True
                elif syn and not p.flags & ACK:
                    if g.finished == 3:
                        new = True
                    elif g.isn_known & bit:
                        new = p.seq != (g.a_isn if side == A else g.b_isn)
                    else:
                        new = g.reset != 0
            if new:
                f = n_flows
                n_flows += 1
                slots[slot] = f
                g = flows[f]
                g.a_high, g.a_low, g.a_port = a_high, a_low, a_port
                g.b_high, g.b_low, g.b_port = b_high, b_low, b_port
                g.version, g.protocol = p.version, p.protocol
                g.start_ns = t
                g.last_ns = t
                g.n_packets = 0
                g.kept = 0
                g.client, g.client_by = side, BY_PACKET
                g.isn_known, g.finished, g.reset = 0, 0, 0
            g = flows[f]
            if p.protocol == TCP:
                if syn:
                    by = BY_ANSWER if p.flags & ACK else BY_SYN
                    if by > g.client_by:
                        g.client, g.client_by = (1 - side if by == BY_ANSWER else side), by
                    if not g.isn_known & bit:
                        g.isn_known |= bit
                        if side == A:
                            g.a_isn = p.seq
                        else:
                            g.b_isn = p.seq
                if p.flags & FIN:
                    g.finished |= bit
                if p.flags & RST:
                    g.reset = 1
            if p.fragment == FIRST:
                r = fragments[place]
                r.source_high, r.source_low = p.source_high, p.source_low
                r.destination_high, r.destination_low = p.destination_high, p.destination_low
                r.time_ns, r.flow, r.side = t, f, side
                r.id, r.protocol, r.version = p.fragment_id, protocol, p.version
        g = flows[f]
        g.n_packets += 1
        gap = t - g.last_ns
        if gap < 0:
            counts[BACKWARD] += 1
            gap = i64(0)
        else:
            g.last_ns = t
        if g.kept < packets:
            k = kept[n_kept]
            k.flow, k.time_ns, k.gap_ns, k.index, k.side = f, t, gap, g.kept, side
            k.payload_bytes, k.network_bytes, k.transport_bytes = p.payload_bytes, p.network_bytes, p.transport_bytes
            for j in range(p.network, p.network + p.network_bytes + p.transport_bytes):
                headers[n_bytes] = data[j]
                n_bytes += 1
            g.kept += 1
            n_kept += 1
    return n_flows, n_kept, n_bytes


class FlowTable:
    """All flows so far; `add` the blocks of a capture in order, then read `flows`."""

    def __init__(self, *, packets: int, timeout_ns: int) -> None:
        self._packets, self._timeout_ns = packets, timeout_ns
        # The seed keeps crafted addresses from meeting in one place of the table; nothing that comes out depends on it.
        self._seed = u64(int.from_bytes(os.urandom(8), "little"))
        self._slots = np.full(1 << 12, -1, np.int64)
        self._flows = np.zeros(1 << 11, FLOW)
        self._n_flows = 0
        self._fragments = np.zeros(FRAGMENT_PLACES, FRAGMENTED)
        self._counts = np.zeros(len(FAULTS), np.int64)

    @property
    def flows(self) -> NDArray[np.void]:
        """The flows in the order of their first packets, (F,) of FLOW."""
        return self._flows[: self._n_flows]

    @property
    def faults(self) -> dict[str, int]:
        """Reasons in plain words and how often each came up."""
        return {words: count for words, count in zip(FAULTS, self._counts.tolist(), strict=True) if count}

    def add(self, block: PacketBlock, fields: NDArray[np.void]) -> Kept:
        """Take in the packets of a block, whose header fields are `fields`; returns those that flows keep."""
        self._make_room(len(block))
        kept = np.empty(len(block), KEPT)
        headers = np.empty(int((fields["network_bytes"] + fields["transport_bytes"]).sum(dtype=np.int64)), np.uint8)
        self._n_flows, n_kept, n_bytes = _track(
            fields,
            block.time_ns,
            block.data,
            self._seed,
            self._packets,
            self._timeout_ns,
            self._slots,
            self._flows,
            self._n_flows,
            self._fragments,
            kept,
            headers,
            self._counts,
        )
        return Kept(kept[:n_kept].copy(), headers[:n_bytes].copy())

    def _make_room(self, packets: int) -> None:
        """Each packet may begin a flow, and the slots must stay at most half full."""
        if len(self._flows) < self._n_flows + packets:
            more = np.zeros(max(packets, len(self._flows)), FLOW)
            self._flows = np.concatenate([self._flows, more])
        if len(self._slots) < 2 * (self._n_flows + packets):
            self._slots = np.full(1 << (4 * (self._n_flows + packets)).bit_length(), -1, np.int64)
            _fill(self._slots, self._flows, self._n_flows, self._seed)
