"""One segment of a connection: whether it may come, which bytes and which SACK blocks it may carry (RFC 9293).

The thresholds by which a retransmission is told from reordering are those of Wireshark's analysis, so that what is
written as a retransmission is read as one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netdiffus.arrays import Ints
from netdiffus.compiler.rules import Broken
from netdiffus.compiler.tcp_numbers import NEVER, window_shift
from netdiffus.wire.conformance.sides import FAST_NS
from netdiffus.wire.headers.fields import FIN, SYN
from netdiffus.wire.kernels.compiled import compiled, i64

CLOSE = Broken.CLOSE.value
RESET = Broken.RESET.value
SEQUENCE = Broken.SEQUENCE.value
WINDOW = Broken.WINDOW.value
"""Flags as the numbers that kernels read."""

LONGEST_TRIP_NS = 400_000_000  # of a packet that was under way when the connection was reset
FARTHEST = 1 << 30
LARGEST_WINDOW = 0xFFFF


@compiled
def is_over(flags: int, mine: Any, peer: Any, time_ns: int, trip_ns: int) -> bool:
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
def legal_bytes(
    asked: int, size: int, flags: int, mine: Any, peer: Any, opened: bool, time_ns: int, late_ns: int, generated: bool
) -> tuple[int, int, int, int]:
    """Where a segment begins, how long it is and with which flags; and the rules that changed it.

    Unless `generated`, a retransmission may go on into new data, and FIN may come again elsewhere (some proxies do).
    """
    broken, position, low = 0, asked, 1 if opened else 0 if generated else -FARTHEST
    if position > mine.next and (generated or opened or mine.begun or position > FARTHEST):
        position, broken = mine.next, broken | SEQUENCE
    if position < low and not (size <= 1 and position == mine.next - 1):
        position, broken = mine.next, broken | SEQUENCE
    if generated and position < mine.next and position + size > mine.next:
        size, broken = mine.next - position, broken | SEQUENCE
    if generated and not opened and not mine.begun and position != mine.next:
        position, broken = mine.next, broken | SEQUENCE
    fin = 1 if flags & FIN else 0
    if mine.fin != NEVER:
        if position > mine.fin:
            if size:
                size, broken = 0, broken | CLOSE
            if fin and generated:
                position, broken = mine.fin, broken | CLOSE
        elif fin and generated and position + size != mine.fin:
            position, size, broken = mine.fin, 0, broken | CLOSE
        elif position + size > mine.fin:
            size, broken = mine.fin - position, broken | CLOSE
    elif fin and generated and position < mine.next:  # the first FIN comes with new data or alone
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
    if generated and peer.reset and size == 1 and position == mine.next:
        size, broken = 0, broken | RESET  # one byte into the closed window of a reset reads as a probe
    return position, size, (flags & ~FIN) | (FIN if fin else 0), broken


@compiled
def least_window(ack: int, mine: Any, peer: Any, flags: int) -> int:
    """The least window, as in the header, with which a segment takes back nothing of what this side has offered.

    A receiver should not move the right edge of its window to the left (RFC 9293 section 3.8.6), and stacks in use do
    not, except for what scaling rounds off: less than one unit of the scaled window (RFC 7323 section 2.4).
    """
    if mine.limit == NEVER:
        return 0
    return i64(min(max(mine.limit - ack, i64(0)) >> window_shift(mine, peer, flags), i64(LARGEST_WINDOW)))


@compiled
def legal_blocks(
    r: Any, p: Any, blocks: int, k: int, ack: int, isn: int, peer: Any, edges: Ints, generated: bool
) -> int:
    """Blocks that lie beyond the acknowledgement and do not touch each other, into the segment; returns how many.

    Unless `generated`, the first one may name bytes that came twice (D-SACK, RFC 2883 section 4): below the
    acknowledgement, or inside the second block.
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
        if not generated and n == 0 and b == 0:
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
