"""What the handshake decides: which flags and which options a segment may have (RFC 9293 section 3.5, RFC 7323)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.compiler.rules import FLAGS, HANDSHAKE, RESET
from netdiffus.compiler.tcp_options import HAS_FAST_OPEN, HAS_TIMESTAMPS, MALFORMED, later_place
from netdiffus.wire.headers.fields import ACK, FIN, RST, SYN
from netdiffus.wire.kernels.compiled import compiled, i64

# Kernels of another file are called: touch this one when they change (wire/kernels/compiled.py).

URG, ECE, CWR, AE = 32, 64, 128, 256
ALL_FLAGS = 0x1FF


@compiled
def legal_flags(asked: int, client: bool, mine: Any, peer: Any, opened: bool, quiet: bool) -> tuple[int, int]:
    """Flags that may stand here, and the rules that changed them; flags below 0 mean that nothing may."""
    flags, broken = asked & ALL_FLAGS, 0
    if flags & RST:
        flags &= ~(SYN | FIN | URG)
        if opened and not mine.syn and not client:
            flags |= ACK  # the answer to a SYN (RFC 9293 section 3.5.2)
        elif opened and quiet and client and not peer.syn:
            flags &= ~ACK  # there is nothing yet to acknowledge
    elif flags & SYN:
        first = not mine.established and (not (quiet and peer.syn) if client else peer.syn)
        if opened and first:
            flags = SYN | (flags & (ECE | CWR | AE)) | (0 if client else ACK)
        else:
            flags, broken = (flags & ~SYN) | ACK, HANDSHAKE
    elif opened and not client and not mine.syn:
        flags, broken = SYN | ACK, HANDSHAKE
    elif not flags & ACK:
        flags |= ACK
    if flags != asked and not broken:
        broken = FLAGS
    if mine.reset and not flags & RST and (quiet or mine.established or not flags & SYN):
        return -1, broken | RESET
    if opened and not flags & (SYN | RST) and (not peer.syn if client else not peer.established):
        return -1, broken | HANDSHAKE
    return flags, broken


@compiled
def legal_layout(
    asked: int, kinds: NDArray[np.void], flags: int, client: bool, mine: Any, peer: Any, opened: bool
) -> int:
    """The layout of the options; the SACK blocks of a segment without SYN are looked at later."""
    has = i64(kinds[asked].has)
    blocks = i64(kinds[asked].blocks)
    if flags & SYN:
        allowed = 15 if client or not peer.begun else (peer.has & 15) | 1
        fast_open = has & HAS_FAST_OPEN != 0
        if has & MALFORMED or blocks or has & 15 & ~allowed or (fast_open and not client):
            return has & 15 & allowed
        return asked
    stamped = has & HAS_TIMESTAMPS != 0
    if opened and peer.begun:
        agreed = mine.has & peer.has & HAS_TIMESTAMPS != 0
        stamped = agreed and (stamped or flags & RST == 0)
    if has & MALFORMED or has & 7 or stamped != (has & HAS_TIMESTAMPS != 0):
        return later_place(stamped, min(blocks, i64(3)) if stamped else blocks)
    return asked
