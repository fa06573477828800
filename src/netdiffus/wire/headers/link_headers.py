"""Link-layer headers: from the first byte of a packet to its IP header (links.py has the types, with their sources)."""

from __future__ import annotations

from netdiffus.arrays import Bytes
from netdiffus.wire.headers import links
from netdiffus.wire.headers.fields import (
    FAMILY_OTHER,
    LINK_CUT,
    LINK_NOT_DECODED,
    LLC,
    MPLS_OTHER,
    NETWORK_CUT,
    NO_VERSION,
    NOT_IP,
    OK,
    PPP_OTHER,
)
from netdiffus.wire.kernels.bytes import u16, u32
from netdiffus.wire.kernels.compiled import compiled, i64

IPV4_TYPE, IPV6_TYPE, PPPOE_TYPE = 0x0800, 0x86DD, 0x8864
ANY_IP, PPP_TYPE, CUT, NOT_DECODED, FAMILY = -1, -2, -3, -4, -5
"""What follows a link header where no EtherType says it."""


@compiled
def _link_header(data: Bytes, pos: int, end: int, link: int) -> tuple[int, int]:
    """Bytes of the first header, and what follows it: an EtherType or one of the negative names above."""
    room = end - pos
    if link == links.ETHERNET:
        return (14, u16(data, pos + 12)) if room >= 14 else (0, CUT)
    if link == links.LINUX_SLL:
        return (16, u16(data, pos + 14)) if room >= 16 else (0, CUT)
    if link == links.LINUX_SLL2:
        return (20, u16(data, pos)) if room >= 20 else (0, CUT)
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
        if u16(data, pos + 1) != 0 or (data[pos] != 0 and data[pos + 3] != 0):
            return 4, FAMILY
        known = family in (2, 10, 23, 24, 28, 30)
        return 4, ANY_IP if known else FAMILY
    if link in (links.PPP, links.PPP_SERIAL):
        return 0, PPP_TYPE
    if link == links.PPP_ETHER:
        return 0, PPPOE_TYPE
    if link == links.C_HDLC:
        return (4, u16(data, pos + 2)) if room >= 4 else (0, CUT)
    return 0, NOT_DECODED


@compiled
def through_links(data: Bytes, pos: int, end: int, link: int) -> tuple[int, int, int]:
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
            kind = u16(data, pos + 2)
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
                protocol = u16(data, pos)
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
            if room < 8 or data[pos] != 0xAA or data[pos + 1] != 0xAA or u32(data, pos + 2) != 0x0300_0000:
                return NOT_IP, LLC, pos
            kind = u16(data, pos + 6)
            pos += 8
        else:
            return NOT_IP, kind, pos
    return LINK_CUT, 0, pos
