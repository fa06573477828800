"""The pcapng file format (draft-ietf-opsawg-pcapng): sections, interfaces and packet blocks."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from netdiffus.wire.compiled import compiled, i64, u64
from netdiffus.wire.packets import MAX_CAPTURED, MAX_TIME_NS, Bytes, Columns

SECTION = 0x0A0D0D0A  # the same in both byte orders
INTERFACE, OLD_PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 1, 2, 3, 6
BYTE_ORDER = 0x1A2B3C4D
OPTION_TSRESOL, OPTION_TSOFFSET = 9, 14
MAX_BLOCK_BYTES = 1 << 24  # as Wireshark and libpcap

MORE, FULL, STOP, CONTROL = 0, 1, 2, 3
"""Why a scan ended: the next block is not whole, no room for columns, not a block, or a section or interface block."""

# Kernels read globals as constants: faults met inside blocks, as places in an array of counts.
UNDECLARED, PAST_BLOCK, UNTIMED, OUT_OF_TIME, UNEQUAL, NOT_A_BLOCK = range(6)
FAULTS = (
    "packet of an interface that the file does not declare, left out",
    "packet runs past its block, left out",
    "simple packet block has no time; the time of the packet before it is taken",
    "time before 1970 or after 2116, moved to the nearer end",
    "the two lengths of a block differ; the rest of the file was not read",
    "block length is impossible; the rest of the file was not read",
)
BAD_SECTION = "section header is broken; the rest of the file was not read"


@compiled
def _u32(data: Bytes, pos: int, big: bool) -> int:
    a, b, c, d = i64(data[pos]), i64(data[pos + 1]), i64(data[pos + 2]), i64(data[pos + 3])
    return a << 24 | b << 16 | c << 8 | d if big else d << 24 | c << 16 | b << 8 | a


@compiled
def _time_ns(ticks: int, exponent: int, binary: int, offset_ns: int, counts: NDArray[np.int64]) -> int:
    """Nanoseconds of a time in units of 10^-exponent or 2^-exponent seconds, clamped to what is kept."""
    latest = u64(MAX_TIME_NS)
    ns = latest + u64(1)
    if binary:
        whole = ticks >> u64(exponent) if exponent < 64 else u64(0)
        part = ticks - (whole << u64(exponent)) if exponent < 64 else ticks
        bits = exponent
        if bits > 34:  # part * 10^9 must stay below 2^64
            part = part >> u64(bits - 34) if bits - 34 < 64 else u64(0)
            bits = 34
        if whole <= u64(4_611_686_018):
            ns = whole * u64(1_000_000_000) + ((part * u64(1_000_000_000)) >> u64(bits))
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
    moved = i64(ns) + offset_ns
    if moved < 0 or moved > MAX_TIME_NS:
        counts[OUT_OF_TIME] += 1
        return min(max(moved, i64(0)), i64(latest))
    return moved


@compiled
def _scan(
    data: Bytes,
    start: int,
    end: int,
    big: bool,
    interfaces: NDArray[np.int64],
    n_interfaces: int,
    before_ns: NDArray[np.int64],
    counts: NDArray[np.int64],
    n: int,
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    length: NDArray[np.int32],
    time_ns: NDArray[np.int64],
    links: NDArray[np.int32],
) -> tuple[int, int, int]:
    """Packet blocks in data[start:end] into the columns from place n on; returns (n, first byte not taken, why)."""
    pos = start
    while n < offset.size:
        if end - pos < 12:
            return n, pos, MORE
        kind = _u32(data, pos, big)
        if kind == SECTION:
            return n, pos, CONTROL
        total = (_u32(data, pos + 4, big) + 3) & ~3
        if total < 12 or total > MAX_BLOCK_BYTES:
            counts[NOT_A_BLOCK] += 1
            return n, pos, STOP
        if end - pos < total:
            return n, pos, MORE
        if (_u32(data, pos + total - 4, big) + 3) & ~3 != total:
            counts[UNEQUAL] += 1
            return n, pos, STOP
        if kind == INTERFACE:
            return n, pos, CONTROL
        if kind in (ENHANCED_PACKET, OLD_PACKET, SIMPLE_PACKET):
            head = 12 if kind == SIMPLE_PACKET else 28
            if total < head + 4:
                counts[PAST_BLOCK] += 1
                pos += total
                continue
            number = i64(0)
            if kind == ENHANCED_PACKET:
                number = _u32(data, pos + 8, big)
            elif kind == OLD_PACKET:
                first, second = i64(data[pos + 8]), i64(data[pos + 9])
                number = first << 8 | second if big else second << 8 | first
            if number >= n_interfaces:
                counts[UNDECLARED] += 1
                pos += total
                continue
            if kind == SIMPLE_PACKET:
                original = _u32(data, pos + 8, big)
                size = min(original, total - 16)
                if interfaces[number, 1] > 0:
                    size = min(size, interfaces[number, 1])
                when = before_ns[0]
                counts[UNTIMED] += 1
            else:
                size, original = _u32(data, pos + 20, big), _u32(data, pos + 24, big)
                ticks = u64(_u32(data, pos + 12, big)) << u64(32) | u64(_u32(data, pos + 16, big))
                when = _time_ns(ticks, interfaces[number, 2], interfaces[number, 3], interfaces[number, 4], counts)
            if size > total - head - 4 or size > MAX_CAPTURED:
                counts[PAST_BLOCK] += 1
                pos += total
                continue
            before_ns[0] = when
            offset[n] = pos + head
            captured[n] = size
            length[n] = min(original, 0x7FFFFFFF)
            time_ns[n] = when
            links[n] = interfaces[number, 0]
            n += 1
        pos += total
    return n, pos, FULL


class PcapngScanner:
    """Finds the packets of one pcapng file, through all its sections and interfaces."""

    ends_inside = "file ends inside a block"

    def __init__(self) -> None:
        self._big = False
        self._interfaces = np.zeros((8, 5), np.int64)  # link, snap length, exponent, whether base 2, offset in ns
        self._n_interfaces = 0
        self._before_ns = np.zeros(1, np.int64)
        self._counts = np.zeros(len(FAULTS), np.int64)
        self._broken = 0

    @property
    def faults(self) -> Counter[str]:
        """Reasons in plain words and how often each came up so far."""
        met = {words: count for words, count in zip(FAULTS, self._counts.tolist(), strict=True) if count}
        return Counter(met | ({BAD_SECTION: self._broken} if self._broken else {}))

    def scan(self, data: Bytes, start: int, end: int, columns: Columns) -> tuple[int, int, int]:
        """Fill the columns of a PacketBlock; returns (packets, first byte not taken, MORE | FULL | STOP)."""
        n, pos, verdict = 0, start, CONTROL
        while verdict == CONTROL:
            n, pos, verdict = _scan(
                data,
                pos,
                end,
                self._big,
                self._interfaces,
                self._n_interfaces,
                self._before_ns,
                self._counts,
                n,
                *columns,
            )
            if verdict == CONTROL:
                pos, verdict = self._control(data, pos, end)
        return n, pos, verdict

    def _control(self, data: Bytes, pos: int, end: int) -> tuple[int, int]:
        """Take in the section header or interface description at `pos`; returns (its end, MORE | STOP | CONTROL)."""
        kind = int.from_bytes(data[pos : pos + 4].tobytes(), "big")
        if kind == SECTION:
            orders = [order for order in ("little", "big") if self._u32_as(data, pos + 8, order) == BYTE_ORDER]
            total = (self._u32_as(data, pos + 4, orders[0]) + 3) & ~3 if orders else 0
            if not 28 <= total <= MAX_BLOCK_BYTES:
                self._broken += 1
                return pos, STOP
            if end - pos < total:
                return pos, MORE
            self._big, self._n_interfaces = orders == ["big"], 0
            return pos + total, CONTROL
        order = "big" if self._big else "little"
        total = (self._u32_as(data, pos + 4, order) + 3) & ~3
        self._add_interface(data[pos + 8 : pos + total - 4].tobytes(), order)
        return pos + total, CONTROL

    @staticmethod
    def _u32_as(data: Bytes, pos: int, order: str) -> int:
        return int.from_bytes(data[pos : pos + 4].tobytes(), "big" if order == "big" else "little")

    def _add_interface(self, body: bytes, order: str) -> None:
        """One more interface; `body` holds link type, reserved bytes, snap length, then options."""

        def number(start: int, size: int, signed: bool = False) -> int:
            part = body[start : start + size]
            return int.from_bytes(part, "big" if order == "big" else "little", signed=signed)

        exponent, binary, offset_s = 6, 0, 0
        pos = 8
        while pos + 4 <= len(body):
            code, size = number(pos, 2), number(pos + 2, 2)
            pos += 4
            if code == 0:
                break
            if code == OPTION_TSRESOL and size == 1 and pos < len(body):
                exponent, binary = body[pos] & 0x7F, body[pos] >> 7
            elif code == OPTION_TSOFFSET and size == 8 and pos + 8 <= len(body):
                offset_s = number(pos, 8, signed=True)
            pos += (size + 3) & ~3
        offset_ns = min(max(offset_s * 1_000_000_000, -MAX_TIME_NS), MAX_TIME_NS)
        if self._n_interfaces == len(self._interfaces):
            self._interfaces = np.concatenate([self._interfaces, np.zeros_like(self._interfaces)])
        self._interfaces[self._n_interfaces] = number(0, 2), number(4, 4), exponent, binary, offset_ns
        self._n_interfaces += 1
