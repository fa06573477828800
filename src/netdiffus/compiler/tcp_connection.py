"""The rules of a TCP connection: rows become segments that two real stacks could have sent (RFC 9293).

The thresholds by which a retransmission is told from reordering are those of Wireshark's analysis, so that what is
written as a retransmission is read as one. Nothing is changed in a connection that obeys the rules.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.compiler.handshake import legal_flags, legal_layout
from netdiffus.compiler.rules import (
    ACKNOWLEDGEMENT,
    CLOSE,
    HANDSHAKE,
    OPTIONS,
    RESET,
    SELECTIVE,
    SEQUENCE,
    SIZE,
    WINDOW,
)
from netdiffus.compiler.specs import ZERO, FlowRows
from netdiffus.compiler.tcp_numbers import NEVER, begin, place, scratch, sent, wanted
from netdiffus.compiler.tcp_options import (
    HAS_FAST_OPEN,
    HAS_SACK_PERMITTED,
    HAS_TIMESTAMPS,
    HAS_WSCALE,
    describe,
    later_place,
)
from netdiffus.wire.headers.fields import ACK, FIN, RST, SYN, TCP
from netdiffus.wire.kernels.compiled import compiled, i64

# Kernels of other files are called: touch this one when they change (wire/kernels/compiled.py).

LARGEST_SHIFT = 14  # RFC 7323 section 2.3
USUAL_MSS, USUAL_WINDOW = 536, 1024
REORDERED_NS, FAST_NS = 3_000_000, 20_000_000
LONGEST_TRIP_NS = 400_000_000  # of a packet that was under way when the connection was reset
FARTHEST = 1 << 30
LARGEST_IP = 0xFFFF


@compiled
def _over(flags: int, mine: Any, peer: Any, time_ns: int, trip_ns: int) -> bool:
    """Whether a connection that was reset is over for this side, so that nothing more comes from it.

    The peer of a reset sends what was under way, for a round trip at most, and never opens the connection again; the
    side that reset answers to that with RST (RFC 9293 sections 3.5.2 and 3.5.3).
    """
    trip_ns = min(trip_ns, i64(LONGEST_TRIP_NS))
    if peer.reset_ns != NEVER and (time_ns - peer.reset_ns > trip_ns or flags & SYN):
        return True
    return bool(mine.reset_ns != NEVER and time_ns - max(mine.reset_ns, peer.ack_ns) > trip_ns)


@compiled
def _looks_reordered(mine: Any, peer: Any, position: int, size: int, fin: int, time_ns: int, late_ns: int) -> bool:
    """Whether a segment of old bytes comes so soon that it would be read as reordering, not as a retransmission."""
    if size > 0 and peer.latest_ack != NEVER and position + size <= peer.latest_ack:
        return False
    if size <= 1 and not fin and position == mine.next - 1:
        return False
    if peer.repeats >= 2 and peer.latest_ack == position and time_ns - peer.ack_ns < FAST_NS:
        return False
    return bool(time_ns - mine.new_ns < late_ns and position + size + fin != mine.next)


@compiled
def _bytes(
    asked: int, size: int, flags: int, mine: Any, peer: Any, opened: bool, time_ns: int, late_ns: int, quiet: bool
) -> tuple[int, int, int, int]:
    """Where a segment begins, how long it is and with which flags; and the rules that changed it.

    Unless `quiet`, a retransmission may go on into new data, and FIN may come again elsewhere, as some proxies do it.
    """
    broken, position, low = 0, asked, 1 if opened else 0 if quiet else -FARTHEST
    if position > mine.next and (quiet or opened or mine.begun or position > FARTHEST):
        position, broken = mine.next, broken | SEQUENCE
    if position < low and not (size <= 1 and position == mine.next - 1):
        position, broken = mine.next, broken | SEQUENCE
    if quiet and position < mine.next and position + size > mine.next:
        size, broken = mine.next - position, broken | SEQUENCE
    if quiet and not opened and not mine.begun and position != mine.next:
        position, broken = mine.next, broken | SEQUENCE
    fin = 1 if flags & FIN else 0
    if mine.fin != NEVER:
        if position > mine.fin:
            if size:
                size, broken = 0, broken | CLOSE
            if fin and quiet:
                position, broken = mine.fin, broken | CLOSE
        elif fin and quiet and position + size != mine.fin:
            position, size, broken = mine.fin, 0, broken | CLOSE
        elif position + size > mine.fin:
            size, broken = mine.fin - position, broken | CLOSE
    elif fin and quiet and position < mine.next:  # the first FIN comes with new data or alone
        if size:
            fin, broken = 0, broken | CLOSE
        else:
            position, broken = mine.next, broken | SEQUENCE
    if size + fin and position < mine.next and _looks_reordered(mine, peer, position, size, fin, time_ns, late_ns):
        position, broken = mine.next, broken | SEQUENCE
        if mine.fin != NEVER:
            size, fin = 0, 0
    if size and peer.limit != NEVER and opened:
        if position + size > peer.limit:
            size, broken = max(peer.limit - position, i64(0)), broken | WINDOW
        # a byte less than one limit may be the other one
        while size and not fin and position + size in (peer.latest_limit, peer.reset_limit):
            size, broken = size - 1 if position == mine.next else i64(0), broken | WINDOW
        if size == 0 and position < mine.next and not fin:
            position = mine.next
    if quiet and peer.reset and size == 1 and position == mine.next:
        size, broken = 0, broken | RESET  # one byte into the closed window of a reset reads as a probe
    return position, size, (flags & ~FIN) | (FIN if fin else 0), broken


@compiled
def _sack(
    r: Any, p: Any, blocks: int, k: int, ack: int, isn: int, peer: Any, edges: NDArray[np.int64], quiet: bool
) -> int:
    """Blocks that lie beyond the acknowledgement and do not touch each other, into the segment; returns how many.

    Unless `quiet`, the first one may name bytes that came twice: below the acknowledgement, or inside the second block
    (RFC 2883 section 4).
    """
    n, twice = 0, False
    kept = np.zeros((4, 2), np.int64)
    for b in range(blocks):
        j = min(max(k + i64(r.sack_ahead[b, 0]), 0), peer.n_edges - 1)
        left = edges[j] + r.sack_offset[b, 0]
        j = min(max(k + i64(r.sack_ahead[b, 1]), 0), peer.n_edges - 1)
        right = edges[j] + r.sack_offset[b, 1]
        good = ack < left < right <= peer.next
        for c in range(1 if twice else 0, n):
            good = good and (right < kept[c, 0] or left > kept[c, 1])
        if not quiet and n == 0 and b == 0:
            inside = False
            if blocks > 1:
                ends = np.zeros(2, np.int64)
                for e in range(2):
                    j = min(max(k + i64(r.sack_ahead[1, e]), 0), peer.n_edges - 1)
                    ends[e] = edges[j] + r.sack_offset[1, e]
                inside = ack < ends[0] <= left and right <= ends[1] <= peer.next
            twice = left < right and (inside or (right <= ack and left > ack - FARTHEST))
            good = good or twice
        if good:
            kept[n, 0], kept[n, 1] = left, right
            n += 1
    for b in range(4):
        for e in range(2):
            p.sack[b, e] = (isn + kept[b, e]) & 0xFFFF_FFFF if b < n else 0
    return n


@compiled
def _settle(
    flows: NDArray[np.void],
    first: NDArray[np.int64],
    counts: NDArray[np.int64],
    rows: NDArray[np.void],
    segments: NDArray[np.void],
    kinds: NDArray[np.void],
    mtu: int,
    quiet: bool,
    state: NDArray[np.void],
    edges: NDArray[np.int64],
    broken: NDArray[np.uint32],
) -> None:
    for f in range(flows.size):
        g = flows[f]
        if g.protocol != TCP or counts[f] == 0:
            continue
        start = i64(rows[first[f]].flags)
        if quiet and start & SYN:
            start &= ~ACK  # what is made begins with the client's SYN
        begin(state, edges, start, i64(segments[first[f]].direction))
        opened = start & (SYN | RST) == SYN
        answered = False  # whether more than RST follows: data on SYN is then for fast open only (RFC 7413)
        for i in range(first[f], first[f] + counts[f]):
            answered = answered or (segments[i].direction == 1 and not rows[i].flags & RST)
        room = mtu - (20 if g.version == 4 else 40) - 20
        syn_ns, late_ns = i64(NEVER), i64(REORDERED_NS)
        for i in range(first[f], first[f] + counts[f]):
            r, p, s = rows[i], segments[i], i64(segments[i].direction)
            mine, peer, t = state[s], state[1 - s], i64(p.time_ns)
            flags, wrong = legal_flags(i64(r.flags), s == 0, mine, peer, opened, quiet)
            if flags >= 0 and quiet and _over(flags, mine, peer, t, late_ns):
                flags, wrong = -1, wrong | RESET
            if flags < 0:
                broken[i] |= np.uint32(wrong)
                p.dropped = 1
                continue
            p.layout = legal_layout(i64(r.layout), kinds, flags, s == 0, mine, peer, opened)
            if p.layout != r.layout:
                wrong |= OPTIONS
            size = i64(r.size)
            if size < 0:
                size, wrong = i64(0), wrong | SIZE
            early = s == 0 and (kinds[p.layout].has & HAS_FAST_OPEN or not answered)
            if size and (flags & RST or (flags & SYN and not early)):
                size, wrong = i64(0), wrong | (RESET if flags & RST else HANDSHAKE)
            largest = room - kinds[p.layout].bytes
            if peer.mss and mtu < LARGEST_IP:
                largest = min(largest, peer.mss - kinds[p.layout].bytes)
            if size > largest:
                size, wrong = max(largest, i64(0)), wrong | SIZE
            position, zero = wanted(r, mine, flags), False
            if flags & SYN:
                if position:
                    position, wrong = i64(0), wrong | SEQUENCE
                if mine.syn and mine.next != 1 + size:
                    p.dropped = 1
                    broken[i] |= np.uint32(wrong | SEQUENCE)
                    continue
            elif flags & RST:
                zero = opened and s == 1 and not mine.syn
                lost = position < (0 if mine.begun else mine.next) if quiet else position < -FARTHEST
                if not zero and (r.seq_from == ZERO or position > mine.next or lost):
                    position, wrong = mine.next, wrong | SEQUENCE
                if zero and r.seq_from != ZERO:
                    wrong |= SEQUENCE
            else:
                position, size, flags, more = _bytes(position, size, flags, mine, peer, opened, t, late_ns, quiet)
                wrong |= more
            p.flags, p.size = flags, size
            p.seq = 0 if zero else (i64(g.isn[s]) + position) & 0xFFFF_FFFF
            p.position = position + (1 if flags & SYN else 0)
            ack, n_blocks = i64(NEVER), i64(kinds[p.layout].blocks)
            p.ack = 0
            if flags & ACK:
                k = peer.n_edges - 1 - r.ack_behind
                ack = edges[1 - s, min(max(k, 0), peer.n_edges - 1)] + r.ack_offset
                if flags & SYN and ack != 1 and ack != peer.syn_end:
                    ack, wrong = i64(1), wrong | ACKNOWLEDGEMENT
                lowest = mine.highest_ack if quiet or p.size else i64(NEVER)  # an old one may have been overtaken
                if quiet:
                    lowest = max(lowest, i64(0))
                if k < 0 or ack > peer.next or ack < lowest or (opened and ack < 1):
                    ack = min(max(ack, lowest, i64(1 if opened else -FARTHEST)), peer.next)
                    wrong |= ACKNOWLEDGEMENT
                p.ack = (i64(g.isn[1 - s]) + ack) & 0xFFFF_FFFF
            elif flags & (SYN | RST):
                p.ack = i64(r.ack_offset) & 0xFFFF_FFFF  # nobody reads it; scanners put something there
            elif r.ack_offset:
                wrong |= ACKNOWLEDGEMENT
            if n_blocks:
                n = 0
                agreed = not opened or not peer.begun or mine.has & peer.has & HAS_SACK_PERMITTED
                if agreed and flags & ACK and not flags & (SYN | RST):
                    k = place(edges[1 - s], peer.n_edges, ack)
                    n = _sack(r, p, n_blocks, k, ack, i64(g.isn[1 - s]), peer, edges[1 - s], quiet)
                if n != n_blocks:
                    p.layout = later_place(kinds[p.layout].has & HAS_TIMESTAMPS != 0, n)
                    wrong |= SELECTIVE
            window = i64(p.window)
            if window == 0 and not flags & RST:
                window, wrong = mine.latest_window if mine.latest_window > 0 else i64(USUAL_WINDOW), wrong | WINDOW
                p.window = window
            if flags & SYN:
                mine.syn, mine.has, mine.mss, mine.shift = True, i64(kinds[p.layout].has), i64(0), i64(0)
                mine.syn_end = 1 + size
                if mine.has & 1:
                    if p.mss < 64:
                        p.mss = USUAL_MSS
                        wrong |= OPTIONS
                    mine.mss = i64(p.mss)
                if mine.has & HAS_WSCALE:
                    if p.wscale > LARGEST_SHIFT:
                        p.wscale = LARGEST_SHIFT
                        wrong |= OPTIONS
                    mine.shift = i64(p.wscale)
                if s == 0:
                    syn_ns = t
                elif not state[0].begun:
                    state[0].has = mine.has
            else:
                if opened and not mine.established and flags & ACK and syn_ns != NEVER and s == 0 and peer.syn:
                    late_ns = t - syn_ns if t > syn_ns else i64(REORDERED_NS)
                mine.established = mine.established or not flags & RST
            mine.reset = flags & RST != 0 or (mine.reset and not flags & SYN)
            if flags & RST and mine.reset_ns == NEVER:
                mine.reset_ns = t
            if flags & FIN and mine.fin == NEVER:
                mine.fin = position + size
            repeated = size == 0 and not flags & (SYN | FIN | RST) and position == mine.next
            if repeated and ack == mine.latest_ack and window == mine.latest_window:
                mine.repeats += 0 if peer.probed else 1
            elif ack != mine.latest_ack:
                mine.repeats = 0
            mine.probed = size <= 1 and position == mine.next - 1 and not flags & (SYN | FIN | RST)
            if flags & ACK:
                scaled = mine.has & peer.has & HAS_WSCALE and not flags & SYN
                limit = ack + (window << mine.shift if scaled else window)
                if flags & RST:
                    mine.reset_limit = limit
                else:
                    mine.latest_limit, mine.limit = limit, max(mine.limit, limit)
                mine.highest_ack = max(mine.highest_ack, ack)
                peer.acknowledged = max(peer.acknowledged, ack)
            mine.latest_ack, mine.latest_window, mine.ack_ns = ack, window, t
            sent(mine, edges[s], flags, position, size, t)
            broken[i] |= np.uint32(wrong)


def settle_connections(
    flows: FlowRows, segments: NDArray[np.void], broken: NDArray[np.uint32], *, mtu: int, quiet: bool
) -> None:
    """Fill flags, size, seq, ack, SACK, window and options of TCP segments so that they obey the rules.

    Args:
        flows: what is asked for.
        segments: (P,) of SEGMENT with times and the fields of SAME; changed in place, `dropped` where none may stand.
        broken: (P,), gets the bits of the rules that a packet was changed for.
        mtu: bytes of the largest IP packet.
        quiet: no SACK of bytes that came twice, which is legal and which Wireshark warns about.
    """
    _settle(
        flows.flows,
        flows.first,
        flows.counts,
        flows.rows,
        segments,
        describe(flows.layouts),
        mtu,
        quiet,
        *scratch(flows),
        broken,
    )
