"""Which flow each packet belongs to, as reader.py defines it: the compiled loops over packets and flows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.traffic.flows.dtypes import BY_ANSWER, BY_PACKET, BY_SYN, A
from netdiffus.wire.headers.fields import ACK, FIN, FIRST, LATER, OK, RST, SYN, TCP
from netdiffus.wire.kernels.compiled import compiled, i64, u64
from netdiffus.wire.kernels.flowkey import find_slot, mix, name_ends

FRAGMENT_NS = 60_000_000_000  # RFC 8200 section 4.5
BACKWARD, REWOUND, ORPHAN = 0, 1, 2
FAULTS = (
    "packet is earlier than the one before it in its flow, gap taken as 0",
    "packet is earlier than its flow by more than the timeout, begins a new flow",
    "fragment came without the first one, left out",
)


@compiled
def _fragment_place(fragments: NDArray[np.void], seed: np.uint64, p: Any) -> int:
    """Where a fragmented packet is remembered; its identification and addresses say."""
    h = mix(mix(seed, p.source_high ^ u64(p.fragment_id)), p.source_low ^ u64(_known_protocol(p)))
    return mix(mix(h, p.destination_high), p.destination_low) & u64(fragments.size - 1)


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
    name_ends(p, g)
    g.start_ns, g.last_ns, g.before_ns = t, t, t
    g.n_packets, g.kept, g.told = 0, 0, 0
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
    key: NDArray[np.void],
    fragments: NDArray[np.void],
    kept: NDArray[np.void],
    headers: Bytes,
    counts: NDArray[np.int64],
    ends: NDArray[np.int64],
    told_packets: int,
    told_bytes: int,
) -> tuple[int, int, int]:
    """Give each packet its flow; returns (flows, packets kept, bytes of headers and payload kept).

    Of a flow's first `told_packets` packets with payload the first `told_bytes` are kept, as far as they lie before the
    packet's end in the data.
    """
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
            side = i64(name_ends(p, key[0]))
            slot = find_slot(slots, flows, key[0], seed)
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
            k.told_bytes = 0
            if p.payload_bytes > 0 and g.told < told_packets:
                k.told_bytes = max(min(min(i64(p.payload_bytes), told_bytes), ends[i] - p.network - size), 0)
                g.told += 1
                size += i64(k.told_bytes)
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
        size = kept[i].network_bytes + kept[i].transport_bytes + kept[i].told_bytes
        if numbers[kept[i].flow] >= 0:
            rest[n] = kept[i]
            rest[n].flow = numbers[kept[i].flow]
            rest_headers[pos : pos + size] = headers[at : at + size]
            n += 1
            pos += size
        at += size
