"""Header fields of packets, as columns: link layer (links.py), IPv4 (RFC 791), IPv6 (RFC 8200), TCP, UDP, ICMP, SCTP.

Sizes come from the headers, not from what was captured, so captures of headers alone give the same columns as whole
ones. Every read is inside the packet's captured bytes; a packet that cannot be read gets a status that says why.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.headers.addresses import V4_MAPPED
from netdiffus.wire.headers.fields import (
    BAD_PLACE,
    EXTENSION_CUT,
    FIELDS,
    FIRST,
    ICMP,
    ICMPV6,
    LATER,
    NETWORK_CUT,
    NETWORK_LONG,
    NETWORK_SHORT,
    OFFLOADED,
    OK,
    PAST_WIRE,
    SCTP,
    TCP,
    TOTAL_SHORT,
    TRANSPORT_CUT,
    TRANSPORT_LONG,
    TRANSPORT_SHORT,
    UDP,
)
from netdiffus.wire.headers.link_headers import through_links
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.bytes import u16, u32, u64_at
from netdiffus.wire.kernels.compiled import compiled, i64, u64

HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, NO_NEXT, OPTIONS = 0, 43, 44, 51, 59, 60


@compiled
def _ipv4(data: Bytes, pos: int, room: int, on_wire: int, row: Any) -> tuple[int, int, int, int]:
    """The IPv4 header into the row; returns (status, header bytes, total bytes, protocol)."""
    if room < 20:
        return NETWORK_CUT if on_wire >= 20 else NETWORK_LONG, 0, 0, 0
    head = i64(data[pos] & 15) * 4
    if head < 20:
        return NETWORK_SHORT, 0, 0, 0
    if room < head:
        return NETWORK_CUT if on_wire >= head else NETWORK_LONG, 0, 0, 0
    total = u16(data, pos + 2)
    if total == 0:
        total = on_wire
        row.notes |= OFFLOADED
    if total < head:
        return TOTAL_SHORT, 0, 0, 0
    place = u16(data, pos + 6)
    if place & 0x3FFF:
        row.fragment = LATER if place & 0x1FFF else FIRST
        row.fragment_id = u16(data, pos + 4)
    row.source_low = u64(V4_MAPPED | u32(data, pos + 12))
    row.destination_low = u64(V4_MAPPED | u32(data, pos + 16))
    return OK, head, total, i64(data[pos + 9])


@compiled
def _ipv6(data: Bytes, pos: int, room: int, on_wire: int, row: Any) -> tuple[int, int, int, int]:
    """The fixed IPv6 header into the row; returns (status, header bytes, total bytes, next header)."""
    if room < 40:
        return NETWORK_CUT if on_wire >= 40 else NETWORK_LONG, 0, 0, 0
    following = i64(data[pos + 6])
    total = 40 + u16(data, pos + 4)
    if total == 40 and following != NO_NEXT:  # a jumbogram (RFC 2675), or segmentation offload
        total = on_wire
        row.notes |= OFFLOADED
    row.source_high = u64_at(data, pos + 8)
    row.source_low = u64_at(data, pos + 16)
    row.destination_high = u64_at(data, pos + 24)
    row.destination_low = u64_at(data, pos + 32)
    return OK, i64(40), total, following


@compiled
def _extensions(
    data: Bytes, pos: int, room: int, head: int, total: int, protocol: int, row: Any
) -> tuple[int, int, int]:
    """Through extension headers (RFC 8200 section 4); IPv4 has the authentication header as well.

    Returns (status, bytes of all network headers, protocol).
    """
    while row.fragment != LATER and (
        protocol == AUTHENTICATION or (row.version == 6 and protocol in (HOP_BY_HOP, ROUTING, FRAGMENT, OPTIONS))
    ):
        size = i64(8)
        if room >= head + 8:
            if protocol == FRAGMENT:
                place = u16(data, pos + head + 2)
                if place & 0xFFF9:
                    row.fragment = LATER if place & 0xFFF8 else FIRST
                    row.fragment_id = u32(data, pos + head + 4)
            elif protocol == AUTHENTICATION:
                size = (i64(data[pos + head + 1]) + 2) * 4
            else:
                size = (i64(data[pos + head + 1]) + 1) * 8
        if room < head + size:
            return EXTENSION_CUT if total >= head + size else NETWORK_LONG, 0, 0
        protocol = i64(data[pos + head])
        head += size
    return OK if total >= head else NETWORK_LONG, head, protocol


@compiled
def _transport(data: Bytes, pos: int, room: int, inside: int, protocol: int, row: Any) -> tuple[int, int, int]:
    """The transport header into the row; `inside` counts it and its payload.

    Returns (status, bytes of the header, bytes of header and payload).
    """
    if protocol in (ICMP, ICMPV6):
        return OK, min(i64(8), inside), inside
    if protocol not in (TCP, UDP, SCTP):
        return OK, i64(0), inside
    need = i64(14 if protocol == TCP else 8 if protocol == UDP else 12)  # TCP: as far as the flags
    if inside < need:
        return TRANSPORT_LONG, 0, 0
    if room < need:
        return TRANSPORT_CUT, 0, 0
    size = need
    if protocol == TCP:
        size = i64(data[pos + 12] >> 4) * 4
        if size < 20:
            return TRANSPORT_SHORT, 0, 0
        if size > inside:
            return TRANSPORT_LONG, 0, 0
        row.seq = u32(data, pos + 4)
        row.ack = u32(data, pos + 8)
        row.flags = data[pos + 13]
    elif protocol == UDP and 8 <= u16(data, pos + 4) < inside:
        inside = u16(data, pos + 4)
    row.source_port = u16(data, pos)
    row.destination_port = u16(data, pos + 2)
    return OK, size, inside


@compiled
def _packet(data: Bytes, begin: int, end: int, length: int, link: int, row: Any) -> int:
    """All headers of one packet into its row; returns the status."""
    if begin < 0 or end < begin or end > data.size:
        return BAD_PLACE
    status, row.detail, pos = through_links(data, begin, end, link)
    row.network = pos
    if status != OK:
        return status
    room = end - pos
    on_wire = max(length, end - begin) - (pos - begin)
    row.version = data[pos] >> 4
    if row.version == 4:
        status, head, total, protocol = _ipv4(data, pos, room, on_wire, row)
    else:
        status, head, total, protocol = _ipv6(data, pos, room, on_wire, row)
    if status != OK:
        return status
    if total > on_wire:
        row.notes |= PAST_WIRE
    status, head, protocol = _extensions(data, pos, room, head, total, protocol, row)
    if status != OK:
        return status
    row.protocol = protocol
    size, inside = i64(0), total - head
    if row.fragment != LATER:
        status, size, inside = _transport(data, pos + head, room - head, inside, protocol, row)
    row.network_bytes = head
    row.transport_bytes = min(size, room - head)
    row.payload_bytes = min(inside - size, 0x7FFFFFFF)
    return status


@compiled
def _dissect(
    data: Bytes,
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    length: NDArray[np.int32],
    link: NDArray[np.int32],
    out: NDArray[np.void],
) -> None:
    for i in range(offset.size):
        out[i].status = _packet(data, offset[i], offset[i] + captured[i], i64(length[i]), link[i], out[i])


def dissect(block: PacketBlock) -> NDArray[np.void]:
    """The header fields of a block's packets, as a structured array (N,) of FIELDS."""
    out = np.zeros(len(block), FIELDS)
    _dissect(block.data, block.offset, block.captured, block.length, block.link, out)
    return out
