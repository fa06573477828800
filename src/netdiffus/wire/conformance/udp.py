"""Rules about UDP (RFC 768, RFC 8200 section 8.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.conformance import checksums
from netdiffus.wire.conformance.rules import ERROR, WARNING, Rule
from netdiffus.wire.headers.fields import LATER, OK, TRANSPORT_LONG, UDP, WHOLE
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.compiled import compiled, i64

SHORT, LENGTH_UNDER, LENGTH_OVER, LENGTH_LESS, PORT_ZERO, CHECKSUM, OFFLOAD, NO_CHECKSUM, NO_CHECKSUM_CUT = range(9)
RULES = (
    Rule("udp-short", ERROR, "RFC 768", "the IP payload is shorter than the 8 bytes of the UDP header"),
    Rule("udp-length-under-8", ERROR, "RFC 768", "the UDP length is less than the 8 bytes of its header",
         "the UDP length becomes the size of the IP payload"),
    Rule("udp-length-over", ERROR, "RFC 768", "the UDP length is more than the IP payload",
         "the UDP length becomes the size of the IP payload"),
    Rule("udp-length-less", ERROR, "RFC 768", "the UDP length is less than the IP payload",
         "the UDP length becomes the size of the IP payload"),
    Rule("udp-port-zero", WARNING, "RFC 768, RFC 6335 section 6", "the destination port is 0, which is reserved"),
    Rule("udp-checksum", ERROR, "RFC 768, RFC 8200 section 8.1", "the checksum is wrong", "it is computed"),
    Rule("udp-checksum-offload", WARNING, "RFC 768, RFC 1071",
         "the checksum is the pseudo header's sum alone: probably checksum offload", "it is computed"),
    Rule("udp-no-checksum", ERROR, "RFC 8200 section 8.1, RFC 6936", "no checksum, though over IPv6", "it is computed"),
    Rule("udp-no-checksum-cut", ERROR, "RFC 8200 section 8.1, RFC 6936",
         "no checksum, though over IPv6, and the bytes to compute it from were not all captured"),
)  # fmt: skip


@compiled
def _judge(
    data: Bytes,
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    fields: NDArray[np.void],
    found: NDArray[np.bool_],
) -> None:
    for i in range(offset.size):
        p, f = fields[i], found[i]
        if p.protocol != UDP or p.fragment == LATER:  # a first fragment does not tell its packet's size
            continue
        if p.status == TRANSPORT_LONG:
            f[SHORT] = True
        if p.status != OK or p.fragment != WHOLE:
            continue
        start = p.network + p.network_bytes
        if p.destination_port == 0:
            f[PORT_ZERO] = True
        if start + 8 > offset[i] + captured[i]:
            continue
        size = i64(data[start + 4]) << 8 | i64(data[start + 5])
        inside = _inside(data, p.network, p.network_bytes)
        if inside < 8 or (size == 0 and inside > 65535):  # offload, or a jumbogram (RFC 2675 section 4)
            continue
        if size < 8:
            f[LENGTH_UNDER] = True
        elif size > inside:
            f[LENGTH_OVER] = True
        elif size < inside:
            f[LENGTH_LESS] = True


@compiled
def _inside(data: Bytes, pos: int, head: int) -> int:
    """Bytes of the IP payload as the IP header has it; -1 where its length is 0."""
    if data[pos] >> 4 == 4:
        total = i64(data[pos + 2]) << 8 | i64(data[pos + 3])
        return total - head if total else -1
    size = i64(data[pos + 4]) << 8 | i64(data[pos + 5])
    return 40 + size - head if size else -1


def judge(block: PacketBlock, fields: NDArray[np.void], sums: NDArray[np.void], found: NDArray[np.bool_]) -> None:
    """Mark in `found` (N, len(RULES)) which packets break which rules."""
    _judge(block.data, block.offset, block.captured, fields, found)
    whole = (fields["protocol"] == UDP) & ~found[:, LENGTH_UNDER] & ~found[:, LENGTH_OVER]
    found[:, CHECKSUM] = whole & (sums["transport"] == checksums.WRONG)
    found[:, OFFLOAD] = whole & (sums["transport"] == checksums.PARTIAL)
    absent = (fields["protocol"] == UDP) & (sums["transport"] == checksums.ABSENT)
    absent &= fields["version"] == 6
    found[:, NO_CHECKSUM] = absent & (sums["transport_value"] != 0)
    found[:, NO_CHECKSUM_CUT] = absent & (sums["transport_value"] == 0)
