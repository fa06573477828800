"""What each packet says of its flow: volumes, history of flags, response times, round trips; a compiled loop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.headers.fields import ACK, FIN, RST, SYN, TCP
from netdiffus.wire.kernels.bytes import u16, u32
from netdiffus.wire.kernels.compiled import compiled, i64
from netdiffus.wire.kernels.serial import signed

PACKETS, IP_BYTES, PAYLOAD, EDGE, HISTORY, TIMED_NS, TIMED_EDGE, N_TRIPS, N_RESPONSES = range(9)
"""Columns of a flow's side: EDGE follows the highest byte sent; a segment is timed until it is acknowledged."""
START, END, TALKER, TALK_NS, RESET_BY = range(5)
"""Columns of a flow: TALKER sent new data last, at TALK_NS."""
OWNER, REQUESTER, KIND, DELAY = range(4)
"""Columns of a delay: the flow, the side that waited, ROUND_TRIP or RESPONSE, nanoseconds."""
ROUND_TRIP, RESPONSE = 0, 1
NONE = -1
SYN_SEEN, SYN_ACK_SEEN, ACK_SEEN, DATA_SEEN, FIN_SEEN, RST_SEEN, AGAIN_SEEN, ZERO_WINDOW_SEEN = (
    1 << bit for bit in range(8)
)
"""Bits of HISTORY, as the letters S, H, A, D, F, R, T and W of Zeek's conn.log."""
MOST_DELAYS = 100
"""Delays of a kind that are kept of a flow: its first ones."""
TCP_BYTES = 20


@compiled
def _note_flags(side: NDArray[np.int64], flags: int, window: int, payload: int) -> None:
    """What the flags of a segment add to the history of its sender."""
    seen = side[HISTORY]
    if flags & SYN:
        seen |= SYN_ACK_SEEN if flags & ACK else SYN_SEEN
    elif flags & ACK and not payload and not flags & (FIN | RST):
        seen |= ACK_SEEN
    if flags & FIN:
        seen |= FIN_SEEN
    if flags & RST:
        seen |= RST_SEEN
    elif window == 0:
        seen |= ZERO_WINDOW_SEEN
    side[HISTORY] = seen


@compiled
def _send(side: NDArray[np.int64], seq: int, length: int, t: int) -> int:
    """Numbers that a segment sends for the first time; one of them is timed at a time, none after a repetition."""
    end = (seq + length) & 0xFFFF_FFFF
    fresh = length if side[EDGE] == NONE else min(length, max(0, signed(end - side[EDGE])))
    if fresh > 0:
        side[EDGE] = end
        if side[TIMED_NS] == NONE:
            side[TIMED_NS], side[TIMED_EDGE] = t, end
    else:
        side[HISTORY] |= AGAIN_SEEN
        side[TIMED_NS] = NONE  # Karn and Partridge 1987: which of the two was acknowledged is unknown
    return i64(fresh)


@compiled
def _delay(delays: NDArray[np.int64], n: int, f: int, side: int, kind: int, ns: int) -> int:
    """Enter a delay; returns how many there are."""
    delays[n, OWNER], delays[n, REQUESTER], delays[n, KIND], delays[n, DELAY] = f, side, kind, max(0, ns)
    return n + 1


@compiled
def observe(
    kept: NDArray[np.void],
    headers: Bytes,
    protocol: NDArray[np.uint8],
    sides: NDArray[np.int64],
    flows: NDArray[np.int64],
    fresh: NDArray[np.int64],
    delays: NDArray[np.int64],
) -> int:
    """Add packets to their flows; returns the number of delays.

    Args:
        kept, headers: packets as traffic/flows/dtypes.py has them; those of a flow in their order.
        protocol: of each flow (F,).
        sides: (F, 2, 9), flows: (F, 5), the columns above; unknown times and numbers are -1.
        fresh: payload bytes that a packet sends for the first time (N,); filled.
        delays: room for two a packet (2 N, 4); filled.
    """
    n, at = 0, 0
    for i in range(kept.size):
        k = kept[i]
        f, s, t, payload = k.flow, i64(k.side), k.time_ns, i64(k.payload_bytes)
        me, other, flow = sides[f, s], sides[f, 1 - s], flows[f]
        me[PACKETS] += 1
        me[IP_BYTES] += i64(k.network_bytes) + i64(k.transport_bytes) + payload
        me[PAYLOAD] += payload
        flow[START] = t if flow[START] == NONE else min(flow[START], t)
        flow[END] = max(flow[END], t)
        new = payload
        if payload:
            me[HISTORY] |= DATA_SEEN
        if protocol[f] == TCP and k.transport_bytes >= TCP_BYTES:
            tcp = at + i64(k.network_bytes)
            flags = i64(headers[tcp + 13])
            _note_flags(me, flags, u16(headers, tcp + 14), payload)
            if flags & RST and flow[RESET_BY] == NONE:
                flow[RESET_BY] = s
            length = payload + (1 if flags & SYN else 0) + (1 if flags & FIN else 0)
            if length and not flags & RST:
                new = min(payload, _send(me, u32(headers, tcp + 4), length, t))
            if flags & ACK and other[TIMED_NS] != NONE and signed(u32(headers, tcp + 8) - other[TIMED_EDGE]) >= 0:
                if other[N_TRIPS] < MOST_DELAYS:
                    n = _delay(delays, n, f, 1 - s, ROUND_TRIP, t - other[TIMED_NS])
                    other[N_TRIPS] += 1
                other[TIMED_NS] = NONE
        fresh[i] = new
        if new:
            if flow[TALKER] == 1 - s and other[N_RESPONSES] < MOST_DELAYS:
                n = _delay(delays, n, f, 1 - s, RESPONSE, t - flow[TALK_NS])
                other[N_RESPONSES] += 1
            flow[TALKER], flow[TALK_NS] = s, t
        at += i64(k.network_bytes) + i64(k.transport_bytes)
    return n
