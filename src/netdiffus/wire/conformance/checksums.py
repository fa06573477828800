"""Checksums of packets (RFC 1071; SCTP's is a CRC): whether they are right, and what they should be.

Two numbers are equal in ones' complement when they differ by a multiple of 0xFFFF, so 0xFFFF stands for 0x0000: some
stacks send the one, some the other, and both are right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.headers.fields import ICMP, ICMPV6, OK, SCTP, TCP, UDP, WHOLE
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.compiled import compiled, i64
from netdiffus.wire.kernels.crc32c import TABLE, crc32c

NONE, RIGHT, WRONG, PARTIAL, ABSENT, NOT_CHECKED = range(6)
"""Verdicts. PARTIAL: the field holds the sum of the pseudo header alone, as a stack leaves it to a network card that
finishes it (checksum offload); that of an IPv4 header and of SCTP then holds 0. ABSENT: UDP without checksum.
NOT_CHECKED: bytes that it covers were not captured, or the packet is a fragment."""

SUMS = np.dtype(
    [
        ("header", "u1"),  # verdict on the IPv4 header checksum
        ("transport", "u1"),  # verdict on the checksum of TCP, UDP, ICMP, ICMPv6 or SCTP
        ("header_value", "u2"),  # what the fields should hold, where the verdict is about bytes that are there
        ("transport_value", "u4"),  # of SCTP: the CRC, which is sent lowest byte first
    ],
    align=True,
)
ROUTING = 43
PLACES = {TCP: 16, UDP: 6, ICMP: 2, ICMPV6: 2}
"""First byte of the checksum in the transport header."""


@compiled
def _u16(data: Bytes, pos: int) -> int:
    return i64(data[pos]) << 8 | i64(data[pos + 1])


@compiled
def _sum(data: Bytes, start: int, end: int, total: int) -> int:
    """The sum of 16-bit words in data[start:end], an odd last byte as if a zero followed; not folded."""
    pos = start
    while pos + 1 < end:
        total += i64(data[pos]) << 8 | i64(data[pos + 1])
        pos += 2
    if pos < end:
        total += i64(data[pos]) << 8
    return total


@compiled
def fold(total: int) -> int:
    """A sum of 16-bit words with its carries added back (RFC 1071 section 2): 0 to 0xFFFF, 0 only if all were 0."""
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@compiled
def _pseudo(data: Bytes, pos: int, version: int, protocol: int, size: int) -> int:
    """The pseudo header's sum (RFC 9293 section 3.1, RFC 768, RFC 8200 section 8.1), not folded."""
    if version == 4:
        return _sum(data, pos + 12, pos + 20, protocol + size)
    return _sum(data, pos + 8, pos + 40, protocol + (size >> 16) + (size & 0xFFFF))


@compiled
def _is_routed(data: Bytes, pos: int, p: Any) -> bool:
    """Whether an IPv6 routing header has segments left: then the destination in the sum is not the one on the wire."""
    if p.version != 6 or p.network_bytes == 40:
        return False
    kind, at = i64(data[pos + 6]), pos + 40
    while at + 8 <= pos + p.network_bytes:
        if kind == ROUTING:
            return bool(data[at + 3] != 0)
        size = (i64(data[at + 1]) + 2) * 4 if kind == 51 else 8 if kind == 44 else (i64(data[at + 1]) + 1) * 8
        kind = i64(data[at])
        at += size
    return False


@compiled
def _size(data: Bytes, p: Any, wire_end: int) -> int:
    """Bytes that the transport checksum covers, captured or not."""
    pos = p.network
    size = i64(data[pos + 2]) << 8 | i64(data[pos + 3])
    if p.version == 6:
        size = i64(data[pos + 4]) << 8 | i64(data[pos + 5])
        size += 40 if size else 0
    if size == 0:  # segmentation offload
        size = wire_end - pos
    size -= p.network_bytes
    if p.protocol == UDP and p.payload_bytes + 8 < size:
        size = i64(p.payload_bytes) + 8
    return size


@compiled
def _transport(data: Bytes, p: Any, end: int, on_wire: int, row: Any) -> int:
    """The verdict on a transport checksum; its right value goes into the row."""
    place = 16 if p.protocol == TCP else 6 if p.protocol == UDP else 2
    start = p.network + p.network_bytes
    size = _size(data, p, on_wire)
    absent = p.protocol == UDP and end - start >= 8 and _u16(data, start + 6) == 0
    if size < place + 2:
        return NONE
    if p.fragment != WHOLE or start + size > end or _is_routed(data, p.network, p):
        return ABSENT if absent else NOT_CHECKED
    field = _u16(data, start + place)
    pseudo = 0 if p.protocol == ICMP else _pseudo(data, p.network, p.version, p.protocol, size)
    rest = fold(_sum(data, start, start + size, pseudo) - field)
    row.transport_value = 0xFFFF - rest
    if p.protocol == UDP and row.transport_value == 0:
        row.transport_value = 0xFFFF
    if absent:
        return ABSENT
    if fold(rest + field) == 0xFFFF:
        return RIGHT
    return PARTIAL if p.protocol in (TCP, UDP) and field == fold(pseudo) else WRONG


@compiled
def _sctp(data: Bytes, p: Any, end: int, on_wire: int, row: Any, table: NDArray[np.int64]) -> int:
    """The same of SCTP, whose CRC covers no pseudo header (RFC 9260 section 6.8)."""
    start = p.network + p.network_bytes
    size = _size(data, p, on_wire)
    if p.fragment != WHOLE or start + size > end:
        return NOT_CHECKED
    field = i64(0)
    for k in range(4):
        field |= i64(data[start + 8 + k]) << (8 * k)
    row.transport_value = crc32c(data, start, start + size, start + 8, table)
    if field == row.transport_value:
        return RIGHT
    return PARTIAL if field == 0 else WRONG


@compiled
def _verdicts(
    data: Bytes,
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    length: NDArray[np.int32],
    fields: NDArray[np.void],
    out: NDArray[np.void],
    table: NDArray[np.int64],
) -> None:
    for i in range(offset.size):
        p, row = fields[i], out[i]
        end = offset[i] + captured[i]
        if p.version == 4 and p.network + 20 <= end:
            size = i64(data[p.network] & 15) * 4
            if size >= 20 and p.network + size <= end:
                field = _u16(data, p.network + 10)
                rest = fold(_sum(data, p.network, p.network + size, 0) - field)
                row.header_value = 0xFFFF - rest
                row.header = RIGHT if fold(rest + field) == 0xFFFF else PARTIAL if field == 0 else WRONG
            else:
                row.header = NOT_CHECKED
        icmp = (p.protocol == ICMP and p.version == 4) or (p.protocol == ICMPV6 and p.version == 6)
        if p.status == OK and (icmp or p.protocol in (TCP, UDP)):
            row.transport = _transport(data, p, end, offset[i] + max(length[i], captured[i]), row)
        elif p.status == OK and p.protocol == SCTP and p.transport_bytes == 12:
            row.transport = _sctp(data, p, end, offset[i] + max(length[i], captured[i]), row, table)


def verdicts(block: PacketBlock, fields: NDArray[np.void]) -> NDArray[np.void]:
    """Whether the checksums of a block's packets are right, (N,) of SUMS; `fields` are their header fields."""
    out = np.zeros(len(block), SUMS)
    _verdicts(block.data, block.offset, block.captured, block.length, fields, out, TABLE)
    return out


def update(field: int, before: bytes, after: bytes) -> int:
    """The checksum of a packet in which `before` became `after`, at an even place and of even size (RFC 1624 [3])."""
    total = 0xFFFF - field
    for old, new in zip(_words(before), _words(after), strict=True):
        total += 0xFFFF - old + new
    return 0xFFFF - fold(total)


def _words(data: bytes) -> list[int]:
    return [data[k] << 8 | data[k + 1] for k in range(0, len(data), 2)]
