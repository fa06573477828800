"""Rules about ICMP (RFC 792) and ICMPv6 (RFC 4443, RFC 4861)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.conformance import checksums
from netdiffus.wire.conformance.rules import ERROR, NOTE, WARNING, Rule
from netdiffus.wire.headers.fields import ICMP, ICMPV6, OK, WHOLE
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.compiled import compiled, i64

SHORT, CHECKSUM, TYPE, CODE, EMBEDDED, CHECKSUM6, TYPE6, EMBEDDED6, HOP_LIMIT = range(9)
RULES = (
    Rule("icmp-short", ERROR, "RFC 792, RFC 4443 section 2.1", "the message is shorter than the header of its type"),
    Rule("icmp-checksum", ERROR, "RFC 792", "the checksum is wrong", "it is computed"),
    Rule("icmp-type", NOTE, "RFC 792, RFC 6918", "the type is not assigned or no longer in use"),
    Rule("icmp-code", NOTE, "RFC 792, RFC 1812 section 5.2.7", "the code is not one of its type"),
    Rule("icmp-embedded", WARNING, "RFC 792, RFC 1122 section 3.2.2",
         "an error does not hold the IP header and 8 bytes of the packet that it is about"),
    Rule("icmpv6-checksum", ERROR, "RFC 4443 section 2.3", "the checksum is wrong", "it is computed"),
    Rule("icmpv6-type", NOTE, "RFC 4443 section 2.1", "the type is not assigned"),
    Rule("icmpv6-embedded", WARNING, "RFC 4443 section 3",
         "an error does not hold the IPv6 header of the packet that it is about"),
    Rule("icmpv6-hop-limit", ERROR, "RFC 4861 section 6.1, 7.1, 8.1",
         "neighbour discovery with a hop limit other than 255: its receiver drops it", "it becomes 255"),
)  # fmt: skip
LAST_CODE = {0: 0, 3: 15, 5: 3, 8: 0, 9: 16, 10: 0, 11: 1, 12: 2, 13: 0, 14: 0, 40: 5, 42: 0, 43: 4}
"""The last code of each type of ICMP that is assigned and not deprecated (IANA ICMP parameters)."""
_LAST_CODE = np.array([LAST_CODE.get(kind, -1) for kind in range(256)], np.int64)


@compiled
def _is_error(kind: int) -> bool:
    return kind in (3, 5, 11, 12)


@compiled
def _has_type6(kind: int) -> bool:
    """IANA ICMPv6 parameters: errors 1 to 4, messages 128 to 161, experiments at both ends of the ranges."""
    return kind in (1, 2, 3, 4, 100, 101, 200, 201) or 128 <= kind <= 161


@compiled
def _judge(
    data: Bytes,
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    length: NDArray[np.int32],
    fields: NDArray[np.void],
    codes: NDArray[np.int64],
    found: NDArray[np.bool_],
) -> None:
    for i in range(offset.size):
        p, f = fields[i], found[i]
        if p.status != OK or p.fragment != WHOLE:
            continue
        four, six = p.protocol == ICMP and p.version == 4, p.protocol == ICMPV6 and p.version == 6
        if not (four or six):
            continue
        start, end = p.network + p.network_bytes, offset[i] + captured[i]
        size = i64(p.payload_bytes) + (8 if p.payload_bytes > 0 else p.transport_bytes)
        room = end - start
        if size < 8 and captured[i] < length[i]:
            continue
        if size < (8 if four else 4):
            f[SHORT] = True
            continue
        if room < 2:
            continue
        kind, code = i64(data[start]), i64(data[start + 1])
        if four:
            if codes[kind] < 0:
                f[TYPE] = True
            elif code > codes[kind]:
                f[CODE] = True
            if _is_error(kind):
                whole = size >= 36
                if room >= 9 and size >= 9:
                    inner = i64(data[start + 8])
                    whole = inner >> 4 == 4 and inner & 15 >= 5 and size >= 8 + (inner & 15) * 4 + 8
                f[EMBEDDED] = not whole
            continue
        if not _has_type6(kind):
            f[TYPE6] = True
        least = 16 if kind == 134 else 24 if kind in (135, 136) else 40 if kind == 137 else 8
        if size < least and kind < 138:
            f[SHORT] = True
        if kind in (1, 2, 3, 4):
            f[EMBEDDED6] = size < 48 or (room >= 9 and data[start + 8] >> 4 != 6)
        if 133 <= kind <= 137 and data[p.network + 7] != 255:
            f[HOP_LIMIT] = True


def judge(block: PacketBlock, fields: NDArray[np.void], sums: NDArray[np.void], found: NDArray[np.bool_]) -> None:
    """Mark in `found` (N, len(RULES)) which packets break which rules."""
    _judge(block.data, block.offset, block.captured, block.length, fields, _LAST_CODE, found)
    wrong = sums["transport"] == checksums.WRONG
    found[:, CHECKSUM] = wrong & (fields["protocol"] == ICMP)
    found[:, CHECKSUM6] = wrong & (fields["protocol"] == ICMPV6)
