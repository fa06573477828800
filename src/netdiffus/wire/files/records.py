"""Packets as the records of pcap (draft-ietf-opsawg-pcap) and the blocks of pcapng (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import struct

from netdiffus.arrays import Bytes, Ints
from netdiffus.wire.files.pcapng import BYTE_ORDER, ENHANCED_PACKET, INTERFACE, OPTION_TSRESOL, SECTION
from netdiffus.wire.headers.packets import MAX_CAPTURED
from netdiffus.wire.kernels.bytes import put_file_u32
from netdiffus.wire.kernels.compiled import compiled, i64

END_OF_OPTIONS, COMMENT, USER_APPLICATION = 0, 1, 4
MOST_FRAMING = 48
"""Bytes around a packet, at most, without the text of a comment."""


def pcap_header(link: int, *, snap_bytes: int = MAX_CAPTURED) -> bytes:
    """The file header of a little-endian pcap with nanoseconds."""
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snap_bytes, link)


def option(code: int, value: bytes) -> bytes:
    """An option of a pcapng block, padded; values of more than 65,535 bytes are cut."""
    value = value[:0xFFFF]
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(kind: int, body: bytes) -> bytes:
    """A block of pcapng, its length before and behind it; the body is whole words."""
    total = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + total + body + total


def section(options: bytes = b"") -> bytes:
    """The block that begins a little-endian pcapng of any length."""
    return block(SECTION, struct.pack("<IHHq", BYTE_ORDER, 1, 0, -1) + options)


def interface(link: int) -> bytes:
    """The block of an interface whose times are nanoseconds."""
    nanoseconds = option(OPTION_TSRESOL, b"\x09") + option(END_OF_OPTIONS, b"")
    return block(INTERFACE, struct.pack("<HHI", link, 0, MAX_CAPTURED) + nanoseconds)


@compiled
def frame_pcap(
    data: Bytes, offset: Ints, captured: Ints, length: Ints, time_ns: Ints, big: bool, tick_ns: int, out: Bytes
) -> int:
    """Records of pcap, one after the other, into `out`; returns how many bytes they take."""
    pos = i64(0)
    for i in range(offset.size):
        seconds = time_ns[i] // 1_000_000_000
        pos = put_file_u32(out, pos, seconds, big)
        pos = put_file_u32(out, pos, (time_ns[i] - seconds * 1_000_000_000) // tick_ns, big)
        pos = put_file_u32(out, pos, captured[i], big)
        pos = put_file_u32(out, pos, length[i], big)
        out[pos : pos + captured[i]] = data[offset[i] : offset[i] + captured[i]]
        pos += captured[i]
    return pos


@compiled
def frame_pcapng(
    data: Bytes,
    offset: Ints,
    captured: Ints,
    length: Ints,
    time_ns: Ints,
    number: Ints,
    comment: Ints,
    texts: Bytes,
    text_at: Ints,
    out: Bytes,
) -> int:
    """Enhanced packet blocks of interfaces by `number`, with the texts that `comment` names, -1 for none, into `out`.

    Text k is texts[text_at[k] : text_at[k + 1]]. Returns how many bytes the blocks take.
    """
    pos = i64(0)
    for i in range(offset.size):
        n, begin = captured[i], pos
        padding, text = -n & 3, i64(0)
        if comment[i] >= 0:
            text = text_at[comment[i] + 1] - text_at[comment[i]]
        total = 32 + n + padding + (8 + ((text + 3) & ~3) if comment[i] >= 0 else 0)
        pos = put_file_u32(out, pos, ENHANCED_PACKET, False)
        pos = put_file_u32(out, pos, total, False)
        pos = put_file_u32(out, pos, number[i], False)
        pos = put_file_u32(out, pos, time_ns[i] >> 32, False)
        pos = put_file_u32(out, pos, time_ns[i] & 0xFFFF_FFFF, False)
        pos = put_file_u32(out, pos, n, False)
        pos = put_file_u32(out, pos, length[i], False)
        out[pos : pos + n] = data[offset[i] : offset[i] + n]
        pos += n
        for _ in range(padding):
            out[pos] = 0
            pos += 1
        if comment[i] >= 0:
            pos = put_file_u32(out, pos, COMMENT | text << 16, False)
            for j in range((text + 3) & ~3):
                out[pos + j] = texts[text_at[comment[i]] + j] if j < text else 0
            pos = put_file_u32(out, pos + ((text + 3) & ~3), END_OF_OPTIONS, False)
        pos = put_file_u32(out, pos, pos - begin + 4, False)
    return pos
