"""Which flow each packet belongs to, as reader.py defines it: the compiled loops over packets and flows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.traffic.flows.dtypes import BY_ANSWER, BY_PACKET, BY_SYN, A, B
from netdiffus.wire.headers.fields import ACK, FIN, FIRST, LATER, OK, RST, SYN, TCP
from netdiffus.wire.kernels.compiled import compiled, i64, u64

FRAGMENT_NS = 60_000_000_000  # RFC 8200 section 4.5
BACKWARD, REWOUND, ORPHAN = 0, 1, 2
FAULTS = (
    "packet is earlier than the one before it in its flow, gap taken as 0",
    "packet is earlier than its flow by more than the timeout, begins a new flow",
    "fragment came without the first one, left out",
)


@compiled
def _mix(h: Any, value: Any) -> int:
    """One round of a hash: xor, multiply, fold the high half down (the finaliser of MurmurHash3)."""
    h = (h ^ value) * u64(0xFF51AFD7ED558CCD)
    mixed: int = h ^ (h >> u64(32))
    return mixed


@compiled
def _find(
    slots: NDArray[np.int64],
    flows: NDArray[np.void],
    seed: np.uint64,
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
def fill(slots: NDArray[np.int64], flows: NDArray[np.void], n_flows: int, seed: np.uint64) -> None:
    """Enter flows into empty slots, the newest between two ends last."""
    for f in range(n_flows):
        g = flows[f]
        slot = _find(
            slots, flows, seed, g.a_high, g.a_low, g.a_port, g.b_high, g.b_low, g.b_port, g.version, g.protocol
        )
        slots[slot] = f


@compiled
def _fragment_place(fragments: NDArray[np.void], seed: np.uint64, p: Any) -> int:
    """Where a fragmented packet is remembered; its identification and addresses say."""
    h = _mix(_mix(seed, p.source_high ^ u64(p.fragment_id)), p.source_low ^ u64(_known_protocol(p)))
    return _mix(_mix(h, p.destination_high), p.destination_low) & u64(fragments.size - 1)


@compiled
def _known_protocol(p: Any) -> int:
    """The protocol as every fragment knows it: in IPv6 only the first one does (RFC 8200 section 4.5)."""
    return u64(p.protocol) if p.version == 4 else u64(0)


@compiled
def _is_part_of(r: Any, p: Any, t: int) -> bool:
    """Whether a later fragment belongs to the remembered first one."""
    return bool(
        r.version == p.version
        and r.id == p.fragment_id
        and r.protocol == _known_protocol(p)
        and r.source_low == p.source_low
        and r.destination_low == p.destination_low
        and r.source_high == p.source_high
        and r.destination_high == p.destination_high
        and abs(t - r.time_ns) <= FRAGMENT_NS
    )


@compiled
def _remember(r: Any, p: Any, t: int, f: int, side: int) -> None:
    """Where the fragments behind the first one belong."""
    r.source_high, r.source_low = p.source_high, p.source_low
    r.destination_high, r.destination_low = p.destination_high, p.destination_low
    r.time_ns, r.flow, r.side = t, f, side
    r.id, r.protocol, r.version = p.fragment_id, _known_protocol(p), p.version


@compiled
def _side(p: Any) -> int:
    """Which end sent the packet."""
    if p.source_high != p.destination_high:
        return A if p.source_high < p.destination_high else B
    if p.source_low != p.destination_low:
        return A if p.source_low < p.destination_low else B
    return A if p.source_port <= p.destination_port else B


@compiled
def _begins_anew(g: Any, p: Any, t: int, side: int, timeout_ns: int) -> bool:
    """Whether a packet between the ends of flow g begins another flow."""
    if abs(t - g.last_ns) > timeout_ns:
        return True
    if p.protocol != TCP or p.flags & (SYN | ACK) != SYN:
        return False
    if g.finished == 3:
        return True
    if g.isn_known & (1 << side):
        return bool(p.seq != (g.a_isn if side == A else g.b_isn))
    return bool(g.reset != 0)


@compiled
def _begin(g: Any, p: Any, t: int, side: int) -> None:
    """A flow without packets; the sender of its first one is the client until more is known."""
    if side == A:
        g.a_high, g.a_low, g.a_port = p.source_high, p.source_low, p.source_port
        g.b_high, g.b_low, g.b_port = p.destination_high, p.destination_low, p.destination_port
    else:
        g.a_high, g.a_low, g.a_port = p.destination_high, p.destination_low, p.destination_port
        g.b_high, g.b_low, g.b_port = p.source_high, p.source_low, p.source_port
    g.version, g.protocol = p.version, p.protocol
    g.start_ns, g.last_ns, g.before_ns = t, t, t
    g.n_packets, g.kept = 0, 0
    g.client, g.client_by = side, BY_PACKET
    g.isn_known, g.finished, g.reset = 0, 0, 0


@compiled
def _see_tcp(g: Any, p: Any, side: int) -> None:
    """What the flags say about opening and closing."""
    bit = 1 << side
    if p.flags & SYN:
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


@compiled
def _newest(slots: NDArray[np.int64], flows: NDArray[np.void], seed: np.uint64, p: Any, side: int) -> int:
    """The slot of the newest flow between the ends of a packet."""
    if side == A:
        return _find(
            slots,
            flows,
            seed,
            p.source_high,
            p.source_low,
            p.source_port,
            p.destination_high,
            p.destination_low,
            p.destination_port,
            p.version,
            p.protocol,
        )
    return _find(
        slots,
        flows,
        seed,
        p.destination_high,
        p.destination_low,
        p.destination_port,
        p.source_high,
        p.source_low,
        p.source_port,
        p.version,
        p.protocol,
    )


@compiled
def track(
    fields: NDArray[np.void],
    time_ns: NDArray[np.int64],
    data: Bytes,
    seed: np.uint64,
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
        if p.fragment == LATER:
            r = fragments[_fragment_place(fragments, seed, p)]
            if not _is_part_of(r, p, t):
                counts[ORPHAN] += 1
                continue
            f, side = r.flow, i64(r.side)
            g = flows[f]
        else:
            side = i64(_side(p))
            slot = _newest(slots, flows, seed, p, side)
            f = slots[slot]
            if f < 0 or _begins_anew(flows[f], p, t, side, timeout_ns):
                if f >= 0 and flows[f].last_ns - t > timeout_ns:
                    counts[REWOUND] += 1
                f = i64(n_flows)
                n_flows += 1
                slots[slot] = f
                _begin(flows[f], p, t, side)
            g = flows[f]
            if p.protocol == TCP:
                _see_tcp(g, p, side)
            if p.fragment == FIRST:
                _remember(fragments[_fragment_place(fragments, seed, p)], p, t, f, side)
        g.n_packets += 1
        gap = t - g.before_ns
        if gap < 0:
            counts[BACKWARD] += 1
            gap = i64(0)
        g.before_ns = t
        g.last_ns = max(g.last_ns, t)
        if g.kept < packets:
            k = kept[n_kept]
            k.flow, k.time_ns, k.gap_ns, k.index, k.side = f, t, gap, g.kept, side
            k.payload_bytes, k.network_bytes, k.transport_bytes = p.payload_bytes, p.network_bytes, p.transport_bytes
            size = i64(p.network_bytes) + i64(p.transport_bytes)
            for j in range(size):
                headers[n_bytes + j] = data[p.network + j]
            n_bytes += size
            g.kept += 1
            n_kept += 1
    return n_flows, n_kept, n_bytes


@compiled
def retain(
    kept: NDArray[np.void],
    headers: Bytes,
    numbers: NDArray[np.int64],
    n: int,
    pos: int,
    rest: NDArray[np.void],
    rest_headers: Bytes,
) -> None:
    """The packets whose flow has a new number, to `rest` from place n on, their headers from byte pos on."""
    at = 0
    for i in range(kept.size):
        size = kept[i].network_bytes + kept[i].transport_bytes
        if numbers[kept[i].flow] >= 0:
            rest[n] = kept[i]
            rest[n].flow = numbers[kept[i].flow]
            rest_headers[pos : pos + size] = headers[at : at + size]
            n += 1
            pos += size
        at += size
