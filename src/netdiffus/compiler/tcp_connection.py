"""The rules of a TCP connection: rows become segments that two real stacks could have sent (RFC 9293).

Nothing is changed in a connection that obeys the rules.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.compiler.fidelity import Fidelity
from netdiffus.compiler.handshake import legal_flags, legal_layout
from netdiffus.compiler.rules import Broken
from netdiffus.compiler.specs import ZERO, FlowRows
from netdiffus.compiler.tcp_numbers import NEVER, begin, place, scratch, sent, wanted, window_shift
from netdiffus.compiler.tcp_options import (
    HAS_FAST_OPEN,
    HAS_SACK_PERMITTED,
    HAS_TIMESTAMPS,
    HAS_WSCALE,
    describe,
    later_place,
)
from netdiffus.compiler.tcp_segment import FARTHEST, is_over, least_window, legal_blocks, legal_bytes
from netdiffus.wire.conformance.sides import REORDERED_NS
from netdiffus.wire.headers.fields import ACK, FIN, RST, SYN, TCP
from netdiffus.wire.kernels.compiled import compiled, i64

ACKNOWLEDGEMENT = Broken.ACKNOWLEDGEMENT.value
CLOSE = Broken.CLOSE.value
HANDSHAKE = Broken.HANDSHAKE.value
OPTIONS = Broken.OPTIONS.value
RESET = Broken.RESET.value
SELECTIVE = Broken.SACK.value
SEQUENCE = Broken.SEQUENCE.value
SIZE = Broken.SIZE.value
WINDOW = Broken.WINDOW.value
"""Flags as the numbers that kernels read."""

LARGEST_SHIFT = 14  # RFC 7323 section 2.3
USUAL_MSS, USUAL_WINDOW = 536, 1024
LARGEST_IP = 0xFFFF


@compiled
def _assign(
    flows: NDArray[np.void],
    first: NDArray[np.int64],
    counts: NDArray[np.int64],
    rows: NDArray[np.void],
    segments: NDArray[np.void],
    kinds: NDArray[np.void],
    mtu: int,
    generated: bool,
    state: NDArray[np.void],
    edges: NDArray[np.int64],
    broken: NDArray[np.uint32],
) -> None:
    for f in range(flows.size):
        g = flows[f]
        if g.protocol != TCP or counts[f] == 0:
            continue
        start = i64(rows[first[f]].flags)
        if generated and start & SYN:
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
            flags, wrong = legal_flags(i64(r.flags), s == 0, mine, peer, opened, generated)
            if flags >= 0 and generated and is_over(flags, mine, peer, t, late_ns):
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
                lost = position < (0 if mine.begun else mine.next) if generated else position < -FARTHEST
                if not zero and (r.seq_from == ZERO or position > mine.next or lost):
                    position, wrong = mine.next, wrong | SEQUENCE
                if zero and r.seq_from != ZERO:
                    wrong |= SEQUENCE
            else:
                position, size, flags, more = legal_bytes(
                    position, size, flags, mine, peer, opened, t, late_ns, generated
                )
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
                lowest = mine.highest_ack if generated or p.size else i64(NEVER)  # an old one may have been overtaken
                if generated:
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
                    n = legal_blocks(r, p, n_blocks, k, ack, i64(g.isn[1 - s]), peer, edges[1 - s], generated)
                if n != n_blocks:
                    p.layout = later_place(kinds[p.layout].has & HAS_TIMESTAMPS != 0, n)
                    wrong |= SELECTIVE
            window = i64(p.window)
            if window == 0 and not flags & RST:
                window, wrong = mine.latest_window if mine.latest_window > 0 else i64(USUAL_WINDOW), wrong | WINDOW
                p.window = window
            if generated and flags & ACK and not flags & RST:
                least = least_window(ack, mine, peer, flags)
                if window < least:
                    window, wrong = least, wrong | WINDOW
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
                limit = ack + (window << window_shift(mine, peer, flags))
                if flags & RST:
                    mine.reset_limit = limit
                else:
                    mine.latest_limit, mine.limit = limit, max(mine.limit, limit)
                mine.highest_ack = max(mine.highest_ack, ack)
                peer.acknowledged = max(peer.acknowledged, ack)
            mine.latest_ack, mine.latest_window, mine.ack_ns = ack, window, t
            sent(mine, edges[s], flags, position, size, t)
            broken[i] |= np.uint32(wrong)


def assign_connections(
    flows: FlowRows, segments: NDArray[np.void], broken: NDArray[np.uint32], *, mtu: int, fidelity: Fidelity
) -> None:
    """Fill flags, size, seq, ack, SACK, window and options of TCP segments so that they obey the rules.

    Args:
        flows: what is asked for.
        segments: (P,) of SEGMENT with times and the fields of SAME; changed in place, `dropped` where none may stand.
        broken: (P,), gets the bits of the rules that a packet was changed for.
        mtu: bytes of the largest IP packet.
        fidelity: GENERATED or REAL.
    """
    _assign(
        flows.flows,
        flows.first,
        flows.counts,
        flows.rows,
        segments,
        describe(flows.layouts),
        mtu,
        fidelity.generated,
        *scratch(flows),
        broken,
    )
