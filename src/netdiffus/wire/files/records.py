"""Capture files written many packets at a time: pcap with nanoseconds, or pcapng with comments."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.errors import InputError
from netdiffus.wire.files.pcapng import BYTE_ORDER, ENHANCED_PACKET, INTERFACE, OPTION_TSRESOL, SECTION
from netdiffus.wire.headers.packets import MAX_CAPTURED
from netdiffus.wire.kernels.compiled import compiled, i64

FORMS = (".pcap", ".pcapng")
END_OF_OPTIONS, COMMENT, USER_APPLICATION = 0, 1, 4
PCAP_END_NS = (1 << 32) * 1_000_000_000
"""The seconds of pcap are 32 bits wide: 2106."""


@compiled
def _put(out: Bytes, pos: int, value: int) -> int:
    """A number of 32 bits, little-endian; returns the place behind it."""
    for j in range(4):
        out[pos + j] = (value >> (8 * j)) & 0xFF
    return pos + 4


@compiled
def _frame(
    data: Bytes,
    offset: NDArray[np.int64],
    size: NDArray[np.int64],
    time_ns: NDArray[np.int64],
    comment: NDArray[np.int64],
    texts: Bytes,
    text_at: NDArray[np.int64],
    pcapng: bool,
    out: Bytes,
) -> int:
    """Records of packets, one after the other, into `out`; returns how many bytes they take."""
    pos = i64(0)
    for i in range(offset.size):
        n, begin = size[i], pos
        padding, text = -n & 3, i64(0)
        if pcapng:
            if comment[i] >= 0:
                text = text_at[comment[i] + 1] - text_at[comment[i]]
            total = 32 + n + padding + (8 + ((text + 3) & ~3) if comment[i] >= 0 else 0)
            pos = _put(out, pos, ENHANCED_PACKET)
            pos = _put(out, pos, total)
            pos = _put(out, pos, 0)
            pos = _put(out, pos, time_ns[i] >> 32)
            pos = _put(out, pos, time_ns[i] & 0xFFFF_FFFF)
        else:
            seconds = time_ns[i] // 1_000_000_000
            pos = _put(out, pos, seconds)
            pos = _put(out, pos, time_ns[i] - seconds * 1_000_000_000)
        pos = _put(out, pos, n)
        pos = _put(out, pos, n)
        out[pos : pos + n] = data[offset[i] : offset[i] + n]
        pos += n
        if pcapng:
            for _ in range(padding):
                out[pos] = 0
                pos += 1
            if comment[i] >= 0:
                pos = _put(out, pos, COMMENT | text << 16)
                for j in range((text + 3) & ~3):
                    out[pos + j] = texts[text_at[comment[i]] + j] if j < text else 0
                pos = _put(out, pos + ((text + 3) & ~3), END_OF_OPTIONS)
            pos = _put(out, pos, pos - begin + 4)
    return pos


def pcap_header(link: int) -> bytes:
    """The file header of a little-endian pcap with nanoseconds."""
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, MAX_CAPTURED, link)


def option(code: int, value: bytes) -> bytes:
    """An option of a pcapng block, padded."""
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


class RecordWriter:
    """Writes packets of one link layer; whole blocks of them, since one by one is a hundred times slower.

    Args:
        file: where to.
        form: one of FORMS.
        link: link-layer type, a LINKTYPE number.
        comment: of the whole file; only pcapng has room for it, and for those of packets.
        application: what wrote it.
        comments: texts that packets may have.

    Raises:
        InputError: the form is none of FORMS; in `write`, a time is before 1970, or after 2106 in a pcap.
    """

    def __init__(
        self,
        file: BinaryIO,
        form: str,
        link: int,
        *,
        comment: str = "",
        application: str = "netdiffus",
        comments: Sequence[str] = (),
    ) -> None:
        if form not in FORMS:
            raise InputError(f"a capture with the suffix {' or '.join(FORMS)}", repr(form), "name such a file")
        self._file, self._pcapng = file, form == ".pcapng"
        texts = [text.encode()[:0xFFFF] for text in comments]
        self._texts = np.frombuffer(b"".join(texts), np.uint8)
        self._text_at = np.cumsum([0, *map(len, texts)], dtype=np.int64)
        self._longest = max(map(len, texts), default=0)
        if self._pcapng:
            options = option(COMMENT, comment.encode()[:0xFFFF]) if comment else b""
            options += option(USER_APPLICATION, application.encode()[:0xFFFF]) + option(END_OF_OPTIONS, b"")
            file.write(section(options) + interface(link))
        else:
            file.write(pcap_header(link))

    def write(
        self,
        data: Bytes,
        offset: NDArray[np.int64],
        size: NDArray[np.int64],
        time_ns: NDArray[np.int64],
        comment: NDArray[np.int64] | None = None,
    ) -> None:
        """More packets; packet i is data[offset[i] : offset[i] + size[i]], with comments[comment[i]], or none at -1."""
        if len(time_ns) and (time_ns.min() < 0 or (not self._pcapng and time_ns.max() >= PCAP_END_NS)):
            raise InputError(
                "times from 1970 to 2106, all that a pcap file can hold" if not self._pcapng else "times since 1970",
                f"{int(time_ns.min())} to {int(time_ns.max())} ns",
                "start the capture at another time",
            )
        comment = np.full(len(offset), -1) if comment is None else comment
        out = np.empty(int(size.sum()) + len(offset) * (48 + self._longest), np.uint8)
        n = _frame(data, offset, size, time_ns, comment, self._texts, self._text_at, self._pcapng, out)
        self._file.write(out[:n].data)
