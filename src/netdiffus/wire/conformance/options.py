"""TCP options as columns (RFC 9293 section 3.2, RFC 7323, RFC 2018), and the rules about their form."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.conformance.rules import ERROR, NOTE, WARNING, Rule
from netdiffus.wire.headers.fields import LATER, OK, SYN, TCP
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.compiled import compiled, i64
from netdiffus.wire.kernels.serial import signed

(
    LENGTH, AFTER_END, NOPS, REPEATED, MSS_ELSEWHERE, SCALE_ELSEWHERE, PERMITTED_ELSEWHERE, SACK_ON_SYN, NO_MSS,
    SCALE_OVER, SACK_BLOCKS, DSACK,
) = range(12)  # fmt: skip
RULES = (
    Rule("tcp-option-length", ERROR, "RFC 9293 section 3.1",
         "an option runs past the header, or has not the length of its kind",
         "the option becomes no-operations; one that runs past the header becomes the end of options"),
    Rule("tcp-option-after-end", NOTE, "RFC 9293 section 3.1", "bytes other than 0 behind the end of options"),
    Rule("tcp-option-nops", WARNING, "RFC 9293 section 3.2",
         "four no-operation options in a row: something removed options", "whole words of them are removed"),
    Rule("tcp-option-repeated", ERROR, "RFC 9293 section 3.2", "an option that may be there once is there again",
         "the later one is removed"),
    Rule("tcp-mss-elsewhere", ERROR, "RFC 9293 section 3.7.1", "maximum segment size outside a SYN", "it is removed"),
    Rule("tcp-window-scale-elsewhere", ERROR, "RFC 7323 section 2.2", "window scale outside a SYN", "it is removed"),
    Rule("tcp-sack-permitted-elsewhere", ERROR, "RFC 2018 section 2", "SACK-permitted outside a SYN", "it is removed"),
    Rule("tcp-sack-on-syn", ERROR, "RFC 2018 section 3", "SACK blocks in a SYN", "they are removed"),
    Rule("tcp-syn-without-mss", NOTE, "RFC 9293 section 3.7.1", "a SYN without maximum segment size"),
    Rule("tcp-window-scale-over-14", WARNING, "RFC 7323 section 2.3",
         "the window scale is more than 14", "it becomes 14"),
    Rule("tcp-sack-blocks", ERROR, "RFC 2018 section 3", "a SACK block is empty or ends before it begins",
         "the option is removed"),
    Rule("tcp-dsack", NOTE, "RFC 2883 section 4", "the first SACK block reports data that came twice"),
)  # fmt: skip
OPTIONS = np.dtype(
    [
        ("value", "u4"),  # timestamps: TSval and TSecr
        ("echo", "u4"),
        ("mss", "u2"),
        ("has", "u1"),  # bits MSS, SCALE, PERMITTED, TIMES
        ("scale", "u1"),
        ("blocks", "u1"),  # SACK blocks, 0 to 4
        ("known", "u1"),  # whether all options were captured
    ],
    align=True,
)
"""What the options of one segment say; zeros where it is no TCP."""
MSS, SCALE, PERMITTED, TIMES = 1, 2, 4, 8
KIND_MSS, KIND_SCALE, KIND_PERMITTED, KIND_SACK, KIND_TIMES, KIND_FAST_OPEN = 2, 3, 4, 5, 8, 34
LENGTHS = {KIND_MSS: 4, KIND_SCALE: 3, KIND_PERMITTED: 2, KIND_TIMES: 10}
"""Options of one length."""


@compiled
def _u32(data: Bytes, pos: int) -> int:
    return i64(data[pos]) << 24 | i64(data[pos + 1]) << 16 | i64(data[pos + 2]) << 8 | i64(data[pos + 3])


@compiled
def _blocks(data: Bytes, pos: int, size: int, ack: int, row: Any, edges: NDArray[np.int64], f: Any) -> None:
    """SACK blocks into the edges, left then right."""
    n = (size - 2) // 8
    row.blocks = n
    for k in range(n):
        left, right = _u32(data, pos + 2 + 8 * k), _u32(data, pos + 6 + 8 * k)
        edges[2 * k], edges[2 * k + 1] = left, right
        if signed(right - left) <= 0:
            f[SACK_BLOCKS] = True
    below = signed(edges[1] - ack) <= 0
    inside = n > 1 and signed(edges[0] - edges[2]) >= 0 and signed(edges[3] - edges[1]) >= 0
    if below or inside:
        f[DSACK] = True


@compiled
def _read(data: Bytes, start: int, end: int, p: Any, row: Any, edges: NDArray[np.int64], f: Any) -> None:
    """The options in data[start:end] of one segment."""
    pos, nops, seen = start, 0, i64(0)
    while pos < end:
        kind = i64(data[pos])
        if kind == 0:
            for k in range(pos + 1, end):
                if data[k]:
                    f[AFTER_END] = True
            return
        if kind == 1:
            nops += 1
            if nops == 4:
                f[NOPS] = True
            pos += 1
            continue
        nops = 0
        size = i64(data[pos + 1]) if pos + 1 < end else i64(0)
        if size < 2 or pos + size > end:
            f[LENGTH] = True
            return
        right = 4 if kind == KIND_MSS else 3 if kind == KIND_SCALE else 2 if kind == KIND_PERMITTED else size
        right = 10 if kind == KIND_TIMES else right
        if kind == KIND_SACK and (size < 10 or (size - 2) % 8 or size > 34):
            right = 0
        if size != right:
            f[LENGTH] = True
        elif kind in (KIND_MSS, KIND_SCALE, KIND_PERMITTED, KIND_SACK, KIND_TIMES):
            bit = i64(1) << kind
            if seen & bit:
                f[REPEATED] = True
            elif kind == KIND_MSS:
                row.has |= MSS
                row.mss = i64(data[pos + 2]) << 8 | i64(data[pos + 3])
            elif kind == KIND_SCALE:
                row.has |= SCALE
                row.scale = data[pos + 2]
            elif kind == KIND_PERMITTED:
                row.has |= PERMITTED
            elif kind == KIND_SACK:
                _blocks(data, pos, size, i64(p.ack), row, edges, f)
            else:
                row.has |= TIMES
                row.value, row.echo = _u32(data, pos + 2), _u32(data, pos + 6)
            seen |= bit
        pos += size


@compiled
def _judge(
    data: Bytes,
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    fields: NDArray[np.void],
    out: NDArray[np.void],
    edges: NDArray[np.int64],
    found: NDArray[np.bool_],
) -> None:
    for i in range(offset.size):
        p, f, row = fields[i], found[i], out[i]
        if p.status != OK or p.protocol != TCP or p.fragment == LATER:
            continue
        start = p.network + p.network_bytes
        size = i64(data[start + 12] >> 4) * 4
        if start + size > offset[i] + captured[i]:
            continue
        row.known = 1
        if size > 20:
            _read(data, start + 20, start + size, p, row, edges[i], f)
        if p.flags & SYN:
            f[NO_MSS] = not row.has & MSS
            f[SACK_ON_SYN] = row.blocks > 0
            f[SCALE_OVER] = row.scale > 14
            continue
        f[MSS_ELSEWHERE] = bool(row.has & MSS)
        f[SCALE_ELSEWHERE] = bool(row.has & SCALE)
        f[PERMITTED_ELSEWHERE] = bool(row.has & PERMITTED)


def judge(
    block: PacketBlock, fields: NDArray[np.void], found: NDArray[np.bool_]
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Mark in `found` (N, len(RULES)) which packets break which rules.

    Returns the options, (N,) of OPTIONS, and the edges of their SACK blocks, int64 (N, 8): left, right, left ...
    """
    out, edges = np.zeros(len(block), OPTIONS), np.zeros((len(block), 8), np.int64)
    _judge(block.data, block.offset, block.captured, fields, out, edges, found)
    return out, edges
