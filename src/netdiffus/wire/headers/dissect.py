"""Header fields of packets, as columns: link layer (links.py), IPv4 (RFC 791), IPv6 (RFC 8200), TCP, UDP, ICMP, SCTP.

Sizes come from the headers, not from what was captured, so captures of headers alone give the same columns as whole
ones. Every read is inside the packet's captured bytes; a packet that cannot be read gets a status that says why.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.headers import links
from netdiffus.wire.headers.fields import (
    BAD_PLACE,
    EXTENSION_CUT,
    FAMILY_OTHER,
    FIELDS,
    FIRST,
    ICMP,
    ICMPV6,
    LATER,
    LINK_CUT,
    LINK_NOT_DECODED,
    LLC,
    MPLS_OTHER,
    NETWORK_CUT,
    NETWORK_LONG,
    NETWORK_SHORT,
    NO_VERSION,
    NOT_IP,
    OFFLOADED,
    OK,
    PAST_WIRE,
    PPP_OTHER,
    SCTP,
    TCP,
    TOTAL_SHORT,
    TRANSPORT_CUT,
    TRANSPORT_LONG,
    TRANSPORT_SHORT,
    UDP,
)
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.compiled import compiled, i64, u64

IPV4_TYPE, IPV6_TYPE, PPPOE_TYPE = 0x0800, 0x86DD, 0x8864
ANY_IP, PPP_TYPE, CUT, NOT_DECODED, FAMILY = -1, -2, -3, -4, -5
"""What follows a link header where no EtherType says it."""

HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, NO_NEXT, OPTIONS = 0, 43, 44, 51, 59, 60
V4_MAPPED = 0xFFFF_0000_0000


@compiled
def _u16(data: Bytes, pos: int) -> int:
    return i64(data[pos]) << 8 | i64(data[pos + 1])


@compiled
def _u32(data: Bytes, pos: int) -> int:
    return _u16(data, pos) << 16 | _u16(data, pos + 2)


@compiled
def _u64(data: Bytes, pos: int) -> int:
    return u64(_u32(data, pos)) << u64(32) | u64(_u32(data, pos + 4))


@compiled
def _link_header(data: Bytes, pos: int, end: int, link: int) -> tuple[int, int]:
    """Bytes of the first header, and what follows it: an EtherType or one of the negative names above."""
    room = end - pos
    if link == links.ETHERNET:
        return (14, _u16(data, pos + 12)) if room >= 14 else (0, CUT)
    if link == links.LINUX_SLL:
        return (16, _u16(data, pos + 14)) if room >= 16 else (0, CUT)
    if link == links.LINUX_SLL2:
        return (20, _u16(data, pos)) if room >= 20 else (0, CUT)
    if link in (links.RAW, links.RAW_BSD, links.RAW_OPENBSD):
        return 0, ANY_IP
    if link == links.IPV4:
        return 0, IPV4_TYPE
    if link == links.IPV6:
        return 0, IPV6_TYPE
    if link in (links.NULL, links.LOOP):
        if room < 4:
            return 0, CUT
        # The family is in the byte order of the machine that captured; IPv4 is 2 everywhere, IPv6 has five numbers.
        family = i64(data[pos]) | i64(data[pos + 3])
        if _u16(data, pos + 1) != 0 or (data[pos] != 0 and data[pos + 3] != 0):
            return 4, FAMILY
        known = family in (2, 10, 23, 24, 28, 30)
        return 4, ANY_IP if known else FAMILY
    if link in (links.PPP, links.PPP_SERIAL):
        return 0, PPP_TYPE
    if link == links.PPP_ETHER:
        return 0, PPPOE_TYPE
    if link == links.C_HDLC:
        return (4, _u16(data, pos + 2)) if room >= 4 else (0, CUT)
    return 0, NOT_DECODED


@compiled
def _network(data: Bytes, pos: int, end: int, link: int) -> tuple[int, int, int]:
    """Through the link layer's headers; returns (status, detail, first byte of the IP header)."""
    head, kind = _link_header(data, pos, end, link)
    if kind == NOT_DECODED:
        return LINK_NOT_DECODED, min(link, 0xFFFF), pos
    pos += head
    if kind == CUT:
        return LINK_CUT, 0, pos
    if kind == FAMILY:
        return NOT_IP, FAMILY_OTHER, pos
    while pos <= end:  # each turn takes at least one byte
        room = end - pos
        if kind in (IPV4_TYPE, IPV6_TYPE, ANY_IP):
            if room < 1:
                return NETWORK_CUT, 0, pos
            version = data[pos] >> 4
            right = (version == 4 and kind != IPV6_TYPE) or (version == 6 and kind != IPV4_TYPE)
            return OK if right else NO_VERSION, 0, pos
        if kind in (0x8100, 0x88A8, 0x9100, 0x9200):  # VLAN tags
            if room < 4:
                break
            kind = _u16(data, pos + 2)
            pos += 4
        elif kind in (0x8847, 0x8848):  # MPLS labels, down to the bottom of their stack
            if room < 4:
                break
            bottom = data[pos + 2] & 1
            pos += 4
            if bottom:
                if pos == end:
                    break
                version = data[pos] >> 4
                if version != 4 and version != 6:
                    return NOT_IP, MPLS_OTHER, pos
                kind = ANY_IP
        elif kind == PPPOE_TYPE:
            if room < 6:
                break
            pos += 6
            kind = PPP_TYPE
        elif kind == PPP_TYPE:
            if room >= 2 and data[pos] == 0xFF and data[pos + 1] == 0x03:  # address and control field
                pos += 2
                room -= 2
            if room < 1 or (room == 1 and data[pos] == 0xFF):
                break
            protocol = i64(data[pos])
            if protocol & 1:  # compressed to one byte
                pos += 1
            elif room < 2:
                break
            else:
                protocol = _u16(data, pos)
                pos += 2
            if protocol == 0x21:
                kind = IPV4_TYPE
            elif protocol == 0x57:
                kind = IPV6_TYPE
            elif protocol == 0x281:
                kind = 0x8847
            else:
                return NOT_IP, PPP_OTHER, pos
        elif kind < 1536:  # a length: 802.2 follows; SNAP holds an EtherType
            if room < 8 or data[pos] != 0xAA or data[pos + 1] != 0xAA or _u32(data, pos + 2) != 0x0300_0000:
                return NOT_IP, LLC, pos
            kind = _u16(data, pos + 6)
            pos += 8
        else:
            return NOT_IP, kind, pos
    return LINK_CUT, 0, pos


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
    total = _u16(data, pos + 2)
    if total == 0:
        total = on_wire
        row.notes |= OFFLOADED
    if total < head:
        return TOTAL_SHORT, 0, 0, 0
    place = _u16(data, pos + 6)
    if place & 0x3FFF:
        row.fragment = LATER if place & 0x1FFF else FIRST
        row.fragment_id = _u16(data, pos + 4)
    row.source_low = u64(V4_MAPPED | _u32(data, pos + 12))
    row.destination_low = u64(V4_MAPPED | _u32(data, pos + 16))
    return OK, head, total, i64(data[pos + 9])


@compiled
def _ipv6(data: Bytes, pos: int, room: int, on_wire: int, row: Any) -> tuple[int, int, int, int]:
    """The fixed IPv6 header into the row; returns (status, header bytes, total bytes, next header)."""
    if room < 40:
        return NETWORK_CUT if on_wire >= 40 else NETWORK_LONG, 0, 0, 0
    following = i64(data[pos + 6])
    total = 40 + _u16(data, pos + 4)
    if total == 40 and following != NO_NEXT:  # a jumbogram (RFC 2675), or segmentation offload
        total = on_wire
        row.notes |= OFFLOADED
    row.source_high = _u64(data, pos + 8)
    row.source_low = _u64(data, pos + 16)
    row.destination_high = _u64(data, pos + 24)
    row.destination_low = _u64(data, pos + 32)
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
                place = _u16(data, pos + head + 2)
                if place & 0xFFF9:
                    row.fragment = LATER if place & 0xFFF8 else FIRST
                    row.fragment_id = _u32(data, pos + head + 4)
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
        row.seq = _u32(data, pos + 4)
        row.ack = _u32(data, pos + 8)
        row.flags = data[pos + 13]
    elif protocol == UDP and 8 <= _u16(data, pos + 4) < inside:
        inside = _u16(data, pos + 4)
    row.source_port = _u16(data, pos)
    row.destination_port = _u16(data, pos + 2)
    return OK, size, inside


@compiled
def _packet(data: Bytes, begin: int, end: int, length: int, link: int, row: Any) -> int:
    """All headers of one packet into its row; returns the status."""
    if begin < 0 or end < begin or end > data.size:
        return BAD_PLACE
    status, row.detail, pos = _network(data, begin, end, link)
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
