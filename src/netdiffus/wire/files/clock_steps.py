"""Where the times of a capture step back without its packets being out of order.

A clock was set back, or captures of different times were joined end to end: sorting would mix what does not belong
together. Times alone do not tell: a clock set back by ten seconds and the second direction of a conversation, appended
to the first, look the same. Connections do: where the clock was set back, each sender's sequence numbers go on behind
the step (RFC 9293 section 3.4); without TCP, both directions of the same flows do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.fields import LATER, OK, TCP
from netdiffus.wire.headers.packets import PacketBlock

STEP_NS = 1_000_000_000
"""Less is disorder: buffers of queues and interfaces are written within a second, and sorting it does little harm."""
APART_NS = 120_000_000_000
"""Runs of packets that are so far apart in time are not mixed; the default pause that ends a flow."""
NEAR = 5
"""Packets on either side whose median time counts, so that one odd time is no step."""
MOST_TRIED, MOST_ASKED = 8, 4096
"""The largest steps of a piece are looked at, and so many packets on either side."""

End = tuple[int, int, int]  # address as two numbers, port
Direction = tuple[int, int, End, End]  # IP version, protocol, sender, receiver


def find_steps(tail: NDArray[np.int64], held: PacketBlock, piece: PacketBlock, latest: int | None) -> list[int]:
    """Where in a piece of a file time steps back without disorder: places in the piece, ascending.

    Args:
        tail: times before the piece in the order of the file, NEAR of them if there are as many.
        held: packets before the piece that can still be sorted.
        piece: packets in the order of the file.
        latest: time of the latest packet that can no longer be sorted; None: all can.
    """
    times = np.concatenate([tail, piece.time_ns])
    moves = np.diff(times)
    drops = np.flatnonzero(moves <= -STEP_NS)
    drops = drops[drops + 1 >= len(tail)]
    largest = drops[np.argsort(moves[drops], kind="stable")][:MOST_TRIED]
    found: list[int] = []
    for at in np.sort(largest + 1).tolist():
        before, after = np.median(times[max(at - NEAR, 0) : at]), np.median(times[at : at + NEAR])
        if before <= times[at] or after >= times[at - 1]:  # one odd time
            continue
        k = at - len(tail)
        ends = np.flatnonzero((moves[at:] <= -STEP_NS) | (moves[at:] > APART_NS))
        run = piece.part(slice(k, k + int(ends[0]) + 1 if len(ends) else None))
        begin = found[-1] if found else 0
        past = [piece.part(slice(begin, k)), *([] if found else [held])]
        too_late = not found and latest is not None and after < latest
        if too_late or not _is_near(past, run) or _goes_on(past, run):
            found.append(k)
    return found


def _is_near(past: list[PacketBlock], run: PacketBlock) -> bool:
    """Whether some packet before a step is near in time to the run of packets behind it."""
    low, high = int(run.time_ns.min()) - APART_NS, int(run.time_ns.max()) + APART_NS
    return any(bool(((block.time_ns >= low) & (block.time_ns <= high)).any()) for block in past)


def _goes_on(past: list[PacketBlock], run: PacketBlock) -> bool:
    """Whether flows that were there before a step go on in the run of packets behind it."""
    said = dict(pair for block in reversed(past) for pair in _directions(block.part(slice(-MOST_ASKED, None))))
    first = dict(reversed(_directions(run.part(slice(0, MOST_ASKED)))))
    votes = 0
    for direction in first.keys() & said.keys():
        if direction[1] == TCP:
            gone = (first[direction] - said[direction]) % 2**32
            votes += 0 if gone == 0 else 1 if gone < 2**31 else -1
    if votes:
        return votes > 0
    begun = min(int(block.time_ns.min()) for block in past if len(block))
    known = [d for d in first if d in said or (d[0], d[1], d[3], d[2]) in said]
    return int(run.time_ns[0]) >= begun and 2 * sum(d in said for d in known) > len(known)


def _directions(block: PacketBlock) -> list[tuple[Direction, int]]:
    """Who sent to whom, and the sequence number, of each packet that says so."""
    fields = dissect(block)
    fields = fields[(fields["status"] == OK) & (fields["fragment"] != LATER)]
    names = (
        "version", "protocol", "source_high", "source_low", "source_port", "destination_high", "destination_low",
        "destination_port", "seq",
    )  # fmt: skip
    rows = zip(*(fields[name].tolist() for name in names), strict=True)
    return [((v, p, (a, b, c), (d, e, f)), seq) for v, p, a, b, c, d, e, f, seq in rows]
