"""Rules about TCP segments in their order: what each side may send after what was sent before (RFC 9293, RFC 7323).

The rules see one place of the network: a segment that is missing may have been lost on the way or by the capture.
Where Wireshark's expert has a finding of the kind, the conditions are those that its user's guide gives (section 7.5).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes, Ints
from netdiffus.wire.conformance.options import PERMITTED, SCALE, TIMES
from netdiffus.wire.conformance.rules import ERROR, NOTE, WARNING, Rule
from netdiffus.wire.conformance.sides import FAST_NS, REORDERED_NS, close_holes, fill_holes, open_hole
from netdiffus.wire.headers.fields import ACK, FIN, RST, SYN
from netdiffus.wire.kernels.bytes import u16
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

OFFERED = 128
"""In the `offers` of a side: the options of the SYN are known; the other bits are those of options.OPTIONS."""

NEW_ACK, NEW_TIMES, DROP_TIMES, DROP_SACK, DROP_SCALE, DROP_PERMITTED = 1, 2, 4, 8, 16, 32
FIXES = np.dtype([("ack", "u4"), ("value", "u4"), ("echo", "u4"), ("what", "u1")], align=True)
"""What would fix a segment: bits of the names above, and the new values."""

CONTROL = SYN | FIN | RST


@compiled
def _syn(p: Any, o: Any, t: int, us: Any, them: Any, f: Any, m: Any) -> None:
    """A SYN or SYN-ACK: what it acknowledges, what it offers."""
    has = i64(o.has)
    if p.flags & ACK and them.known:
        first = (them.isn + 1) & 0xFFFF_FFFF
        if signed(m.ack - first) < 0 or signed(m.ack - them.next) > 0:
            f[SYN_ACK] = True
            m.ack = first
            m.what |= NEW_ACK
        if o.known and them.offers & OFFERED:
            unasked = has & ~them.offers & (SCALE | PERMITTED | TIMES)
            if unasked:
                f[OPTION_UNASKED] = True
                if unasked & SCALE:
                    m.what |= DROP_SCALE
                if unasked & PERMITTED:
                    m.what |= DROP_PERMITTED
                if unasked & TIMES:
                    m.what |= DROP_TIMES
    us.syn_ns = t  # the latest counts: what is answered is the SYN that was not lost
    us.known, us.isn = 1, i64(p.seq)
    if o.known:
        us.offers = OFFERED | has
        us.shift = min(i64(o.scale), 14) if has & SCALE else -2
    us.unanswered = not p.flags & ACK


@compiled
def _acknowledges(p: Any, us: Any, them: Any, f: Any, m: Any) -> None:
    """Whether the acknowledgment lies within what the other side has sent."""
    if them.known and not p.flags & RST:
        first = (them.isn + 1) & 0xFFFF_FFFF
        if signed(m.ack - first) < 0:
            f[ACK_BELOW] = True
            m.ack = us.last_ack if us.ack_known and signed(us.last_ack - first) > 0 else first
            m.what |= NEW_ACK
    if not them.next_known:
        return
    beyond = signed(m.ack - them.next) > 0
    if beyond and not (them.unseen_known and signed(m.ack - them.unseen_to) <= 0):
        f[ACK_UNSEEN] = True
        them.unseen_known, them.unseen_to, them.lossy = 1, i64(m.ack), 1
    elif not beyond and close_holes(m.ack, them):
        f[ACK_UNSEEN] = True


@compiled
def _again(p: Any, t: int, span: int, us: Any, them: Any, f: Any) -> None:
    """A segment below what is next: sent again, or overtaken on the way."""
    seq = i64(p.seq)
    end = (seq + span) & 0xFFFF_FFFF
    fill_holes(seq, end, us)
    acknowledged = them.ack_known and p.payload_bytes > 0 and signed(end - them.last_ack) <= 0
    fast = them.duplicates >= 2 and them.last_ack == seq and t - them.ack_ns < FAST_NS
    soon = max(us.first_rtt, them.first_rtt)
    if not acknowledged and not fast and t - us.next_ns < (soon if soon else REORDERED_NS) and end != us.next:
        f[OUT_OF_ORDER] = True
    else:
        f[RETRANSMITTED] = True


@compiled
def _sequence(p: Any, t: int, us: Any, them: Any, f: Any) -> None:
    """Where the segment lies in its side's sequence and in the other side's window."""
    size, flags, seq = i64(p.payload_bytes), p.flags, i64(p.seq)
    span = size + (1 if flags & SYN else 0) + (1 if flags & FIN else 0)
    end = (seq + size) & 0xFFFF_FFFF
    probe = size == 1 and us.next_known and seq == us.next and them.ack_known and them.window == 0
    if us.next_known and not flags & RST:
        ahead = signed(seq - us.next)
        if ahead > 0:
            f[LOST] = True
            us.lossy = 1
            open_hole(us.next, seq, us)
        elif ahead < 0 and span > 0 and not (ahead == -1 and size <= 1 and not flags & (SYN | FIN)):
            _again(p, t, span, us, them, f)
    if size > 0 and not flags & CONTROL and them.ack_known:
        shift = them.shift if them.shift > 0 and us.shift >= 0 else 0
        if them.shift != -1 and end == (them.last_ack + (them.window << shift)) & 0xFFFF_FFFF:
            f[WINDOW_FULL] = True
        if them.edge_known and signed(end - them.edge) > 0 and not probe:
            f[WINDOW_PASSED] = True
    if size > 0 and us.fin_known and signed(end - us.fin_at) > 0:
        f[AFTER_FIN] = True
    if us.reset and not flags & (RST | SYN):
        f[AFTER_RESET] = True
    if flags & FIN and not us.fin_known:
        us.fin_known, us.fin_at = 1, end
    if flags & RST:
        us.reset = 1
        return
    following = (seq + span) & 0xFFFF_FFFF
    if not probe and (not us.next_known or signed(following - us.next) > 0):
        us.next_known, us.next, us.next_ns = 1, following, t


@compiled
def _window(p: Any, window: int, ack: int, t: int, us: Any, them: Any, f: Any) -> None:
    """What the segment tells of its sender's window."""
    flags = p.flags
    if window == 0 and not flags & CONTROL:
        f[ZERO_WINDOW] = True
    if not flags & ACK:
        return
    same = us.ack_known and us.last_ack == ack
    if same and p.payload_bytes == 0 and us.window == window and not flags & CONTROL:
        us.duplicates += 1
    elif not same:
        us.duplicates = 0
    us.ack_known, us.last_ack, us.ack_ns, us.window = 1, ack, t, window
    if not flags & SYN and them.syn_ns and us.syn_ns and not (us.first_rtt or them.first_rtt):
        us.first_rtt = t - us.syn_ns
    if flags & RST:
        return
    # A shift is in force once both sides have sent one, and never in a SYN (RFC 7323 section 2.2).
    unknown = not flags & SYN and (us.shift == -1 or them.shift == -1)
    shift = us.shift if not flags & SYN and us.shift > 0 and them.shift >= 0 else 0
    edge = (ack + (window << shift)) & 0xFFFF_FFFF
    if unknown:
        us.edge_known = 0
    elif not us.edge_known or signed(edge - us.edge) > 0:
        us.edge_known, us.edge = 1, edge


@compiled
def _negotiated(p: Any, o: Any, in_order: bool, us: Any, them: Any, edges: Ints, f: Any, m: Any) -> None:
    """Timestamps and SACK blocks, as the SYNs agreed on them; `in_order`: nothing that was sent later came before."""
    both = us.offers & OFFERED and them.offers & OFFERED
    agreed = us.offers & them.offers & TIMES
    has = o.has & TIMES and not m.what & DROP_TIMES
    if both and not p.flags & SYN:
        if has and not agreed:
            f[TIMES_UNASKED] = True
            m.what |= DROP_TIMES
            has = False
        if not has and agreed and not p.flags & RST:
            f[TIMES_MISSING] = True
    if both and o.blocks > 0 and not p.flags & SYN and not them.offers & PERMITTED:
        f[SACK_UNASKED] = True
        m.what |= DROP_SACK
    elif o.blocks > 0 and them.next_known and not p.flags & SYN:
        for k in range(o.blocks):
            beyond = signed(edges[2 * k + 1] - them.next) > 0
            if beyond and not (them.unseen_known and signed(edges[2 * k + 1] - them.unseen_to) <= 0):
                f[SACK_UNSENT] = True
    if not has or p.flags & RST:
        return
    value, echo = i64(o.value), i64(o.echo)
    if us.value_known and signed(value - us.value) < 0 and in_order:
        f[TIMES_BACK] = True
        value = us.value
        m.what |= NEW_TIMES
    # Where the other side's SYN is missing, or a segment of it, the echo may be of what is missing.
    sure = p.flags & ACK and echo and them.value_known and them.known and not them.lossy
    if sure and (signed(echo - them.value) > 0 or signed(echo - them.value_first) < 0):
        f[TIMES_ECHO] = True
        echo = them.value
        m.what |= NEW_TIMES
    m.value, m.echo = value, echo
    if not us.value_known:
        us.value_first = value
    if not us.value_known or signed(value - us.value) > 0:
        us.value_known, us.value = 1, value


@compiled
def judge(
    data: Bytes,
    offset: Ints,
    captured: NDArray[np.int32],
    time_ns: Ints,
    fields: NDArray[np.void],
    options: NDArray[np.void],
    edges: Ints,
    flow: Ints,
    side: NDArray[np.int8],
    first: NDArray[np.bool_],
    sides: NDArray[np.void],
    fixes: NDArray[np.void],
    found: NDArray[np.bool_],
    fixing: bool,
) -> None:
    """Mark in `found` (N, len(RULES)) which segments break which rules, and in `fixes` what would fix them.

    `sides` (flows, 2) of SIDE is what is known of the flows' sides, and is kept up to date: by what was sent, or, when
    `fixing`, by what was sent once the fixes are made. `first` marks the first packets of flows.
    """
    for i in range(flow.size):
        p, o, f, m = fields[i], options[i], found[i], fixes[i]
        if flow[i] < 0 or p.protocol != 6:
            continue
        us, them = sides[flow[i], side[i]], sides[flow[i], 1 - side[i]]
        t = time_ns[i]
        if first[i]:
            us.shift, them.shift = -1, -1
            f[NO_HANDSHAKE] = not p.flags & SYN
        m.ack, m.value, m.echo, m.what = p.ack, o.value, o.echo, 0
        if p.flags & SYN and not p.flags & RST:
            _syn(p, o, t, us, them, f, m)
            them.unanswered = 0
        else:
            if us.unanswered and not p.flags & RST:
                f[BEFORE_ANSWER] = True
                us.unanswered = 0
            if p.flags & ACK:
                _acknowledges(p, us, them, f, m)
        if p.flags & RST:
            them.unanswered = 0
        ack = i64(m.ack) if fixing else i64(p.ack)
        in_order = not us.next_known or signed(i64(p.seq) - us.next) >= 0
        in_order = in_order and (not us.ack_known or signed(ack - us.last_ack) >= 0)
        _sequence(p, t, us, them, f)
        start = p.network + p.network_bytes
        if start + 16 <= offset[i] + captured[i]:
            _window(p, u16(data, start + 14), ack, t, us, them, f)
        if not o.known:
            us.lossy = 1
        else:
            _negotiated(p, o, in_order, us, them, edges[i], f, m)
            if fixing and p.flags & SYN:
                us.offers &= ~(TIMES * (m.what & DROP_TIMES > 0))
                us.offers &= ~(PERMITTED * (m.what & DROP_PERMITTED > 0))
                if m.what & DROP_SCALE:
                    us.offers &= ~SCALE
                    us.shift = -2
