"""The rows of flows: what is free to vary in each packet, apart from what follows from other packets.

A row says what a sender chose (direction, time, size, flags, window, options) and how its numbers relate to what went
before (the next sequence number, everything acknowledged, the latest timestamp echoed): for normal traffic nearly all
relations are 0. What a flow has by chance (addresses, initial numbers) lies in FLOW. The rows of a flow give all header
bits back. docs/sessions.md explains every field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.compiler.tcp_options import CANONICAL

CLIENT, SERVER = 0, 1
NEXT, UNACKNOWLEDGED, LAST_END, ZERO = range(4)
"""What a sequence number is counted from: the next one, the first unacknowledged one, the end of the sender's last
segment, or nothing (the number 0 in the RST that answers a SYN)."""

ROW = np.dtype(
    [
        ("gap_ns", "i8"),  # since the packet before in the flow, first 0
        ("size", "i4"),  # bytes behind the transport header
        ("seq_offset", "i4"),  # sequence number less what seq_from names; ICMP echo: less the expected number
        ("ack_behind", "i4"),  # how many segment edges of the peer are not acknowledged yet
        ("ack_offset", "i4"),  # bytes beyond that edge; without the ACK flag, the number itself
        ("ts_offset", "i4"),  # TSval less the sender's clock, ticks
        ("echo_behind", "i4"),  # TSecr: how many of the peer's timestamps are newer
        ("echo_offset", "i4"),  # TSecr less that timestamp
        ("id_step", "i4"),  # IPv4 identification: 0 is the number 0, else 1 to 65536 added to the sender's counter
        ("label_step", "i4"),  # IPv6 flow label less the sender's last one, modulo 2^20
        ("sack_ahead", "i4", (4, 2)),  # SACK edges, in segment edges beyond the acknowledged one
        ("sack_offset", "i4", (4, 2)),  # bytes beyond those edges
        ("icmp_rest", "u4"),  # second word of ICMP; echo: identifier, exclusive or with the flow's, in the high half
        ("flags", "u2"),  # of TCP: 12 bits, FIN lowest
        ("window", "u2"),
        ("urgent", "u2"),
        ("mss", "u2"),
        ("layout", "u2"),  # of the TCP options: a place in FlowRows.layouts
        ("direction", "u1"),  # CLIENT or SERVER sent it
        ("tos", "u1"),  # DSCP and ECN
        ("wscale", "u1"),
        ("seq_from", "u1"),  # NEXT, UNACKNOWLEDGED, LAST_END or ZERO
        ("dont_fragment", "u1"),
        ("no_checksum", "u1"),  # UDP over IPv4 without a checksum
        ("icmp_type", "u1"),
        ("icmp_code", "u1"),
        ("ttl_step", "i2"),  # TTL or hop limit less the sender's usual one
    ],
    align=True,
)
"""One packet."""

FLOW = np.dtype(
    [
        ("address", "u8", (2, 2)),  # of client and server, as numbers of 128 bits (high, low); IPv4 as ::ffff:a.b.c.d
        ("start_ns", "i8"),
        ("ts_mhz", "i8", (2,)),  # timestamp clock, ticks in 1000 seconds
        ("isn", "u4", (2,)),  # TCP: sequence number of the SYN, else the first that was seen or acknowledged
        ("ts_base", "u4", (2,)),  # TSval of the sender's first timestamp; its clock runs from there
        ("label", "u4", (2,)),  # IPv6 flow label before the first packet
        ("id_base", "u2", (2,)),  # IPv4 identification before the first packet
        ("port", "u2", (2,)),  # 0 for ICMP
        ("icmp_id", "u2"),
        ("ttl", "u1", (2,)),  # the sender's usual TTL or hop limit
        ("version", "u1"),  # 4 or 6
        ("protocol", "u1"),
    ],
    align=True,
)
"""One flow; pairs are (client, server)."""

SEGMENT = np.dtype(
    [
        ("time_ns", "i8"),
        ("position", "i8"),  # where the payload begins in the sender's stream
        ("size", "i4"),
        ("seq", "u4"),
        ("ack", "u4"),
        ("ts_value", "u4"),
        ("ts_echo", "u4"),
        ("label", "u4"),
        ("sack", "u4", (4, 2)),
        ("icmp_rest", "u4"),
        ("flags", "u2"),
        ("window", "u2"),
        ("urgent", "u2"),
        ("mss", "u2"),
        ("layout", "u2"),
        ("id", "u2"),
        ("direction", "u1"),
        ("tos", "u1"),
        ("wscale", "u1"),
        ("ttl", "u1"),
        ("dont_fragment", "u1"),
        ("no_checksum", "u1"),
        ("icmp_type", "u1"),
        ("icmp_code", "u1"),
        ("dropped", "u1"),  # the packet cannot be: it is left out
    ],
    align=True,
)
"""One packet with its numbers as they go on the wire; checksums and lengths follow from the rest."""

SAME = ("size", "flags", "window", "urgent", "mss", "layout", "direction", "tos", "wscale", "dont_fragment") + (
    "no_checksum",
    "icmp_type",
    "icmp_code",
)
"""The fields that a row and a segment have in common."""


@dataclass(frozen=True)
class FlowRows:
    """Flows as rows.

    Attributes:
        flows: (F,) of FLOW.
        rows: (P,) of ROW, flow after flow.
        counts: packets of each flow, (F,) int64.
        layouts: option bytes with the values that rows carry set to 0; CANONICAL comes first.
        labels: of each flow; may be empty text.
    """

    flows: NDArray[np.void]
    rows: NDArray[np.void]
    counts: NDArray[np.int64]
    layouts: tuple[bytes, ...]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.flows)

    @property
    def first(self) -> NDArray[np.int64]:
        """Place of each flow's first row, (F,)."""
        return np.cumsum(self.counts) - self.counts

    @property
    def owner(self) -> NDArray[np.int64]:
        """The flow of each row, (P,)."""
        return np.repeat(np.arange(len(self)), self.counts)

    def select(self, chosen: NDArray[np.bool_]) -> FlowRows:
        """The flows marked in `chosen` (F,)."""
        labels = tuple(label for label, here in zip(self.labels, chosen.tolist(), strict=True) if here)
        return FlowRows(self.flows[chosen], self.rows[chosen[self.owner]], self.counts[chosen], self.layouts, labels)


def concatenate(parts: Sequence[FlowRows]) -> FlowRows:
    """The flows of all parts, with one table of layouts."""
    table = {layout: place for place, layout in enumerate(CANONICAL)}
    moved = []
    for part in parts:
        places = np.array([table.setdefault(layout, len(table)) for layout in part.layouts], np.uint16)
        rows = part.rows.copy()
        rows["layout"] = places[rows["layout"]]
        moved.append(rows)
    return FlowRows(
        np.concatenate([part.flows for part in parts]),
        np.concatenate(moved),
        np.concatenate([part.counts for part in parts]),
        tuple(table),
        tuple(label for part in parts for label in part.labels),
    )
