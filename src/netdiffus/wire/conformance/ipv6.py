"""Rules about IPv6 headers and extension headers (RFC 8200, RFC 4291)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.conformance.rules import ERROR, WARNING, Rule
from netdiffus.wire.headers.fields import (
    BAD_PLACE,
    ICMP,
    ICMPV6,
    LINK_CUT,
    LINK_NOT_DECODED,
    NETWORK_LONG,
    NO_VERSION,
    NOT_IP,
)
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.compiled import compiled, i64

(
    HEADER, PAYLOAD_LENGTH, PAYLOAD_ZERO, HOP_LIMIT_ZERO, SOURCE, DESTINATION, EXTENSION_ORDER, EXTENSION_LENGTH,
    OPTIONS, FRAGMENT_SIZE, FRAGMENT_END, PROTOCOL,
) = range(12)  # fmt: skip
RULES = (
    Rule("ipv6-header", ERROR, "RFC 8200 section 3",
         "the packet on the wire is shorter than the 40 bytes of the header"),
    Rule("ipv6-payload-length", ERROR, "RFC 8200 section 3", "the payload length is longer than the packet on the wire",
         "the payload length becomes what was on the wire"),
    Rule("ipv6-payload-length-zero", WARNING, "RFC 8200 section 3, RFC 2675 section 2",
         "the payload length is 0 and there is no jumbo option: probably segmentation offload",
         "the payload length becomes what was on the wire"),
    Rule("ipv6-hop-limit-zero", WARNING, "RFC 8200 section 3", "the hop limit is 0", "it becomes 64"),
    Rule("ipv6-source", ERROR, "RFC 4291 sections 2.5.2, 2.5.3, 2.7",
         "the source is multicast, loopback to elsewhere, or :: (but for ICMPv6)"),
    Rule("ipv6-destination", ERROR, "RFC 4291 section 2.5.2", "the destination is ::"),
    Rule("ipv6-extension-order", WARNING, "RFC 8200 section 4.1",
         "hop-by-hop options not first, or an extension header that was there before"),
    Rule("ipv6-extension-length", ERROR, "RFC 8200 section 4", "an extension header runs past the packet"),
    Rule("ipv6-options", ERROR, "RFC 8200 section 4.2", "an option runs past its extension header"),
    Rule("ipv6-fragment-size", ERROR, "RFC 8200 section 4.5",
         "a fragment that is not the last holds a number of bytes that is no multiple of 8"),
    Rule("ipv6-fragment-end", ERROR, "RFC 8200 section 4.5", "a fragment ends past 65,535 bytes"),
    Rule("ipv6-protocol", WARNING, "RFC 8200 section 4", "ICMP of IPv4 inside IPv6"),
)  # fmt: skip
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, NO_NEXT, TO_DESTINATION = 0, 43, 44, 51, 59, 60
JUMBO = 0xC2


@compiled
def _is(data: Bytes, pos: int, last: int) -> bool:
    """Whether the address at pos is all zeros but for its last byte, which is `last`."""
    for k in range(15):
        if data[pos + k]:
            return False
    return bool(data[pos + 15] == last)


@compiled
def _options(data: Bytes, start: int, end: int) -> int:
    """1 if an option runs past the end, 2 if one is the jumbo payload option."""
    pos = start
    while pos < end:
        if data[pos] == 0:
            pos += 1
            continue
        if pos + 1 >= end or pos + 2 + data[pos + 1] > end:
            return 1
        if data[pos] == JUMBO:
            return 2
        pos += 2 + i64(data[pos + 1])
    return 0


@compiled
def _extensions(data: Bytes, pos: int, end: int, total: int, f: Any) -> bool:
    """Judge the extension headers; returns whether there is a jumbo payload option."""
    kind, at, seen, jumbo = i64(data[pos + 6]), 40, 0, False
    while kind in (HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, TO_DESTINATION):
        bit = 1 << (0 if kind == HOP_BY_HOP else kind - 42)
        if kind == HOP_BY_HOP and at > 40:
            f[EXTENSION_ORDER] = True
        if seen & bit and not (kind == TO_DESTINATION and seen & 2):  # before and behind the routing header
            f[EXTENSION_ORDER] = True
        seen |= bit
        if pos + at + 8 > end:
            break
        size = i64(8)
        if kind == AUTHENTICATION:
            size = (i64(data[pos + at + 1]) + 2) * 4
        elif kind != FRAGMENT:
            size = (i64(data[pos + at + 1]) + 1) * 8
        if at + size > total and not jumbo:
            break
        if kind in (HOP_BY_HOP, TO_DESTINATION) and pos + at + size <= end:
            verdict = _options(data, pos + at + 2, pos + at + size)
            if verdict == 1:
                f[OPTIONS] = True
            jumbo = jumbo or verdict == 2
        if kind == FRAGMENT:
            place = i64(data[pos + at + 2]) << 8 | i64(data[pos + at + 3])
            inside = total - at - 8
            if place & 1 and inside % 8:
                f[FRAGMENT_SIZE] = True
            if (place & 0xFFF8) + inside > 65535:
                f[FRAGMENT_END] = True
            if place & 0xFFF8:
                break
        kind = i64(data[pos + at])
        at += size
    return jumbo


@compiled
def _judge(
    data: Bytes,
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    length: NDArray[np.int32],
    fields: NDArray[np.void],
    found: NDArray[np.bool_],
) -> None:
    for i in range(offset.size):
        p, f = fields[i], found[i]
        if p.version != 6 or p.status in (LINK_NOT_DECODED, NOT_IP, LINK_CUT, BAD_PLACE, NO_VERSION):
            continue
        pos, end = p.network, offset[i] + captured[i]
        on_wire = i64(max(length[i], captured[i])) - (pos - offset[i])
        if on_wire < 40:
            f[HEADER] = True
        if end - pos < 40:
            continue
        size = i64(data[pos + 4]) << 8 | i64(data[pos + 5])
        total = 40 + size if size else on_wire
        jumbo = _extensions(data, pos, end, total, f)
        if 40 + size > on_wire:
            f[PAYLOAD_LENGTH] = True
        if size == 0 and data[pos + 6] != NO_NEXT and not jumbo:
            f[PAYLOAD_ZERO] = True
        if p.status == NETWORK_LONG:
            f[EXTENSION_LENGTH] = True
        if data[pos + 7] == 0:
            f[HOP_LIMIT_ZERO] = True
        loops = _is(data, pos + 8, 1) and not _is(data, pos + 24, 1)
        nowhere = _is(data, pos + 8, 0) and p.protocol not in (0, ICMPV6)
        if data[pos + 8] == 0xFF or loops or nowhere:
            f[SOURCE] = True
        if _is(data, pos + 24, 0):
            f[DESTINATION] = True
        if p.protocol == ICMP:
            f[PROTOCOL] = True


def judge(block: PacketBlock, fields: NDArray[np.void], found: NDArray[np.bool_]) -> None:
    """Mark in `found` (N, len(RULES)) which packets break which rules."""
    _judge(block.data, block.offset, block.captured, block.length, fields, found)
