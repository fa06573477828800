"""What is known of one side of a TCP connection while a capture is checked, and the gaps in what it sent."""

from __future__ import annotations

from typing import Any

import numpy as np

from netdiffus.wire.kernels.compiled import compiled
from netdiffus.wire.kernels.serial import signed

REORDERED_NS, FAST_NS = 3_000_000, 20_000_000
"""By Wireshark's analysis: old bytes so soon after new ones were overtaken, where no round trip is known; and so soon
after the third acknowledgement of one number they are a fast retransmission."""

MAX_HOLES = 16
"""Missing stretches of a side's sequence that are remembered."""

SIDE = np.dtype(
    [
        ("known", "i8"),  # whether its SYN was seen, and the number of that
        ("isn", "i8"),
        ("next_known", "i8"),
        ("next", "i8"),  # the sequence number behind all that it sent, and when that last grew
        ("next_ns", "i8"),
        ("ack_known", "i8"),
        ("last_ack", "i8"),  # the last acknowledgement that it sent, and when
        ("ack_ns", "i8"),
        ("duplicates", "i8"),  # acknowledgements in a row that said nothing new
        ("window", "i8"),  # as in the last header
        ("shift", "i8"),  # window scale; -1 unknown, -2 not offered
        ("edge", "i8"),  # the highest number that its windows allowed
        ("edge_known", "i8"),
        ("fin_known", "i8"),
        ("fin_at", "i8"),
        ("reset", "i8"),  # whether it sent RST
        ("offers", "i8"),  # options of its SYN: bits of options.OPTIONS, and segments.OFFERED
        ("value_known", "i8"),
        ("value", "i8"),  # its latest TSval, and its first
        ("value_first", "i8"),
        ("unanswered", "i8"),  # whether its SYN still waits for an answer
        ("unseen_to", "i8"),  # up to where the other side acknowledged what the capture does not have
        ("unseen_known", "i8"),
        ("syn_ns", "i8"),
        ("first_rtt", "i8"),  # of the handshake, 0 where it is unknown
        ("lossy", "i8"),  # whether something that it sent is missing
        ("holes", "i8", (MAX_HOLES, 2)),  # missing stretches: first number, first number behind; equal where free
    ]
)


@compiled
def close_holes(ack: int, side: Any) -> bool:
    """Close the holes that an acknowledgement reaches into; returns whether there were any."""
    any_closed = False
    for k in range(MAX_HOLES):
        if side.holes[k, 0] != side.holes[k, 1] and signed(ack - side.holes[k, 0]) > 0:
            side.holes[k, 0] = side.holes[k, 1]
            any_closed = True
    return any_closed


@compiled
def open_hole(start: int, end: int, side: Any) -> None:
    """Remember a missing stretch, in the place of the lowest one if there is no other."""
    place = 0
    for k in range(MAX_HOLES):
        if side.holes[k, 0] == side.holes[k, 1]:
            place = k
            break
        if signed(side.holes[k, 0] - side.holes[place, 0]) < 0:
            place = k
    side.holes[place, 0], side.holes[place, 1] = start, end


@compiled
def fill_holes(start: int, end: int, side: Any) -> None:
    """Take a segment that came late out of the missing stretches."""
    for k in range(MAX_HOLES):
        first, behind = side.holes[k, 0], side.holes[k, 1]
        if first == behind or signed(start - behind) >= 0 or signed(end - first) <= 0:
            continue
        left, right = signed(start - first) > 0, signed(end - behind) < 0
        side.holes[k, 1] = start if left else behind
        if not left:
            side.holes[k, 0] = end if right else behind
        elif right:
            open_hole(end, behind, side)
