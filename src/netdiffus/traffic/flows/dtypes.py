"""What is remembered of flows and of their first packets while a capture is read, as rows of fixed size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes

A, B = 0, 1
"""The two ends of a flow: A has the smaller address, then port."""

BY_PACKET, BY_ANSWER, BY_SYN = 0, 1, 2
"""How the client is known: it sent the first packet, it was answered by SYN with ACK, it sent SYN."""

FLOW = np.dtype(
    [
        ("a_high", "u8"),  # addresses as big-endian numbers of 128 bits
        ("a_low", "u8"),
        ("b_high", "u8"),
        ("b_low", "u8"),
        ("start_ns", "i8"),
        ("last_ns", "i8"),  # the latest time so far
        ("n_packets", "i8"),
        ("kept", "i4"),
        ("told", "i4"),  # kept packets whose first payload bytes are kept too
        ("a_isn", "u4"),  # initial sequence numbers
        ("b_isn", "u4"),
        ("a_port", "u2"),
        ("b_port", "u2"),
        ("version", "u1"),
        ("protocol", "u1"),
        ("client", "u1"),  # A or B
        ("client_by", "u1"),  # BY_PACKET, BY_ANSWER or BY_SYN
        ("isn_known", "u1"),  # bits 1 (a) and 2 (b)
        ("finished", "u1"),  # the same bits: who has sent FIN
        ("reset", "u1"),
        ("before_ns", "i8"),  # time of the packet before
    ],
    align=True,
)

KEPT = np.dtype(
    [
        ("flow", "i8"),
        ("time_ns", "i8"),
        ("gap_ns", "i8"),
        ("index", "i4"),
        ("payload_bytes", "i4"),
        ("network_bytes", "i4"),
        ("transport_bytes", "i4"),
        ("told_bytes", "i4"),  # of payload, kept behind the headers
        ("side", "u1"),
    ],
    align=True,
)
"""One of the first packets of a flow; its headers follow those of the one before it in the same array of bytes."""

FRAGMENTED = np.dtype(
    [
        ("source_high", "u8"),
        ("source_low", "u8"),
        ("destination_high", "u8"),
        ("destination_low", "u8"),
        ("time_ns", "i8"),
        ("flow", "i8"),
        ("id", "u4"),
        ("protocol", "u1"),
        ("version", "u1"),  # 0: empty place
        ("side", "u1"),  # of the sender
    ],
    align=True,
)
"""Where the later fragments of a packet belong; a place is overwritten by whichever packet comes there next."""


class Kept(NamedTuple):
    """First packets of flows, in file order: (N,) of KEPT, and their headers and first payload one after the other."""

    packets: NDArray[np.void]
    headers: Bytes
