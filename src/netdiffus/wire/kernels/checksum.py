"""The Internet checksum (RFC 1071), and how it follows a change (RFC 1624)."""

from __future__ import annotations

from netdiffus.arrays import Bytes
from netdiffus.wire.kernels.bytes import u16
from netdiffus.wire.kernels.compiled import compiled, i64


@compiled
def ones_sum(data: Bytes, start: int, end: int, total: int) -> int:
    """`total` and the 16-bit words in data[start:end], an odd last byte as if a zero followed; carries not folded."""
    pos = start
    while pos + 1 < end:
        total += u16(data, pos)
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
def checksum(total: int) -> int:
    """What stands in a packet for the sum of all that it covers: its complement."""
    return fold(total) ^ 0xFFFF


@compiled
def adjusted(field: int, before: int, after: int) -> int:
    """A checksum when the folded sum of what it covers changes (RFC 1624 equation 3); a wrong one stays wrong."""
    if before == after:
        return field
    return checksum((field ^ 0xFFFF) + (before ^ 0xFFFF) + after)
