"""Numbers in packets and capture files: read from bytes and written into them, in network byte order or the file's."""

from __future__ import annotations

import numpy as np

from netdiffus.arrays import Bytes, Ints
from netdiffus.wire.kernels.compiled import compiled, i64, u64


@compiled
def u16(data: Bytes, pos: int) -> int:
    """The 16 bits at a place, in network byte order."""
    return i64(data[pos]) << 8 | i64(data[pos + 1])


@compiled
def u32(data: Bytes, pos: int) -> int:
    """The 32 bits at a place, in network byte order."""
    return u16(data, pos) << 16 | u16(data, pos + 2)


@compiled
def u64_at(data: Bytes, pos: int) -> int:
    """The 64 bits at a place, in network byte order; an unsigned number."""
    return u64(u32(data, pos)) << u64(32) | u64(u32(data, pos + 4))


@compiled
def file_u16(data: Bytes, pos: int, big: bool) -> int:
    """The 16 bits at a place of a file, big-endian or little-endian."""
    a, b = i64(data[pos]), i64(data[pos + 1])
    return a << 8 | b if big else b << 8 | a


@compiled
def file_u32(data: Bytes, pos: int, big: bool) -> int:
    """The 32 bits at a place of a file, big-endian or little-endian."""
    a, b, c, d = i64(data[pos]), i64(data[pos + 1]), i64(data[pos + 2]), i64(data[pos + 3])
    return a << 24 | b << 16 | c << 8 | d if big else d << 24 | c << 16 | b << 8 | a


@compiled
def put(data: Bytes, pos: int, size: int, value: int) -> None:
    """Write a number of `size` bytes in network byte order."""
    for j in range(size):
        data[pos + j] = (value >> (8 * (size - 1 - j))) & 0xFF


@compiled
def put_file_u32(data: Bytes, pos: int, value: int, big: bool) -> int:
    """Write 32 bits, big-endian or little-endian; returns the place behind them."""
    for j in range(4):
        data[pos + j] = (value >> (8 * (3 - j if big else j))) & 0xFF
    return pos + 4


def file_words(data: Bytes, at: int, n: int, *, big: bool) -> Ints:
    """The 32 bits of a file that stand `at` bytes behind each of its first n bytes, (n,)."""
    parts = [data[at + k : at + k + n].astype(np.int64) for k in (range(4) if big else reversed(range(4)))]
    return parts[0] << 24 | parts[1] << 16 | parts[2] << 8 | parts[3]
