"""Rules about TCP segments in their order: what each side may send after what was sent before (RFC 9293, RFC 7323).

The rules see one place of the network: a segment that is missing may have been lost on the way or by the capture.
Where Wireshark's expert has a finding of the kind, the conditions are those that its user's guide gives (section 7.5).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.conformance.options import PERMITTED, SCALE, TIMES
from netdiffus.wire.conformance.rules import ERROR, NOTE, WARNING, Rule
from netdiffus.wire.headers.fields import ACK, FIN, RST, SYN
from netdiffus.wire.kernels.compiled import compiled, i64
from netdiffus.wire.kernels.serial import signed

(
    SYN_ACK, ACK_BELOW, ACK_UNSEEN, LOST, OUT_OF_ORDER, RETRANSMITTED, ZERO_WINDOW, WINDOW_FULL, WINDOW_PASSED,
    BEFORE_ANSWER, AFTER_FIN, AFTER_RESET, NO_HANDSHAKE, OPTION_UNASKED, TIMES_UNASKED, TIMES_MISSING, TIMES_BACK,
    TIMES_ECHO, SACK_UNASKED, SACK_UNSENT,
) = range(20)  # fmt: skip
RULES = (
    Rule("tcp-syn-ack", ERROR, "RFC 9293 section 3.5",
         "the SYN-ACK does not acknowledge the SYN (its sequence number + 1)",
         "the acknowledgment becomes the SYN's sequence number + 1"),
    Rule("tcp-ack-below-isn", ERROR, "RFC 9293 section 3.10.7.4", "the acknowledgment lies below the other side's SYN",
         "the acknowledgment becomes the last one of its sender, or the SYN's sequence number + 1"),
    Rule("tcp-ack-unseen", WARNING, "RFC 9293 section 3.10.7.4", "data is acknowledged that is not in the capture"),
    Rule("tcp-segment-missing", WARNING, "RFC 9293 section 3.4", "the segment before is not in the capture"),
    Rule("tcp-out-of-order", WARNING, "RFC 9293 section 3.4", "a segment comes after one that follows it"),
    Rule("tcp-retransmission", NOTE, "RFC 9293 section 3.8.1", "a segment comes again"),
    Rule("tcp-zero-window", WARNING, "RFC 9293 section 3.8.6.1", "the receiver's window is closed"),
    Rule("tcp-window-full", WARNING, "RFC 9293 section 3.8.6",
         "the segment fills the receiver's window to its last byte"),
    Rule("tcp-window-passed", WARNING, "RFC 9293 section 3.8.6", "data goes past the receiver's window"),
    Rule("tcp-before-answer", WARNING, "RFC 9293 section 3.5", "the client goes on before its SYN is answered"),
    Rule("tcp-after-fin", ERROR, "RFC 9293 section 3.6", "new data from a side that has sent FIN"),
    Rule("tcp-after-reset", WARNING, "RFC 9293 section 3.5.2", "a side goes on after its own reset"),
    Rule("tcp-no-handshake", NOTE, "RFC 9293 section 3.5", "the capture begins inside the connection"),
    Rule("tcp-option-unasked", ERROR, "RFC 7323 sections 2.2, 3.2, RFC 2018 section 2",
         "the SYN-ACK has an option that the SYN did not offer", "the option is removed"),
    Rule("tcp-timestamps-unasked", ERROR, "RFC 7323 section 3.2", "timestamps, though not both sides offered them",
         "the option is removed"),
    Rule("tcp-timestamps-missing", WARNING, "RFC 7323 section 3.2", "no timestamps, though both sides offered them"),
    Rule("tcp-timestamps-backwards", WARNING, "RFC 7323 section 5.3", "new data with an older timestamp than before",
         "the timestamp becomes the one before"),
    Rule("tcp-timestamps-echo", WARNING, "RFC 7323 section 3.2",
         "an echo of a timestamp that the other side has not sent",
         "the echo becomes the other side's last timestamp"),
    Rule("tcp-sack-unasked", ERROR, "RFC 2018 section 3", "SACK blocks, though the other side did not permit them",
         "they are removed"),
    Rule("tcp-sack-unsent", WARNING, "RFC 2018 section 3", "a SACK block beyond what was sent, as the capture has it"),
)  # fmt: skip

# What is known of one side, as places in its row of `sides`.
(
    KNOWN, ISN, NEXT_KNOWN, NEXT, NEXT_NS, ACK_KNOWN, LAST_ACK, ACK_NS, DUPLICATES, WINDOW, SHIFT, EDGE, EDGE_KNOWN,
    FIN_KNOWN, FIN_AT, RESET, OFFERS, VALUE_KNOWN, VALUE, VALUE_FIRST, UNANSWERED, UNSEEN_TO, UNSEEN_KNOWN, SYN_NS,
    FIRST_RTT, LOSSY, HOLES,
) = range(27)  # fmt: skip
MAX_HOLES = 16
"""Missing stretches of a side's sequence that are remembered, from HOLES on: first number, first number behind."""
N_SIDE = HOLES + 2 * MAX_HOLES
OFFERED = 128
"""In OFFERS: the options of the SYN are known; the other bits are those of options.OPTIONS."""

NEW_ACK, NEW_TIMES, DROP_TIMES, DROP_SACK, DROP_SCALE, DROP_PERMITTED = 1, 2, 4, 8, 16, 32
MENDS = np.dtype([("ack", "u4"), ("value", "u4"), ("echo", "u4"), ("what", "u1")], align=True)
"""What would mend a segment: bits of the names above, and the new values."""

REORDER_NS, FAST_NS = 3_000_000, 20_000_000
CONTROL = SYN | FIN | RST


@compiled
def _syn(p: Any, o: Any, t: int, us: NDArray[np.int64], them: NDArray[np.int64], f: Any, m: Any) -> None:
    """A SYN or SYN-ACK: what it acknowledges, what it offers."""
    has = i64(o.has)
    if p.flags & ACK and them[KNOWN]:
        first = (them[ISN] + 1) & 0xFFFF_FFFF
        if signed(m.ack - first) < 0 or signed(m.ack - them[NEXT]) > 0:
            f[SYN_ACK] = True
            m.ack = first
            m.what |= NEW_ACK
        if o.known and them[OFFERS] & OFFERED:
            unasked = has & ~them[OFFERS] & (SCALE | PERMITTED | TIMES)
            if unasked:
                f[OPTION_UNASKED] = True
                if unasked & SCALE:
                    m.what |= DROP_SCALE
                if unasked & PERMITTED:
                    m.what |= DROP_PERMITTED
                if unasked & TIMES:
                    m.what |= DROP_TIMES
    us[SYN_NS] = t  # the latest counts: what is answered is the SYN that was not lost
    us[KNOWN], us[ISN] = 1, i64(p.seq)
    if o.known:
        us[OFFERS] = OFFERED | has
        us[SHIFT] = min(i64(o.scale), 14) if has & SCALE else -2
    us[UNANSWERED] = not p.flags & ACK


@compiled
def _acknowledges(p: Any, us: NDArray[np.int64], them: NDArray[np.int64], f: Any, m: Any) -> None:
    """Whether the acknowledgment lies within what the other side has sent."""
    if them[KNOWN] and not p.flags & RST:
        first = (them[ISN] + 1) & 0xFFFF_FFFF
        if signed(m.ack - first) < 0:
            f[ACK_BELOW] = True
            m.ack = us[LAST_ACK] if us[ACK_KNOWN] and signed(us[LAST_ACK] - first) > 0 else first
            m.what |= NEW_ACK
    if not them[NEXT_KNOWN]:
        return
    beyond = signed(m.ack - them[NEXT]) > 0
    if beyond and not (them[UNSEEN_KNOWN] and signed(m.ack - them[UNSEEN_TO]) <= 0):
        f[ACK_UNSEEN] = True
        them[UNSEEN_KNOWN], them[UNSEEN_TO], them[LOSSY] = 1, i64(m.ack), 1
    elif not beyond and _acknowledged_holes(m.ack, them):
        f[ACK_UNSEEN] = True


@compiled
def _acknowledged_holes(ack: int, side: NDArray[np.int64]) -> bool:
    """Close the holes that an acknowledgment reaches into; returns whether there were any."""
    any_closed = False
    for k in range(HOLES, HOLES + 2 * MAX_HOLES, 2):
        if side[k] != side[k + 1] and signed(ack - side[k]) > 0:
            side[k] = side[k + 1]
            any_closed = True
    return any_closed


@compiled
def _open_hole(start: int, end: int, side: NDArray[np.int64]) -> None:
    """Remember a missing stretch, in the place of the lowest one if there is no other."""
    place = HOLES
    for k in range(HOLES, HOLES + 2 * MAX_HOLES, 2):
        if side[k] == side[k + 1]:
            place = k
            break
        if signed(side[k] - side[place]) < 0:
            place = k
    side[place], side[place + 1] = start, end


@compiled
def _fill_holes(start: int, end: int, side: NDArray[np.int64]) -> None:
    """Take a segment that came late out of the missing stretches."""
    for k in range(HOLES, HOLES + 2 * MAX_HOLES, 2):
        if side[k] == side[k + 1] or signed(start - side[k + 1]) >= 0 or signed(end - side[k]) <= 0:
            continue
        left, right = signed(start - side[k]) > 0, signed(end - side[k + 1]) < 0
        behind = side[k + 1]
        side[k + 1] = start if left else side[k + 1]
        if not left:
            side[k] = end if right else side[k + 1]
        elif right:
            _open_hole(end, behind, side)


@compiled
def _again(p: Any, t: int, span: int, us: NDArray[np.int64], them: NDArray[np.int64], f: Any) -> None:
    """A segment below what is next: sent again, or overtaken on the way."""
    seq = i64(p.seq)
    end = (seq + span) & 0xFFFF_FFFF
    _fill_holes(seq, end, us)
    acknowledged = them[ACK_KNOWN] and p.payload_bytes > 0 and signed(end - them[LAST_ACK]) <= 0
    fast = them[DUPLICATES] >= 2 and them[LAST_ACK] == seq and t - them[ACK_NS] < FAST_NS
    soon = max(us[FIRST_RTT], them[FIRST_RTT])
    if not acknowledged and not fast and t - us[NEXT_NS] < (soon if soon else REORDER_NS) and end != us[NEXT]:
        f[OUT_OF_ORDER] = True
    else:
        f[RETRANSMITTED] = True


@compiled
def _sequence(p: Any, t: int, us: NDArray[np.int64], them: NDArray[np.int64], f: Any) -> None:
    """Where the segment lies in its side's sequence and in the other side's window."""
    size, flags, seq = i64(p.payload_bytes), p.flags, i64(p.seq)
    span = size + (1 if flags & SYN else 0) + (1 if flags & FIN else 0)
    end = (seq + size) & 0xFFFF_FFFF
    probe = size == 1 and us[NEXT_KNOWN] and seq == us[NEXT] and them[ACK_KNOWN] and them[WINDOW] == 0
    if us[NEXT_KNOWN] and not flags & RST:
        ahead = signed(seq - us[NEXT])
        if ahead > 0:
            f[LOST] = True
            us[LOSSY] = 1
            _open_hole(us[NEXT], seq, us)
        elif ahead < 0 and span > 0 and not (ahead == -1 and size <= 1 and not flags & (SYN | FIN)):
            _again(p, t, span, us, them, f)
    if size > 0 and not flags & CONTROL and them[ACK_KNOWN]:
        shift = them[SHIFT] if them[SHIFT] > 0 and us[SHIFT] >= 0 else 0
        if them[SHIFT] != -1 and end == (them[LAST_ACK] + (them[WINDOW] << shift)) & 0xFFFF_FFFF:
            f[WINDOW_FULL] = True
        if them[EDGE_KNOWN] and signed(end - them[EDGE]) > 0 and not probe:
            f[WINDOW_PASSED] = True
    if size > 0 and us[FIN_KNOWN] and signed(end - us[FIN_AT]) > 0:
        f[AFTER_FIN] = True
    if us[RESET] and not flags & (RST | SYN):
        f[AFTER_RESET] = True
    if flags & FIN and not us[FIN_KNOWN]:
        us[FIN_KNOWN], us[FIN_AT] = 1, end
    if flags & RST:
        us[RESET] = 1
        return
    following = (seq + span) & 0xFFFF_FFFF
    if not probe and (not us[NEXT_KNOWN] or signed(following - us[NEXT]) > 0):
        us[NEXT_KNOWN], us[NEXT], us[NEXT_NS] = 1, following, t


@compiled
def _window(p: Any, window: int, ack: int, t: int, us: NDArray[np.int64], them: NDArray[np.int64], f: Any) -> None:
    """What the segment tells of its sender's window."""
    flags = p.flags
    if window == 0 and not flags & CONTROL:
        f[ZERO_WINDOW] = True
    if not flags & ACK:
        return
    same = us[ACK_KNOWN] and us[LAST_ACK] == ack
    if same and p.payload_bytes == 0 and us[WINDOW] == window and not flags & CONTROL:
        us[DUPLICATES] += 1
    elif not same:
        us[DUPLICATES] = 0
    us[ACK_KNOWN], us[LAST_ACK], us[ACK_NS], us[WINDOW] = 1, ack, t, window
    if not flags & SYN and them[SYN_NS] and us[SYN_NS] and not (us[FIRST_RTT] or them[FIRST_RTT]):
        us[FIRST_RTT] = t - us[SYN_NS]
    if flags & RST:
        return
    # A shift is in force once both sides have sent one, and never in a SYN (RFC 7323 section 2.2).
    unknown = not flags & SYN and (us[SHIFT] == -1 or them[SHIFT] == -1)
    shift = us[SHIFT] if not flags & SYN and us[SHIFT] > 0 and them[SHIFT] >= 0 else 0
    edge = (ack + (window << shift)) & 0xFFFF_FFFF
    if unknown:
        us[EDGE_KNOWN] = 0
    elif not us[EDGE_KNOWN] or signed(edge - us[EDGE]) > 0:
        us[EDGE_KNOWN], us[EDGE] = 1, edge


@compiled
def _negotiated(
    p: Any,
    o: Any,
    in_order: bool,
    us: NDArray[np.int64],
    them: NDArray[np.int64],
    edges: NDArray[np.int64],
    f: Any,
    m: Any,
) -> None:
    """Timestamps and SACK blocks, as the SYNs agreed on them; `in_order`: nothing that was sent later came before."""
    both = us[OFFERS] & OFFERED and them[OFFERS] & OFFERED
    agreed = us[OFFERS] & them[OFFERS] & TIMES
    has = o.has & TIMES and not m.what & DROP_TIMES
    if both and not p.flags & SYN:
        if has and not agreed:
            f[TIMES_UNASKED] = True
            m.what |= DROP_TIMES
            has = False
        if not has and agreed and not p.flags & RST:
            f[TIMES_MISSING] = True
    if both and o.blocks > 0 and not p.flags & SYN and not them[OFFERS] & PERMITTED:
        f[SACK_UNASKED] = True
        m.what |= DROP_SACK
    elif o.blocks > 0 and them[NEXT_KNOWN] and not p.flags & SYN:
        for k in range(o.blocks):
            beyond = signed(edges[2 * k + 1] - them[NEXT]) > 0
            if beyond and not (them[UNSEEN_KNOWN] and signed(edges[2 * k + 1] - them[UNSEEN_TO]) <= 0):
                f[SACK_UNSENT] = True
    if not has or p.flags & RST:
        return
    value, echo = i64(o.value), i64(o.echo)
    if us[VALUE_KNOWN] and signed(value - us[VALUE]) < 0 and in_order:
        f[TIMES_BACK] = True
        value = us[VALUE]
        m.what |= NEW_TIMES
    # Where the other side's SYN is missing, or a segment of it, the echo may be of what is missing.
    sure = p.flags & ACK and echo and them[VALUE_KNOWN] and them[KNOWN] and not them[LOSSY]
    if sure and (signed(echo - them[VALUE]) > 0 or signed(echo - them[VALUE_FIRST]) < 0):
        f[TIMES_ECHO] = True
        echo = them[VALUE]
        m.what |= NEW_TIMES
    m.value, m.echo = value, echo
    if not us[VALUE_KNOWN]:
        us[VALUE_FIRST] = value
    if not us[VALUE_KNOWN] or signed(value - us[VALUE]) > 0:
        us[VALUE_KNOWN], us[VALUE] = 1, value


@compiled
def judge(
    data: Bytes,
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    time_ns: NDArray[np.int64],
    fields: NDArray[np.void],
    options: NDArray[np.void],
    edges: NDArray[np.int64],
    flow: NDArray[np.int64],
    side: NDArray[np.int8],
    first: NDArray[np.bool_],
    sides: NDArray[np.int64],
    mends: NDArray[np.void],
    found: NDArray[np.bool_],
    mending: bool,
) -> None:
    """Mark in `found` (N, len(RULES)) which segments break which rules, and in `mends` what would mend them.

    `sides` (flows, 2, N_SIDE) is what is known of the flows' sides, and is kept up to date: by what was sent, or, when
    `mending`, by what was sent once the mends are made. `first` marks the first packets of flows.
    """
    for i in range(flow.size):
        p, o, f, m = fields[i], options[i], found[i], mends[i]
        if flow[i] < 0 or p.protocol != 6:
            continue
        us, them = sides[flow[i], side[i]], sides[flow[i], 1 - side[i]]
        t = time_ns[i]
        if first[i]:
            us[SHIFT], them[SHIFT] = -1, -1
            f[NO_HANDSHAKE] = not p.flags & SYN
        m.ack, m.value, m.echo, m.what = p.ack, o.value, o.echo, 0
        if p.flags & SYN and not p.flags & RST:
            _syn(p, o, t, us, them, f, m)
            them[UNANSWERED] = 0
        else:
            if us[UNANSWERED] and not p.flags & RST:
                f[BEFORE_ANSWER] = True
                us[UNANSWERED] = 0
            if p.flags & ACK:
                _acknowledges(p, us, them, f, m)
        if p.flags & RST:
            them[UNANSWERED] = 0
        ack = i64(m.ack) if mending else i64(p.ack)
        in_order = not us[NEXT_KNOWN] or signed(i64(p.seq) - us[NEXT]) >= 0
        in_order = in_order and (not us[ACK_KNOWN] or signed(ack - us[LAST_ACK]) >= 0)
        _sequence(p, t, us, them, f)
        start = p.network + p.network_bytes
        if start + 16 <= offset[i] + captured[i]:
            _window(p, i64(data[start + 14]) << 8 | i64(data[start + 15]), ack, t, us, them, f)
        if not o.known:
            us[LOSSY] = 1
        else:
            _negotiated(p, o, in_order, us, them, edges[i], f, m)
            if mending and p.flags & SYN:
                us[OFFERS] &= ~(TIMES * (m.what & DROP_TIMES > 0))
                us[OFFERS] &= ~(PERMITTED * (m.what & DROP_PERMITTED > 0))
                if m.what & DROP_SCALE:
                    us[OFFERS] &= ~SCALE
                    us[SHIFT] = -2
