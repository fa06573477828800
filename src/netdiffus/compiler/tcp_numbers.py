"""TCP's sequence and acknowledgement numbers as relations to what was sent before, and back (RFC 9293, RFC 2018).

Positions count the bytes of one side's stream, with its initial sequence number at 0. The edges of a side are all
positions at which one of its segments began or ended: acknowledgements and SACK blocks point at them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.compiler.specs import LAST_END, NEXT, UNACKNOWLEDGED, ZERO, FlowRows
from netdiffus.compiler.tcp_options import HAS_WSCALE, describe
from netdiffus.wire.headers.fields import ACK, FIN, RST, SYN, TCP
from netdiffus.wire.kernels.compiled import compiled, i64
from netdiffus.wire.kernels.serial import signed

NEVER = -(1 << 60)

STATE = np.dtype(
    [
        ("next", "i8"),  # position after the last byte that was sent
        ("acknowledged", "i8"),  # the highest position that the peer acknowledged
        ("last_end", "i8"),  # where the last segment with data ended
        ("n_edges", "i8"),
        ("latest_ack", "i8"),  # position in the peer's stream that the side acknowledged last, and the highest one
        ("highest_ack", "i8"),
        ("limit", "i8"),  # the window that the side offers: the highest position of the peer's, and the latest
        ("latest_limit", "i8"),
        ("reset_limit", "i8"),  # the latest, where it came with RST
        ("latest_window", "i8"),  # as in the header
        ("fin", "i8"),  # position of FIN, or NEVER
        ("new_ns", "i8"),  # when `next` last grew
        ("ack_ns", "i8"),  # when the side last sent anything
        ("reset_ns", "i8"),  # when the side first sent RST, or NEVER
        ("repeats", "i8"),  # acknowledgements in a row that said nothing new
        ("mss", "i8"),  # as offered, 0 where it was not
        ("has", "i8"),  # option bits of the SYN
        ("shift", "i8"),
        ("syn_end", "i8"),  # position after the SYN and its data
        ("syn", "?"),
        ("begun", "?"),
        ("established", "?"),  # has sent something after its SYN
        ("reset", "?"),
        ("probed", "?"),  # the latest segment looked like a keep-alive
    ]
)
"""What is known of one side of a connection."""


@compiled
def place(edges: NDArray[np.int64], n: int, position: int) -> int:
    """The last of the n edges that is not beyond the position; 0 if all are."""
    low, high = 0, n - 1
    if edges[high] <= position:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if edges[middle] <= position:
            low = middle
        else:
            high = middle
    return low


@compiled
def _add_edge(edges: NDArray[np.int64], n: int, position: int) -> int:
    """Enter a position among the n edges; returns their number."""
    k = place(edges, n, position)
    if edges[k] == position:
        return n
    k = k + 1 if edges[k] < position else k
    for j in range(n, k, -1):
        edges[j] = edges[j - 1]
    edges[k] = position
    return n + 1


@compiled
def sent(mine: Any, edges: NDArray[np.int64], flags: int, position: int, size: int, time_ns: int) -> None:
    """A segment at a position went out."""
    mine.begun = True
    if flags & RST:
        return
    end = position + size + (1 if flags & SYN else 0) + (1 if flags & FIN else 0)
    if end > position:
        mine.n_edges = _add_edge(edges, mine.n_edges, position)
        mine.n_edges = _add_edge(edges, mine.n_edges, end)
        mine.last_end = end
    if end > mine.next:
        mine.next, mine.new_ns = end, time_ns


@compiled
def window_shift(mine: Any, peer: Any, flags: int) -> int:
    """By how many bits the window of a side's segment is scaled: if both SYNs offer it, never on SYN itself."""
    return i64(mine.shift) if mine.has & peer.has & HAS_WSCALE and not flags & SYN else i64(0)


@compiled
def begin(state: NDArray[np.void], edges: NDArray[np.int64], flags: int, side: int) -> None:
    """Both sides before the first packet, whose flags and sender are named: SYN with ACK tells of a SYN before it."""
    for s in range(2):
        q = state[s]
        q.next, q.acknowledged, q.last_end, q.n_edges = 0, 0, 0, 1
        q.latest_ack, q.highest_ack, q.limit, q.latest_limit, q.latest_window = NEVER, NEVER, NEVER, NEVER, NEVER
        q.reset_limit, q.reset_ns, q.syn_end = NEVER, NEVER, 1
        q.fin, q.new_ns, q.ack_ns, q.repeats, q.mss, q.has, q.shift = NEVER, NEVER, NEVER, 0, 0, 0, 0
        q.syn, q.begun, q.established, q.reset, q.probed = False, False, False, False, False
        edges[s, 0] = 0
    if flags & (SYN | ACK) == SYN | ACK:
        sent(state[1 - side], edges[1 - side], SYN, 0, 0, NEVER)
        state[1 - side].syn, state[1 - side].begun = True, False


@compiled
def _infer(
    flows: NDArray[np.void],
    first: NDArray[np.int64],
    counts: NDArray[np.int64],
    rows: NDArray[np.void],
    segments: NDArray[np.void],
    blocks: NDArray[np.uint8],
    state: NDArray[np.void],
    edges: NDArray[np.int64],
) -> None:
    for f in range(flows.size):
        g = flows[f]
        if g.protocol != TCP:
            continue
        span = range(first[f], first[f] + counts[f])
        known = np.zeros(2, np.bool_)
        for i in span:  # the initial number is that of the SYN
            p = segments[i]
            if p.flags & SYN and not known[p.direction]:
                known[p.direction], g.isn[p.direction] = True, p.seq
        for i in span:  # or else the first that the peer or the side itself names
            p, s = segments[i], i64(segments[i].direction)
            if not known[s]:
                known[s], g.isn[s] = True, p.seq
            if p.flags & ACK and not known[1 - s]:
                known[1 - s], g.isn[1 - s] = True, i64(p.ack) - (1 if p.flags & SYN else 0) & 0xFFFF_FFFF
        if counts[f]:
            begin(state, edges, i64(segments[first[f]].flags), i64(segments[first[f]].direction))
        for i in span:
            r, p, s = rows[i], segments[i], i64(segments[i].direction)
            mine, peer = state[s], state[1 - s]
            seq, ack = i64(p.seq) - i64(g.isn[s]), i64(p.ack) - i64(g.isn[1 - s])
            position = mine.next + signed(seq - mine.next)
            if p.flags & SYN:
                position = signed(seq)
                r.seq_from, r.seq_offset = NEXT, position
            elif p.flags & RST and p.flags & ACK and p.seq == 0 and mine.next == 0:
                r.seq_from, r.seq_offset = ZERO, 0
            elif position == mine.next:
                r.seq_from, r.seq_offset = NEXT, 0
            elif position == mine.acknowledged:
                r.seq_from, r.seq_offset = UNACKNOWLEDGED, 0
            elif position == mine.last_end:
                r.seq_from, r.seq_offset = LAST_END, 0
            else:
                r.seq_from, r.seq_offset = NEXT, position - mine.next
            if p.flags & ACK:
                position_ack = peer.next + signed(ack - peer.next)
                k = place(edges[1 - s], peer.n_edges, position_ack)
                r.ack_behind, r.ack_offset = peer.n_edges - 1 - k, position_ack - edges[1 - s, k]
                for b in range(2 * blocks[p.layout]):
                    edge = position_ack + signed(i64(p.sack[b // 2, b % 2]) - i64(p.ack))
                    j = place(edges[1 - s], peer.n_edges, edge)
                    r.sack_ahead[b // 2, b % 2], r.sack_offset[b // 2, b % 2] = j - k, edge - edges[1 - s, j]
                peer.acknowledged = max(peer.acknowledged, position_ack)
            else:
                r.ack_offset = signed(i64(p.ack))
            sent(mine, edges[s], i64(p.flags), position, i64(p.size), i64(p.time_ns))


@compiled
def _as_asked(
    flows: NDArray[np.void],
    first: NDArray[np.int64],
    counts: NDArray[np.int64],
    rows: NDArray[np.void],
    segments: NDArray[np.void],
    blocks: NDArray[np.uint8],
    state: NDArray[np.void],
    edges: NDArray[np.int64],
) -> None:
    """Numbers from relations, with no rule."""
    for f in range(flows.size):
        g = flows[f]
        if g.protocol != TCP:
            continue
        if counts[f]:
            begin(state, edges, i64(segments[first[f]].flags), i64(segments[first[f]].direction))
        for i in range(first[f], first[f] + counts[f]):
            r, p, s = rows[i], segments[i], i64(segments[i].direction)
            mine, peer = state[s], state[1 - s]
            position = wanted(r, mine, i64(p.flags))
            p.seq = (i64(g.isn[s]) + position) & 0xFFFF_FFFF
            if r.seq_from == ZERO:
                p.seq = 0
            p.position = position + (1 if p.flags & SYN else 0)
            if p.flags & ACK:
                k = min(max(peer.n_edges - 1 - r.ack_behind, 0), peer.n_edges - 1)
                ack = edges[1 - s, k] + r.ack_offset
                p.ack = (i64(g.isn[1 - s]) + ack) & 0xFFFF_FFFF
                for b in range(2 * blocks[p.layout]):
                    j = min(max(k + r.sack_ahead[b // 2, b % 2], 0), peer.n_edges - 1)
                    edge = edges[1 - s, j] + r.sack_offset[b // 2, b % 2]
                    p.sack[b // 2, b % 2] = (i64(g.isn[1 - s]) + edge) & 0xFFFF_FFFF
                peer.acknowledged = max(peer.acknowledged, ack)
            else:
                p.ack = i64(r.ack_offset) & 0xFFFF_FFFF
            sent(mine, edges[s], i64(p.flags), position, i64(p.size), i64(p.time_ns))


@compiled
def wanted(r: Any, mine: Any, flags: int) -> int:
    """The position that a row asks for."""
    if flags & SYN:
        return i64(r.seq_offset)
    base = mine.next
    if r.seq_from == UNACKNOWLEDGED:
        base = mine.acknowledged
    elif r.seq_from == LAST_END:
        base = mine.last_end
    return i64(base + r.seq_offset)


def scratch(flows: FlowRows) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Room for the two sides of a connection: their state, and their edges."""
    longest = int(flows.counts.max(initial=0))
    return np.zeros(2, STATE), np.zeros((2, 2 * longest + 4), np.int64)


def infer_numbers(flows: FlowRows, segments: NDArray[np.void]) -> None:
    """Fill the relations of sequence, acknowledgement and SACK numbers of the rows, and the flows' initial numbers."""
    blocks = describe(flows.layouts)["blocks"].copy()
    _infer(flows.flows, flows.first, flows.counts, flows.rows, segments, blocks, *scratch(flows))


def assign_numbers(flows: FlowRows, segments: NDArray[np.void]) -> None:
    """Fill seq, ack and SACK of TCP segments exactly as the rows ask; assign_connections does it by the rules."""
    blocks = describe(flows.layouts)["blocks"].copy()
    _as_asked(flows.flows, flows.first, flows.counts, flows.rows, segments, blocks, *scratch(flows))
