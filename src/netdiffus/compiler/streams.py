"""The byte streams of compiled packets: where each packet's payload lies in one buffer, and the messages in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bools, Ints
from netdiffus.compiler.compile import Packets
from netdiffus.wire.headers.fields import TCP, UDP
from netdiffus.wire.kernels.compiled import compiled, i64

PUSH = 8
"""Of the TCP flags: the sender had no more to send just then."""
SPARSE = 4
"""A stream that is so many times longer than what was sent of it has holes, and none of it is written."""


@dataclass(frozen=True)
class Streams:
    """Where payload lies.

    Attributes:
        at: the first byte of each packet's payload in the buffer, (P,); -1: a policy fills it.
        size: bytes of the buffer.
        messages: (M, 3) of side, place and size, flow after flow and by time; data that is sent again is in them once.
        counts: messages of each flow, (F,). holes: flows with streams too sparse to be here, (F,).
    """

    at: Ints
    size: int
    messages: Ints
    counts: Ints
    holes: Bools


@compiled
def _spans(segments: NDArray[np.void], owner: Ints, transport: NDArray[np.uint8], low: Ints, high: Ints) -> None:
    """First position and end of each side's stream; of UDP the bytes of both sides, as the end of the first."""
    for i in range(segments.size):
        p, f = segments[i], owner[i]
        if p.size <= 0 or transport[f] == 0:
            continue
        if transport[f] == UDP:
            low[f, 0], low[f, 1], high[f, 1] = 0, 0, 0
            high[f, 0] = max(high[f, 0], 0) + i64(p.size)
            continue
        s = i64(p.direction)
        low[f, s] = min(low[f, s], i64(p.position))
        high[f, s] = max(high[f, s], i64(p.position) + i64(p.size))


@compiled
def _place(
    segments: NDArray[np.void],
    owner: Ints,
    transport: NDArray[np.uint8],
    low: Ints,
    begin: Ints,
    at: Ints,
    messages: Ints,
    counts: Ints,
) -> int:
    n, flow, cut = 0, i64(-1), True
    top = np.zeros(2, np.int64)
    for i in range(segments.size):
        p, f = segments[i], owner[i]
        if p.size <= 0 or transport[f] == 0:
            continue
        if f != flow:
            flow, cut = i64(f), True
            top[0], top[1] = begin[f, 0], begin[f, 1]
        s = i64(p.direction)
        if transport[f] == UDP:
            at[i] = top[0]
            top[0] += i64(p.size)
            messages[n, 0], messages[n, 1], messages[n, 2] = s, at[i], i64(p.size)
            n += 1
            counts[f] += 1
            continue
        at[i] = begin[f, s] + i64(p.position) - low[f, s]
        end = at[i] + i64(p.size)
        if end <= top[s]:
            continue  # sent before
        if cut or messages[n - 1, 0] != s:
            messages[n, 0], messages[n, 1], messages[n, 2] = s, top[s], 0
            n += 1
            counts[f] += 1
        messages[n - 1, 2] += end - top[s]
        top[s] = end
        cut = (p.flags & PUSH) != 0
    return n


def streams_of(packets: Packets) -> Streams:
    """The streams of all flows of TCP and UDP, one behind the other."""
    segments, owner, n = packets.segments, packets.owner, len(packets.flows)
    protocol = packets.flows["protocol"]
    transport = np.where((protocol == TCP) | (protocol == UDP), protocol, 0).astype(np.uint8)
    low, high = np.full((n, 2), 1 << 62), np.full((n, 2), -(1 << 62))
    _spans(segments, owner, transport, low, high)
    spans = np.where(high > low, high - low, 0)
    sent = np.zeros((n, 2), np.int64)
    np.add.at(sent, (owner, segments["direction"].astype(np.int64)), segments["size"].astype(np.int64))
    holes = (spans > SPARSE * sent + 1).any(axis=1) & (transport == TCP)
    transport[holes], spans[holes] = 0, 0
    begin = (np.cumsum(spans.reshape(-1)) - spans.reshape(-1)).reshape(n, 2)
    at, messages, counts = np.full(len(segments), -1), np.zeros((len(segments), 3), np.int64), np.zeros(n, np.int64)
    found = _place(segments, owner, transport, low, begin, at, messages, counts)
    return Streams(at, int(spans.sum()), messages[:found], counts, holes)
