"""ICMP and ICMPv6 (RFC 792, RFC 4443): echoes count up, replies name their request, errors quote a packet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.compiler.rules import ICMP_RULE
from netdiffus.compiler.specs import FlowRows
from netdiffus.wire.headers.fields import ICMP, ICMPV6
from netdiffus.wire.kernels.compiled import compiled, i64

ECHOES = {4: (8, 0), 6: (128, 129)}
"""Types of request and reply by IP version."""
ERRORS = {4: {3: 15, 11: 1, 12: 2}, 6: {1: 8, 2: 0, 3: 1, 4: 3}}
"""Error types and their highest codes by IP version."""
QUOTE_BYTES = {4: 28, 6: 48}
"""What an error quotes at least: an IP header and 8 bytes."""


def highest_codes() -> NDArray[np.int16]:
    """Highest code by (IP version 4 or 6, type), (7, 256); -1 for types that are not understood."""
    table = np.full((7, 256), -1, np.int16)
    for version in (4, 6):
        table[version, list(ECHOES[version])] = 0
        for kind, code in ERRORS[version].items():
            table[version, kind] = code
    return table


@compiled
def _request(version: int) -> int:
    return 8 if version == 4 else 128


@compiled
def _reply(version: int) -> int:
    return 0 if version == 4 else 129


@compiled
def _used(version: int, kind: int, code: int) -> int:
    """The bits of an error's second word that mean something: an MTU or a pointer. RFC 4884 put a length in others."""
    if version == 6:
        return 0xFFFF_FFFF if kind == 2 or kind == 4 else 0
    return 0xFFFF if kind == 3 and code == 4 else 0xFF00_0000 if kind == 12 else 0


@compiled
def _relate(
    flows: NDArray[np.void],
    first: NDArray[np.int64],
    counts: NDArray[np.int64],
    rows: NDArray[np.void],
    segments: NDArray[np.void],
) -> None:
    for f in range(flows.size):
        g = flows[f]
        if g.protocol != ICMP and g.protocol != ICMPV6:
            continue
        request, reply = _request(g.version), _reply(g.version)
        named, asked = False, np.full(2, -1, np.int64)
        for i in range(first[f], first[f] + counts[f]):
            r, p, s = rows[i], segments[i], i64(segments[i].direction)
            r.icmp_rest = p.icmp_rest
            if p.icmp_type != request and p.icmp_type != reply:
                continue
            number, side = i64(p.icmp_rest) & 0xFFFF, s if p.icmp_type == request else 1 - s
            if not named:
                named, g.icmp_id = True, i64(p.icmp_rest) >> 16
            if asked[side] < 0:
                asked[side] = (number - 1) & 0xFFFF if p.icmp_type == request else number
                g.isn[side] = asked[side]
            expected = asked[side] + (1 if p.icmp_type == request else 0)
            r.seq_offset = ((number - expected + 0x8000) & 0xFFFF) - 0x8000
            r.icmp_rest = ((i64(p.icmp_rest) >> 16) ^ i64(g.icmp_id)) << 16
            if p.icmp_type == request:
                asked[side] = number


@compiled
def _settle(
    flows: NDArray[np.void],
    first: NDArray[np.int64],
    counts: NDArray[np.int64],
    rows: NDArray[np.void],
    segments: NDArray[np.void],
    highest: NDArray[np.int16],
    broken: NDArray[np.uint32],
    strict: bool,
    quiet: bool,
) -> None:
    for f in range(flows.size):
        g = flows[f]
        if g.protocol != ICMP and g.protocol != ICMPV6:
            continue
        request, reply = _request(g.version), _reply(g.version)
        asked = np.array([i64(g.isn[0]) & 0xFFFF, i64(g.isn[1]) & 0xFFFF])
        for i in range(first[f], first[f] + counts[f]):
            r, p, s = rows[i], segments[i], i64(segments[i].direction)
            if strict:
                if highest[g.version, p.icmp_type] < 0:
                    p.icmp_type = request
                    broken[i] |= np.uint32(ICMP_RULE)
                if p.icmp_code > highest[g.version, p.icmp_type]:
                    p.icmp_code = 0
                    broken[i] |= np.uint32(ICMP_RULE)
                quoted, most = (28, 548) if g.version == 4 else (48, 1232)
                if (
                    p.icmp_type != request
                    and p.icmp_type != reply
                    and not quoted <= p.size <= (most if quiet else p.size)
                ):
                    p.size = min(max(p.size, quoted), most)
                    broken[i] |= np.uint32(ICMP_RULE)
            p.icmp_rest = r.icmp_rest
            if quiet and p.icmp_type != request and p.icmp_type != reply:
                p.icmp_rest = i64(r.icmp_rest) & _used(i64(g.version), i64(p.icmp_type), i64(p.icmp_code))
                if p.icmp_rest != r.icmp_rest:
                    broken[i] |= np.uint32(ICMP_RULE)
            if p.icmp_type == request or p.icmp_type == reply:
                side = s if p.icmp_type == request else 1 - s
                number = asked[side] + (1 if p.icmp_type == request else 0) + r.seq_offset
                p.icmp_rest = (i64(g.icmp_id) ^ (i64(r.icmp_rest) >> 16)) << 16 | (number & 0xFFFF)
                if p.icmp_type == request:
                    asked[side] = number & 0xFFFF


def relate_icmp(flows: FlowRows, segments: NDArray[np.void]) -> None:
    """Fill icmp_rest and seq_offset of the rows, and the flows' echo identifier and first numbers."""
    _relate(flows.flows, flows.first, flows.counts, flows.rows, segments)


def settle_icmp(
    flows: FlowRows, segments: NDArray[np.void], broken: NDArray[np.uint32], *, strict: bool, quiet: bool
) -> None:
    """Fill icmp_rest of the segments, and make type, code and size legal.

    `quiet` keeps errors within 576 bytes (RFC 1812 section 4.3.2.3) or 1280 (RFC 4443 section 2.4), without extensions.
    """
    _settle(flows.flows, flows.first, flows.counts, flows.rows, segments, highest_codes(), broken, strict, quiet)
