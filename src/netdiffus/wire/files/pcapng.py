"""The pcapng file format (draft-ietf-opsawg-pcapng): sections, interfaces and packet blocks."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes, Ints
from netdiffus.wire.headers.packets import MAX_CAPTURED, MAX_TIME_NS, Columns
from netdiffus.wire.kernels.bytes import file_u16, file_u32, file_words
from netdiffus.wire.kernels.compiled import compiled, i64, u64

SECTION = 0x0A0D0D0A  # the same in both byte orders
INTERFACE, OLD_PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 1, 2, 3, 6
BYTE_ORDER = 0x1A2B3C4D
OPTION_TSRESOL, OPTION_TSOFFSET = 9, 14
MAX_BLOCK_BYTES = 1 << 24  # as Wireshark and libpcap
MAX_INTERFACES = 1 << 16  # of a section; a file that only declares interfaces must not fill the memory

LATEST_OFFSET_S = MAX_TIME_NS // 1_000_000_000 + 1  # moves any time out of what is kept

MORE, FULL, STOP, GROW = 0, 1, 2, 3
"""Why a scan ended: the next block is not whole, no room for columns, not a block, or no room for interfaces."""

BIG, N_INTERFACES, BEFORE_NS = 0, 1, 2
"""Places in a scanner's state: whether the section is big-endian, its number of interfaces, the last packet's time."""

LINK, SNAP_BYTES, EXPONENT, BINARY, OFFSET_NS = range(5)
"""Columns of the interfaces; a unit of time is 10^-exponent seconds, or 2^-exponent where BINARY."""

# Kernels read globals as constants: faults met inside blocks, as places in an array of counts.
UNDECLARED, PAST_BLOCK, UNTIMED, OUT_OF_TIME, UNEQUAL, NOT_A_BLOCK, MANY, SHORT_INTERFACE, BAD_SECTION = range(9)
FAULTS = (
    "packet of an interface that the file does not declare, left out",
    "packet runs past its block, left out",
    "simple packet block has no time; the time of the packet before it is taken",
    "time before 1970 or after 2116, moved to the nearer end",
    "the two lengths of a block differ; the rest of the file was not read",
    "block length is impossible; the rest of the file was not read",
    f"interface after the first {MAX_INTERFACES} of its section, left out",
    "interface description is too short to name a link layer",
    "section header is broken; the rest of the file was not read",
)
NO_LINK = 0xFFFF  # a number that no link layer has


@compiled
def _interface(data: Bytes, pos: int, end: int, big: bool, row: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    """An interface description in data[pos:end] (link type, two bytes, snap length, options) into its row."""
    row[LINK], row[SNAP_BYTES], row[EXPONENT], row[BINARY], row[OFFSET_NS] = NO_LINK, 0, 6, 0, 0
    if end - pos < 8:
        counts[SHORT_INTERFACE] += 1
        return
    row[LINK], row[SNAP_BYTES] = file_u16(data, pos, big), file_u32(data, pos + 4, big)
    pos += 8
    while end - pos >= 4:
        code, size = file_u16(data, pos, big), file_u16(data, pos + 2, big)
        pos += 4
        if code == 0:
            return
        if code == OPTION_TSRESOL and size == 1 and end - pos >= 1:
            row[EXPONENT], row[BINARY] = i64(data[pos]) & 0x7F, i64(data[pos]) >> 7
        elif code == OPTION_TSOFFSET and size == 8 and end - pos >= 8:
            high, low = file_u32(data, pos + (0 if big else 4), big), file_u32(data, pos + (4 if big else 0), big)
            seconds = (high - (1 << 32) if high >> 31 else high) * (1 << 32) + low
            row[OFFSET_NS] = min(max(seconds, i64(-LATEST_OFFSET_S)), i64(LATEST_OFFSET_S)) * 1_000_000_000
        pos += (size + 3) & ~3


@compiled
def _time_ns(ticks: int, exponent: int, binary: int, offset_ns: int, counts: NDArray[np.int64]) -> int:
    """Nanoseconds of a time in units of 10^-exponent or 2^-exponent seconds, clamped to what is kept."""
    latest = u64(MAX_TIME_NS)
    ns = latest + u64(1)
    if binary:
        whole = ticks >> u64(exponent) if exponent < 64 else u64(0)
        part = ticks - (whole << u64(exponent)) if exponent < 64 else ticks
        # part * 10^9 has up to 94 bits: its low 32 bits apart
        low = (part & u64(0xFFFFFFFF)) * u64(1_000_000_000)
        if exponent < 32:
            part_ns = low >> u64(exponent)
        else:
            high = (part >> u64(32)) * u64(1_000_000_000) + (low >> u64(32))
            part_ns = high >> u64(exponent - 32) if exponent < 96 else u64(0)
        if whole <= u64(4_611_686_018):
            ns = whole * u64(1_000_000_000) + part_ns
    else:
        factor = u64(1)
        for _ in range(min(abs(9 - exponent), 19)):
            factor *= u64(10)
        if exponent > 9:
            ns = ticks // factor if exponent <= 28 else u64(0)
        elif ticks <= latest // factor:
            ns = ticks * factor
    if ns > latest:
        counts[OUT_OF_TIME] += 1
        return i64(latest)
    if offset_ns > MAX_TIME_NS - i64(ns):  # rather than a sum that may not fit
        counts[OUT_OF_TIME] += 1
        return i64(latest)
    if i64(ns) + offset_ns < 0:
        counts[OUT_OF_TIME] += 1
        return i64(0)
    return i64(ns) + offset_ns


@compiled
def _scan(
    data: Bytes,
    start: int,
    end: int,
    state: NDArray[np.int64],
    interfaces: NDArray[np.int64],
    counts: NDArray[np.int64],
    n: int,
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    length: NDArray[np.int32],
    time_ns: NDArray[np.int64],
    links: NDArray[np.int32],
) -> tuple[int, int, int]:
    """Packet blocks in data[start:end] into the columns from place n on; returns (n, first byte not taken, why)."""
    pos, big = start, state[BIG] != 0
    while n < offset.size:
        if end - pos < 12:
            return n, pos, MORE
        kind = file_u32(data, pos, big)
        if kind == SECTION:
            in_big = file_u32(data, pos + 8, True) == BYTE_ORDER
            total = (file_u32(data, pos + 4, in_big) + 3) & ~3
            if (not in_big and file_u32(data, pos + 8, False) != BYTE_ORDER) or total < 28 or total > MAX_BLOCK_BYTES:
                counts[BAD_SECTION] += 1
                return n, pos, STOP
            if end - pos < total:
                return n, pos, MORE
            big = in_big
            state[BIG], state[N_INTERFACES] = big, 0
            pos += total
            continue
        total = (file_u32(data, pos + 4, big) + 3) & ~3
        if total < 12 or total > MAX_BLOCK_BYTES:
            counts[NOT_A_BLOCK] += 1
            return n, pos, STOP
        if end - pos < total:
            return n, pos, MORE
        if (file_u32(data, pos + total - 4, big) + 3) & ~3 != total:
            counts[UNEQUAL] += 1
            return n, pos, STOP
        if kind == INTERFACE:
            if state[N_INTERFACES] == MAX_INTERFACES:
                counts[MANY] += 1
            elif state[N_INTERFACES] == interfaces.shape[0]:
                return n, pos, GROW
            else:
                _interface(data, pos + 8, pos + total - 4, big, interfaces[state[N_INTERFACES]], counts)
                state[N_INTERFACES] += 1
        if kind in (ENHANCED_PACKET, OLD_PACKET, SIMPLE_PACKET):
            head = 12 if kind == SIMPLE_PACKET else 28
            if total < head + 4:
                counts[PAST_BLOCK] += 1
                pos += total
                continue
            number = i64(0)
            if kind == ENHANCED_PACKET:
                number = file_u32(data, pos + 8, big)
            elif kind == OLD_PACKET:
                number = file_u16(data, pos + 8, big)
            if number >= state[N_INTERFACES]:
                counts[UNDECLARED] += 1
                pos += total
                continue
            if kind == SIMPLE_PACKET:
                original = file_u32(data, pos + 8, big)
                size = min(original, total - 16)
                if interfaces[number, SNAP_BYTES] > 0:
                    size = min(size, interfaces[number, SNAP_BYTES])
                when = state[BEFORE_NS]
                counts[UNTIMED] += 1
            else:
                size, original = file_u32(data, pos + 20, big), file_u32(data, pos + 24, big)
                ticks = u64(file_u32(data, pos + 12, big)) << u64(32) | u64(file_u32(data, pos + 16, big))
                clock = interfaces[number]
                when = _time_ns(ticks, clock[EXPONENT], clock[BINARY], clock[OFFSET_NS], counts)
            if size > total - head - 4 or size > MAX_CAPTURED:
                counts[PAST_BLOCK] += 1
                pos += total
                continue
            state[BEFORE_NS] = when
            offset[n] = pos + head
            captured[n] = size
            length[n] = min(original, 0x7FFFFFFF)
            time_ns[n] = when
            links[n] = interfaces[number, LINK]
            n += 1
        pos += total
    return n, pos, FULL


class PcapngScanner:
    """Finds the packets of one pcapng file, through all its sections and interfaces."""

    ends_inside = "file ends inside a block"

    def __init__(self) -> None:
        self._state = np.zeros(3, np.int64)
        self._interfaces = np.zeros((8, 5), np.int64)
        self._counts = np.zeros(len(FAULTS), np.int64)

    @property
    def faults(self) -> Counter[str]:
        """Reasons in plain words and how often each came up so far."""
        return Counter({words: count for words, count in zip(FAULTS, self._counts.tolist(), strict=True) if count})

    @property
    def known(self) -> bytes:
        """The byte order and the interfaces of the section so far, which say how blocks are read."""
        n = int(self._state[N_INTERFACES])
        return self._state[: N_INTERFACES + 1].tobytes() + self._interfaces[:n].tobytes()

    def sizes(self, data: Bytes, near_ns: int) -> Ints:
        """The size of the block that may begin at each byte, 0 where none can: its length is at both of its ends."""
        big = bool(self._state[BIG])
        n = max(len(data) - 11, 0)
        total = file_words(data, 4, n, big=big)
        size = (total + 3) & ~3
        starts = np.flatnonzero((size >= 12) & (size <= MAX_BLOCK_BYTES) & (np.arange(n) + size <= len(data)))
        ends = file_words(data, 0, len(data) - 3, big=big)[starts + size[starts] - 4]
        starts = starts[ends == total[starts]]
        found = np.zeros(len(data), np.int64)
        found[starts] = size[starts]
        return found

    def scan(self, data: Bytes, start: int, end: int, columns: Columns) -> tuple[int, int, int]:
        """Fill the columns of a PacketBlock; returns (packets, first byte not taken, MORE | FULL | STOP)."""
        n, pos, verdict = 0, start, GROW
        while verdict == GROW:
            n, pos, verdict = _scan(data, pos, end, self._state, self._interfaces, self._counts, n, *columns)
            if verdict == GROW:
                self._interfaces = np.concatenate([self._interfaces, np.zeros_like(self._interfaces)])
        return n, pos, verdict
