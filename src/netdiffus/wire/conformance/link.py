"""Rules about packet records and link-layer headers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.conformance.rules import ERROR, NOTE, WARNING, Rule
from netdiffus.wire.headers.fields import LINK_CUT, OK
from netdiffus.wire.headers.links import ETHERNET
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.compiled import compiled, i64

RECORD_LENGTH, HEADER_SHORT, SOURCE_GROUP, ADDRESS_ZERO, ABOVE_MTU, TRAILER = range(6)
RULES = (
    Rule("record-length", ERROR, "draft-ietf-opsawg-pcap section 5", "more bytes captured than were on the wire",
         "the length on the wire becomes the captured length"),
    Rule("link-short", ERROR, "IEEE 802.3 section 3.1.1", "the packet ends inside its link header"),
    Rule("ethernet-source-group", WARNING, "IEEE 802.3 section 3.2.3", "the source is a group (multicast) address",
         "the group bit is cleared"),
    Rule("ethernet-address-zero", NOTE, "IEEE 802.3 section 3.2.3", "a MAC address is zero, and the other is not"),
    Rule("ethernet-above-mtu", NOTE, "IEEE 802.3 section 4.4.2",
         "more than 1,500 bytes in a frame: segmentation offload, or jumbo frames"),
    Rule("ethernet-trailer", NOTE, "RFC 894", "bytes behind the IP packet, in a frame that needs no padding"),
)  # fmt: skip
PADDED_BYTES = 64
"""The smallest Ethernet frame, with its check sequence: a shorter one is padded."""


@compiled
def _judge(
    data: Bytes,
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    length: NDArray[np.int32],
    link: NDArray[np.int32],
    fields: NDArray[np.void],
    found: NDArray[np.bool_],
) -> None:
    for i in range(offset.size):
        p, at = fields[i], offset[i]
        if captured[i] > length[i]:
            found[i, RECORD_LENGTH] = True
        if p.status == LINK_CUT and captured[i] >= length[i]:
            found[i, HEADER_SHORT] = True
        if link[i] != ETHERNET or captured[i] < 14:
            continue
        if data[at + 6] & 1:
            found[i, SOURCE_GROUP] = True
        zeros = i64(0)
        for side in range(2):
            some = 0
            for k in range(6):
                some |= data[at + 6 * side + k]
            zeros += some == 0
        if zeros == 1:
            found[i, ADDRESS_ZERO] = True
        if p.status == OK:
            inside = i64(p.network_bytes) + i64(p.transport_bytes) + i64(p.payload_bytes)
            if inside > 1500:
                found[i, ABOVE_MTU] = True
            if p.network - at + inside < length[i] and length[i] > PADDED_BYTES and p.payload_bytes >= 0:
                found[i, TRAILER] = _ends_before(data, at, captured[i], length[i], p.network)


@compiled
def _ends_before(data: Bytes, at: int, captured: int, length: int, network: int) -> bool:
    """Whether the IP header says that the packet ends before the frame does."""
    if data[network] >> 4 == 4:
        total = i64(data[network + 2]) << 8 | i64(data[network + 3])
    else:
        total = 40 + (i64(data[network + 4]) << 8 | i64(data[network + 5]))
        if total == 40:
            return False
    return 0 < total < length - (network - at)


def judge(block: PacketBlock, fields: NDArray[np.void], found: NDArray[np.bool_]) -> None:
    """Mark in `found` (N, len(RULES)) which packets break which rules."""
    _judge(block.data, block.offset, block.captured, block.length, block.link, fields, found)
