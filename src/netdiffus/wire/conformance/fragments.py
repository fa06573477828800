"""The rule about fragments of one packet that overlap (RFC 5722, RFC 8200 section 4.5, RFC 1858)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.conformance.rules import ERROR, Rule
from netdiffus.wire.headers.fields import FIRST, LATER, OK
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.compiled import compiled, i64, u64

OVERLAP = 0
RULES = (
    Rule("fragment-overlap", ERROR, "RFC 5722 section 4, RFC 1858 section 4",
         "a fragment overlaps another one of its packet"),
)  # fmt: skip
PLACES, RANGES = 256, 48
"""Packets in fragments that are remembered at once, and fragments of one (enough for 65,535 bytes at 1,400 each)."""
LIFETIME_NS = 60_000_000_000  # RFC 8200 section 4.5
PART = np.dtype([("key", "u8"), ("time_ns", "i8"), ("n", "i8"), ("start", "i4", (RANGES,)), ("end", "i4", (RANGES,))])


@compiled
def _start(data: Bytes, pos: int, network_bytes: int) -> int:
    """Where the fragment begins in its packet, in bytes."""
    if data[pos] >> 4 == 4:
        return ((i64(data[pos + 6]) << 8 | i64(data[pos + 7])) & 0x1FFF) * 8
    kind, at = i64(data[pos + 6]), 40
    while kind != 44 and at + 8 <= network_bytes:
        kind, at = i64(data[pos + at]), at + (i64(data[pos + at + 1]) + 1) * 8
    return (i64(data[pos + at + 2]) << 8 | i64(data[pos + at + 3])) & 0xFFF8


@compiled
def _judge(
    data: Bytes,
    fields: NDArray[np.void],
    time_ns: NDArray[np.int64],
    parts: NDArray[np.void],
    found: NDArray[np.bool_],
) -> None:
    for i in range(fields.size):
        p = fields[i]
        if p.status != OK or p.fragment not in (FIRST, LATER):
            continue
        key = u64(p.source_low) * u64(0x9E3779B97F4A7C15) ^ u64(p.destination_low)
        key = (key ^ u64(p.source_high)) * u64(0xFF51AFD7ED558CCD) ^ u64(p.destination_high)
        key = (key ^ u64(p.fragment_id)) * u64(0xC4CEB9FE1A85EC53)
        key ^= (key >> u64(31)) ^ (u64(p.protocol) if p.version == 4 else u64(0))
        r = parts[key & u64(PLACES - 1)]
        if r.n == 0 or r.key != key or abs(time_ns[i] - r.time_ns) > LIFETIME_NS:
            r.key, r.time_ns, r.n = key, time_ns[i], 0
        start = _start(data, p.network, p.network_bytes)
        size = i64(data[p.network + 2]) << 8 | i64(data[p.network + 3])
        if p.version == 6:
            size = 40 + (i64(data[p.network + 4]) << 8 | i64(data[p.network + 5]))
        end = start + size - p.network_bytes
        same = False
        for k in range(r.n):
            if start == r.start[k] and end == r.end[k]:
                same = True
            elif start < r.end[k] and end > r.start[k]:
                found[i, OVERLAP] = True
        if not same and r.n < RANGES:
            r.start[r.n], r.end[r.n] = start, end
            r.n += 1


class Fragments:
    """The fragments that came lately."""

    def __init__(self) -> None:
        self._parts = np.zeros(PLACES, PART)

    def judge(self, block: PacketBlock, fields: NDArray[np.void], found: NDArray[np.bool_]) -> None:
        """Mark in `found` (N, len(RULES)) which fragments overlap one that came before; the same one again does not."""
        if fields["fragment"].any():
            _judge(block.data, fields, block.time_ns, self._parts, found)
