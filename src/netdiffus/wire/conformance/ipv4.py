"""Rules about IPv4 headers (RFC 791, RFC 1122)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.conformance import checksums
from netdiffus.wire.conformance.rules import ERROR, NOTE, WARNING, Rule
from netdiffus.wire.headers.fields import (
    BAD_PLACE,
    ICMPV6,
    LINK_CUT,
    LINK_NOT_DECODED,
    NETWORK_CUT,
    NETWORK_LONG,
    NETWORK_SHORT,
    NO_VERSION,
    NOT_IP,
    OK,
    UDP,
)
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.compiled import compiled, i64

(
    VERSION, HEADER_LENGTH, TOTAL_LENGTH, TOTAL_ZERO, CHECKSUM, RESERVED_FLAG, DF_FRAGMENT, FRAGMENT_SIZE,
    FRAGMENT_END, TTL_ZERO, SOURCE, DESTINATION, OPTIONS, NOPS, PROTOCOL, OFFLOAD, HEADER,
) = range(17)  # fmt: skip
RULES = (
    Rule("ip-version", ERROR, "RFC 791 section 3.1",
         "the version is neither 4 nor 6, or not what the link header says"),
    Rule("ipv4-header-length", ERROR, "RFC 791 section 3.1",
         "the header is shorter than 20 bytes or runs past the packet",
         "the header becomes 20 bytes"),
    Rule("ipv4-total-length", ERROR, "RFC 791 section 3.1",
         "the total length is shorter than the header or longer than the packet on the wire",
         "the total length becomes what was on the wire"),
    Rule("ipv4-total-length-zero", WARNING, "RFC 791 section 3.1",
         "the total length is 0: probably segmentation offload", "the total length becomes what was on the wire"),
    Rule("ipv4-checksum", ERROR, "RFC 791 section 3.1, RFC 1071", "the header checksum is wrong", "it is computed"),
    Rule("ipv4-reserved-flag", WARNING, "RFC 791 section 3.1", "the reserved flag is set", "it is cleared"),
    Rule("ipv4-df-fragment", NOTE, "RFC 791 section 3.1", "a fragment that says don't fragment"),
    Rule("ipv4-fragment-size", ERROR, "RFC 791 section 3.2",
         "a fragment that is not the last holds a number of bytes that is no multiple of 8"),
    Rule("ipv4-fragment-end", ERROR, "RFC 791 section 3.1", "a fragment ends past 65,535 bytes"),
    Rule("ipv4-ttl-zero", WARNING, "RFC 1122 section 3.2.1.7", "the time to live is 0", "it becomes 64"),
    Rule("ipv4-source", WARNING, "RFC 1122 section 3.2.1.3",
         "the source is multicast, broadcast, loopback to elsewhere, or 0.0.0.0 (but for DHCP)"),
    Rule("ipv4-destination", WARNING, "RFC 1122 section 3.2.1.3", "the destination is 0.0.0.0"),
    Rule("ipv4-options", ERROR, "RFC 791 section 3.1", "an option has an impossible length",
         "the options from there on become end of options"),
    Rule("ipv4-nops", WARNING, "RFC 791 section 3.1", "four no-operation options in a row: something removed options",
         "whole words of them are removed"),
    Rule("ipv4-protocol", WARNING, "RFC 4443 section 1", "ICMPv6 inside IPv4"),
    Rule("ipv4-checksum-offload", WARNING, "RFC 791 section 3.1, RFC 1071",
         "the header checksum is 0: probably checksum offload", "it is computed"),
    Rule("ipv4-header", ERROR, "RFC 791 section 3.1",
         "the packet on the wire is shorter than the 20 bytes of the header"),
)  # fmt: skip


@compiled
def _options(data: Bytes, start: int, end: int) -> int:
    """1 if an option is malformed, 2 if four no-operations follow each other, 3 if both."""
    pos, nops, verdict = start, 0, 0
    while pos < end:
        kind = data[pos]
        if kind == 0:
            break
        if kind == 1:
            nops += 1
            if nops == 4:
                verdict |= 2
            pos += 1
            continue
        nops = 0
        if pos + 1 >= end or data[pos + 1] < 2 or pos + data[pos + 1] > end:
            return verdict | 1
        pos += i64(data[pos + 1])
    return verdict


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
        if p.status in (LINK_NOT_DECODED, NOT_IP, LINK_CUT, BAD_PLACE):
            continue
        if p.status == NO_VERSION:
            f[VERSION] = True
            continue
        pos, end = p.network, offset[i] + captured[i]
        on_wire = i64(max(length[i], captured[i])) - (pos - offset[i])
        if p.version != 4:
            continue
        if on_wire < 20:
            f[HEADER] = True
        if end - pos < 20:
            continue
        head = i64(data[pos] & 15) * 4
        if p.status == NETWORK_SHORT or head > on_wire:
            f[HEADER_LENGTH] = True
            continue
        total = i64(data[pos + 2]) << 8 | i64(data[pos + 3])
        if total == 0:
            f[TOTAL_ZERO] = True
        elif total < head or total > on_wire:
            f[TOTAL_LENGTH] = True
        place = i64(data[pos + 6]) << 8 | i64(data[pos + 7])
        begin, inside = (place & 0x1FFF) * 8, total - head
        if place & 0x8000:
            f[RESERVED_FLAG] = True
        if place & 0x3FFF and total >= head:
            if place & 0x4000:
                f[DF_FRAGMENT] = True
            if place & 0x2000 and inside % 8:
                f[FRAGMENT_SIZE] = True
            if begin + inside + head > 65535:
                f[FRAGMENT_END] = True
        if data[pos + 8] == 0:
            f[TTL_ZERO] = True
        source, destination = data[pos + 12], data[pos + 16]
        to_self = source == 127 and destination != 127
        from_none = source == 0 and not data[pos + 13] and not data[pos + 14] and not data[pos + 15]
        dhcp = p.protocol == UDP and p.status == OK and p.source_port == 68 and p.destination_port == 67
        broadcast = source == 255 and data[pos + 13] == 255 and data[pos + 14] == 255
        unknown = from_none and not dhcp and data[pos + 9] != 2  # IGMP: RFC 9776 section 4.2.13 allows 0.0.0.0
        f[SOURCE] = 224 <= source < 240 or broadcast or to_self or unknown
        if destination == 0 and not data[pos + 17] and not data[pos + 18] and not data[pos + 19]:
            f[DESTINATION] = True
        if p.status not in (NETWORK_CUT, NETWORK_LONG) and head > 20 and pos + head <= end:
            verdict = _options(data, pos + 20, pos + head)
            f[OPTIONS] = bool(verdict & 1)
            f[NOPS] = bool(verdict & 2)
        if data[pos + 9] == ICMPV6:
            f[PROTOCOL] = True


def judge(block: PacketBlock, fields: NDArray[np.void], sums: NDArray[np.void], found: NDArray[np.bool_]) -> None:
    """Mark in `found` (N, len(RULES)) which packets break which rules."""
    _judge(block.data, block.offset, block.captured, block.length, fields, found)
    found[:, CHECKSUM] = (sums["header"] == checksums.WRONG) & ~found[:, HEADER_LENGTH]
    found[:, OFFLOAD] = (sums["header"] == checksums.PARTIAL) & ~found[:, HEADER_LENGTH]
