"""Rules about single TCP segments (RFC 9293); options.py has those about options, segments.py those about order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.conformance import checksums
from netdiffus.wire.conformance.rules import ERROR, NOTE, WARNING, Rule
from netdiffus.wire.headers.fields import (
    ACK,
    FIN,
    LATER,
    OK,
    RST,
    SYN,
    TCP,
    TRANSPORT_CUT,
    TRANSPORT_LONG,
    TRANSPORT_SHORT,
    WHOLE,
)
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.compiled import compiled, i64

SHORT, DATA_OFFSET, CHECKSUM, OFFLOAD, PORT_ZERO, SYN_FIN, NO_ACK, RESERVED, URGENT, UNUSED_ACK, RESET = range(11)
RULES = (
    Rule("tcp-short", ERROR, "RFC 9293 section 3.1", "the IP payload is shorter than the 20 bytes of the TCP header"),
    Rule("tcp-data-offset", ERROR, "RFC 9293 section 3.1",
         "the header is shorter than 20 bytes or runs past the packet",
         "the header becomes 20 bytes"),
    Rule("tcp-checksum", ERROR, "RFC 9293 section 3.1, RFC 1071", "the checksum is wrong", "it is computed"),
    Rule("tcp-checksum-offload", WARNING, "RFC 9293 section 3.1, RFC 1071",
         "the checksum is the pseudo header's sum alone: probably checksum offload", "it is computed"),
    Rule("tcp-port-zero", WARNING, "RFC 6335 section 6", "a port is 0, which is reserved"),
    Rule("tcp-syn-fin", ERROR, "RFC 9293 section 3.10.7",
         "SYN together with FIN or RST", "FIN and RST are cleared"),
    Rule("tcp-no-ack", WARNING, "RFC 9293 section 3.1, 3.10.7.4",
         "no ACK flag in a segment that is neither the first SYN nor a reset", "the ACK flag is set"),
    Rule("tcp-reserved-bits", WARNING, "RFC 9293 section 3.1", "a reserved bit of the header is set", "it is cleared"),
    Rule("tcp-urgent-pointer", NOTE, "RFC 9293 section 3.1", "an urgent pointer without the URG flag"),
    Rule("tcp-unused-ack", NOTE, "RFC 9293 section 3.1", "an acknowledgment number without the ACK flag"),
    Rule("tcp-reset", NOTE, "RFC 9293 section 3.5.2", "a reset"),
)  # fmt: skip
URG = 32
RESERVED_BITS = 0x0E
"""The three that no document uses; the fourth is AE of accurate ECN."""


@compiled
def _judge(
    data: Bytes,
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    fields: NDArray[np.void],
    found: NDArray[np.bool_],
) -> None:
    for i in range(offset.size):
        p, f = fields[i], found[i]
        if p.protocol != TCP or p.fragment == LATER:
            continue
        start, end = p.network + p.network_bytes, offset[i] + captured[i]
        if p.status == TRANSPORT_SHORT or p.status == TRANSPORT_LONG:
            f[SHORT if _inside(data, p.network, p.network_bytes) < 20 else DATA_OFFSET] = True
        if p.status in (TRANSPORT_CUT, TRANSPORT_LONG, TRANSPORT_SHORT) or p.status != OK:
            continue
        flags = p.flags
        if p.source_port == 0 or p.destination_port == 0:
            f[PORT_ZERO] = True
        if flags & SYN and flags & (FIN | RST):
            f[SYN_FIN] = True
        if not flags & (ACK | SYN | RST):
            f[NO_ACK] = True
        if flags & RST:
            f[RESET] = True
        if data[start + 12] & RESERVED_BITS:
            f[RESERVED] = True
        if not flags & ACK and p.ack != 0:
            f[UNUSED_ACK] = True
        if not flags & URG and start + 20 <= end and (data[start + 18] or data[start + 19]):
            f[URGENT] = True


@compiled
def _inside(data: Bytes, pos: int, head: int) -> int:
    """Bytes of the IP payload as the IP header has it; where its length is 0, more than any header."""
    if data[pos] >> 4 == 4:
        total = i64(data[pos + 2]) << 8 | i64(data[pos + 3])
        return total - head if total else 65536
    size = i64(data[pos + 4]) << 8 | i64(data[pos + 5])
    return 40 + size - head if size else 65536


def judge(block: PacketBlock, fields: NDArray[np.void], sums: NDArray[np.void], found: NDArray[np.bool_]) -> None:
    """Mark in `found` (N, len(RULES)) which packets break which rules."""
    _judge(block.data, block.offset, block.captured, fields, found)
    whole = (fields["protocol"] == TCP) & (fields["fragment"] == WHOLE)
    found[:, CHECKSUM] = whole & (sums["transport"] == checksums.WRONG)
    found[:, OFFLOAD] = whole & (sums["transport"] == checksums.PARTIAL)
