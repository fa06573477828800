"""TCP options as a layout and values (RFC 9293 section 3.1, RFC 7323, RFC 2018).

A layout is the option bytes of a segment with the values that rows carry set to 0: MSS, window scale, timestamps, SACK
edges. What stays are kinds, order, padding, and the bytes of options that are not known here. A few layouts are enough
for a class of traffic, so a layout is a small number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.errors import InputError
from netdiffus.wire.kernels.compiled import compiled, i64

END, NOP, MSS, WSCALE, SACK_PERMITTED, SACK, TIMESTAMPS = 0, 1, 2, 3, 4, 5, 8
FAST_OPEN = 34
HAS_MSS, HAS_WSCALE, HAS_SACK_PERMITTED, HAS_TIMESTAMPS, HAS_FAST_OPEN, MALFORMED = 1, 2, 4, 8, 16, 32
LENGTHS = {MSS: 4, WSCALE: 3, SACK_PERMITTED: 2, TIMESTAMPS: 10}
BITS = {MSS: HAS_MSS, WSCALE: HAS_WSCALE, SACK_PERMITTED: HAS_SACK_PERMITTED, TIMESTAMPS: HAS_TIMESTAMPS}

LAYOUT = np.dtype([("has", "u1"), ("blocks", "u1"), ("bytes", "u1")])
"""What is in a layout: bits HAS_..., SACK blocks, length."""


def syn_layout(has: int) -> bytes:
    """Options of a SYN, in the order of Linux, with 4-byte alignment."""
    stamp = bytes([TIMESTAMPS, 10]) + bytes(8)
    parts = [bytes([MSS, 4, 0, 0])] if has & HAS_MSS else []
    if has & HAS_TIMESTAMPS:
        parts.append((bytes([SACK_PERMITTED, 2]) if has & HAS_SACK_PERMITTED else bytes([NOP, NOP])) + stamp)
    elif has & HAS_SACK_PERMITTED:
        parts.append(bytes([NOP, NOP, SACK_PERMITTED, 2]))
    if has & HAS_WSCALE:
        parts.append(bytes([NOP, WSCALE, 3, 0]))
    return b"".join(parts)


def later_layout(timestamps: bool, blocks: int) -> bytes:
    """Options of a segment without SYN, in the order of Linux."""
    stamp = bytes([NOP, NOP, TIMESTAMPS, 10]) + bytes(8) if timestamps else b""
    return stamp + (bytes([NOP, NOP, SACK, 2 + 8 * blocks]) + bytes(8 * blocks) if blocks else b"")


CANONICAL: tuple[bytes, ...] = (
    *(syn_layout(has) for has in range(16)),
    *(later_layout(False, blocks) for blocks in range(1, 5)),
    *(later_layout(True, blocks) for blocks in range(1, 4)),
)
"""The layouts that the compiler itself writes. The place of a SYN's is its bits HAS_MSS to HAS_TIMESTAMPS; that of
another segment is later_place(...)."""


@compiled
def later_place(timestamps: bool, blocks: int) -> int:
    """The place in CANONICAL of a segment without SYN."""
    if blocks == 0:
        return HAS_TIMESTAMPS if timestamps else 0
    return 15 + blocks + (4 if timestamps else 0)


MOST_LAYOUTS = 1 << 16
KEY_BYTES = 41


@compiled
def _take(
    data: Bytes, offset: NDArray[np.int64], size: NDArray[np.int64], segments: NDArray[np.void], keys: Bytes
) -> None:
    """Option bytes of each segment: the values into its fields, the rest with its length into keys (P, 41)."""
    for i in range(offset.size):
        n, pos, seen = size[i], 0, 0
        key, p = keys[i], segments[i]
        key[40] = n
        for j in range(n):
            key[j] = data[offset[i] + j]
        while pos < n and key[pos] != END:
            if key[pos] == NOP:
                pos += 1
                continue
            kind, length = i64(key[pos]), i64(key[pos + 1]) if pos + 1 < n else i64(0)
            if length < 2 or pos + length > n:
                break
            taken = kind < 9 and not seen & (1 << kind)
            if taken and kind == MSS and length == 4:
                p.mss = i64(key[pos + 2]) << 8 | i64(key[pos + 3])
            elif taken and kind == WSCALE and length == 3:
                p.wscale = key[pos + 2]
            elif taken and kind == TIMESTAMPS and length == 10:
                p.ts_value, p.ts_echo = _u32(key, pos + 2), _u32(key, pos + 6)
            elif taken and kind == SACK and length in (10, 18, 26, 34):
                for block in range((length - 2) // 8):
                    for edge in range(2):
                        p.sack[block, edge] = _u32(key, pos + 2 + 8 * block + 4 * edge)
            else:
                taken = False
            if taken:
                key[pos + 2 : pos + length] = 0
            if kind < 9:
                seen |= 1 << kind
            pos += length


@compiled
def _u32(data: Bytes, pos: int) -> int:
    return i64(data[pos]) << 24 | i64(data[pos + 1]) << 16 | i64(data[pos + 2]) << 8 | i64(data[pos + 3])


@compiled
def _put_u32(data: Bytes, pos: int, value: int) -> None:
    for j in range(4):
        data[pos + j] = (value >> (24 - 8 * j)) & 0xFF


@compiled
def _put(
    data: Bytes,
    offset: NDArray[np.int64],
    segments: NDArray[np.void],
    table: Bytes,
    lengths: NDArray[np.int64],
) -> None:
    """Options of each segment to its place in data; an option kind that comes again keeps the layout's bytes."""
    for i in range(offset.size):
        p, at = segments[i], offset[i]
        if at < 0:
            continue
        n, layout, pos = lengths[p.layout], table[p.layout], 0
        for j in range(n):
            data[at + j] = layout[j]
        seen = 0
        while pos < n and layout[pos] != END:
            if layout[pos] == NOP:
                pos += 1
                continue
            kind, length = i64(layout[pos]), i64(layout[pos + 1]) if pos + 1 < n else i64(0)
            if length < 2 or pos + length > n:
                break
            if kind < 9 and not seen & (1 << kind):
                if kind == MSS and length == 4:
                    data[at + pos + 2], data[at + pos + 3] = p.mss >> 8, p.mss & 0xFF
                elif kind == WSCALE and length == 3:
                    data[at + pos + 2] = p.wscale
                elif kind == TIMESTAMPS and length == 10:
                    _put_u32(data, at + pos + 2, i64(p.ts_value))
                    _put_u32(data, at + pos + 6, i64(p.ts_echo))
                elif kind == SACK and length in (10, 18, 26, 34):
                    for block in range((length - 2) // 8):
                        for edge in range(2):
                            _put_u32(data, at + pos + 2 + 8 * block + 4 * edge, i64(p.sack[block, edge]))
                seen |= 1 << kind
            pos += length


def take_options(
    data: Bytes, offset: NDArray[np.int64], size: NDArray[np.int64], segments: NDArray[np.void]
) -> tuple[bytes, ...]:
    """Read the TCP options of packets into mss, wscale, ts_value, ts_echo, sack and layout of their segments.

    Args:
        data, offset, size: options of packet i are data[offset[i] : offset[i] + size[i]], at most 40 bytes; 0 for
            packets without any.
        segments: (P,) of SEGMENT, changed in place.

    Returns:
        the layouts, CANONICAL first.

    Raises:
        InputError: there are more than 65,536 layouts.
    """
    keys = np.zeros((len(segments), KEY_BYTES), np.uint8)
    _take(data, offset, size, segments, keys)
    distinct, which = np.unique(keys.view(f"V{KEY_BYTES}").reshape(-1), return_inverse=True)
    places = {layout: place for place, layout in enumerate(CANONICAL)}
    numbers = []
    for key in distinct.tolist():
        numbers.append(places.setdefault(key[: key[40]], len(places)))
    if len(places) > MOST_LAYOUTS:
        raise InputError(
            f"at most {MOST_LAYOUTS:,} layouts of TCP options", f"{len(places):,}", "take fewer flows at a time"
        )
    segments["layout"] = np.array(numbers, np.uint16)[which] if numbers else 0
    return tuple(places)


def put_options(data: Bytes, offset: NDArray[np.int64], segments: NDArray[np.void], layouts: tuple[bytes, ...]) -> None:
    """Write the options of segments into data, from offset (P,) on; packets with an offset below 0 have none."""
    table = np.zeros((len(layouts), 40), np.uint8)
    for place, layout in enumerate(layouts):
        table[place, : len(layout)] = np.frombuffer(layout, np.uint8)
    lengths = np.array([len(layout) for layout in layouts], np.int64)
    _put(data, offset, segments, table, lengths)


def describe(layouts: tuple[bytes, ...]) -> NDArray[np.void]:
    """What is in each layout, (L,) of LAYOUT; MALFORMED where no stack would write it."""
    table = np.zeros(len(layouts), LAYOUT)
    for row, layout in zip(table, layouts, strict=True):
        has, blocks, pos, seen = 0, 0, 0, set[int]()
        if len(layout) > 40 or len(layout) % 4:
            has |= MALFORMED
        while pos < len(layout):
            kind = layout[pos]
            if kind == END:
                has |= MALFORMED if any(layout[pos:]) else 0
                break
            if kind == NOP:
                pos += 1
                continue
            size = layout[pos + 1] if pos + 1 < len(layout) else 0
            wrong = size < 2 or pos + size > len(layout) or size != LENGTHS.get(kind, size) or kind in seen
            if kind == SACK:
                wrong = wrong or size not in (10, 18, 26, 34)
                blocks = (size - 2) // 8
            if wrong:
                has |= MALFORMED
                break
            seen.add(kind)
            has |= BITS.get(kind, 0) | (HAS_FAST_OPEN if kind == FAST_OPEN and size > 2 else 0)
            pos += size
        row["has"], row["blocks"], row["bytes"] = has, 0 if has & MALFORMED else blocks, min(len(layout), 40)
    return table
