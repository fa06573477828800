"""Packets inside packets: IP in IP (RFC 2003, 2473, 4213), GRE (RFC 2784, 2890), VXLAN (RFC 7348), Geneve (RFC 8926),
GTP-U (3GPP TS 29.281).

A tunnel's packet is looked into where it is whole: a fragment would first have to be put together. What cannot be
looked into stays what it is outside, and is counted.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.headers import links
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.fields import OK, UDP, WHOLE, faults
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.kernels.compiled import compiled, i64

IP_IN_IP, IPV6_IN_IP, GRE = 4, 41, 47
VXLAN_PORT, VXLAN_LINUX_PORT, GENEVE_PORT, GTPU_PORT = 4789, 8472, 6081, 2152
GTPU_PACKET = 255  # the message type of a user's packet (TS 29.281 section 6.1)
IPV4_TYPE, IPV6_TYPE, ETHERNET_TYPE = 0x0800, 0x86DD, 0x6558
ERSPAN_TYPES = (0x88BE, 0x22EB)
DEEPEST = 16
"""Tunnels in tunnels that are followed; real networks nest two or three."""

NO_TUNNEL, ENTERED = 0, 1
FRAGMENTED, HEADER_CUT, HEADER_LONG, PPTP, ERSPAN, ROUTED, GRE_VERSION, GRE_OTHER = range(2, 10)
NO_NETWORK, GENEVE_VERSION, GENEVE_OTHER, GTPU_VERSION, GTPU_MESSAGE, GTPU_EXTENSION, GTPU_OTHER = range(10, 17)
REASONS = {
    FRAGMENTED: "tunnel packet is a fragment",
    HEADER_CUT: "captured part ends inside the tunnel header",
    HEADER_LONG: "tunnel header runs past the packet",
    PPTP: "GRE version 1 (PPTP)",
    ERSPAN: "GRE around ERSPAN",
    ROUTED: "GRE with source routes (RFC 1701)",
    GRE_VERSION: "GRE of an unknown version",
    GRE_OTHER: "GRE around neither IP nor Ethernet",
    NO_NETWORK: "VXLAN without a network identifier",
    GENEVE_VERSION: "Geneve of an unknown version",
    GENEVE_OTHER: "Geneve around neither IP nor Ethernet",
    GTPU_VERSION: "GTP of another version than GTP-U's",
    GTPU_MESSAGE: "GTP-U message of its own (echo, error, end marker)",
    GTPU_EXTENSION: "GTP-U extension header of no length",
    GTPU_OTHER: "GTP-U around something else than IP",
}
KEPT = "not looked into, outer flow kept"


@compiled
def _u16(data: Bytes, pos: int) -> int:
    return i64(data[pos]) << 8 | i64(data[pos + 1])


@compiled
def _link_of(kind: int) -> int:
    """The link type under which a packet announced by an EtherType is dissected, or -1."""
    if kind == IPV4_TYPE:
        return links.IPV4
    if kind == IPV6_TYPE:
        return links.IPV6
    if kind == ETHERNET_TYPE:
        return links.ETHERNET
    return -1


@compiled
def _gre(data: Bytes, pos: int, room: int, inside: int) -> tuple[int, int, int]:
    """A GRE header; returns (ENTERED or a reason, its bytes, link type of what follows)."""
    if inside < 4 or room < 4:
        return HEADER_LONG if inside < 4 else HEADER_CUT, 0, 0
    flags, kind = _u16(data, pos), _u16(data, pos + 2)
    if flags & 7:
        return PPTP if flags & 7 == 1 else GRE_VERSION, 0, 0
    if flags & 0x4000:
        return ROUTED, 0, 0
    if kind in ERSPAN_TYPES:
        return ERSPAN, 0, 0
    link = _link_of(kind)
    size = i64(4)
    for bit in (0x8000, 0x2000, 0x1000):  # checksum, key, sequence number
        if flags & bit:
            size += 4
    return ENTERED if link >= 0 else GRE_OTHER, size, link


@compiled
def _vxlan(data: Bytes, pos: int, room: int, inside: int) -> tuple[int, int, int]:
    """A VXLAN header; returns what _gre does."""
    if inside < 8 or room < 8:
        return HEADER_LONG if inside < 8 else HEADER_CUT, 0, 0
    return ENTERED if data[pos] & 8 else NO_NETWORK, 8, links.ETHERNET


@compiled
def _geneve(data: Bytes, pos: int, room: int, inside: int) -> tuple[int, int, int]:
    """A Geneve header with its options; returns what _gre does."""
    if inside < 8 or room < 8:
        return HEADER_LONG if inside < 8 else HEADER_CUT, 0, 0
    if data[pos] >> 6:
        return GENEVE_VERSION, 0, 0
    link = _link_of(_u16(data, pos + 2))
    return ENTERED if link >= 0 else GENEVE_OTHER, 8 + i64(data[pos] & 63) * 4, link


@compiled
def _gtpu(data: Bytes, pos: int, room: int, inside: int) -> tuple[int, int, int]:
    """A GTP-U header with its extension headers (TS 29.281 section 5); returns what _gre does."""
    if inside < 8 or room < 8:
        return HEADER_LONG if inside < 8 else HEADER_CUT, 0, 0
    flags, size, following = i64(data[pos]), i64(8), i64(0)
    if flags >> 4 != 3:  # version 1, and GTP rather than GTP'
        return GTPU_VERSION, 0, 0
    if data[pos + 1] != GTPU_PACKET:
        return GTPU_MESSAGE, 0, 0
    if flags & 7:  # sequence number, N-PDU number and type of the next extension header: all three, if any counts
        if inside < 12 or room < 12:
            return HEADER_LONG if inside < 12 else HEADER_CUT, 0, 0
        size = i64(12)
        following = i64(data[pos + 11]) if flags & 4 else i64(0)
    while following:  # each takes at least 4 bytes
        if inside <= size or room <= size:
            return HEADER_LONG if inside <= size else HEADER_CUT, 0, 0
        more = i64(data[pos + size]) * 4
        if more == 0:
            return GTPU_EXTENSION, 0, 0
        size += more
        if inside < size or room < size:
            return HEADER_LONG if inside < size else HEADER_CUT, 0, 0
        following = i64(data[pos + size - 1])
    if inside <= size or room <= size:
        return HEADER_LONG if inside <= size else HEADER_CUT, 0, 0
    version = data[pos + size] >> 4
    if version != 4 and version != 6:
        return GTPU_OTHER, 0, 0
    return ENTERED, size, links.IPV4 if version == 4 else links.IPV6


@compiled
def _enter(
    data: Bytes,
    ends: NDArray[np.int64],
    fields: NDArray[np.void],
    offset: NDArray[np.int64],
    captured: NDArray[np.int32],
    length: NDArray[np.int32],
    link: NDArray[np.int32],
    verdict: NDArray[np.uint8],
) -> None:
    """For each packet NO_TUNNEL, ENTERED or a reason; where ENTERED also the place, sizes and link type inside."""
    for i in range(fields.size):
        p = fields[i]
        verdict[i] = NO_TUNNEL
        if p.status != OK:
            continue
        is_ip = p.protocol in (IP_IN_IP, IPV6_IN_IP)
        port = i64(p.destination_port) if p.protocol == UDP else i64(0)
        is_vxlan = port in (VXLAN_PORT, VXLAN_LINUX_PORT)
        if not (is_ip or p.protocol == GRE or is_vxlan or port in (GENEVE_PORT, GTPU_PORT)):
            continue
        if p.fragment != WHOLE:
            verdict[i] = FRAGMENTED
            continue
        pos = p.network + i64(p.network_bytes) + (i64(8) if p.protocol == UDP else i64(0))
        room, inside = max(ends[i] - pos, 0), i64(p.payload_bytes)
        if is_ip:
            why, size, kind = ENTERED, i64(0), i64(links.IPV4 if p.protocol == IP_IN_IP else links.IPV6)
        elif p.protocol == GRE:
            why, size, kind = _gre(data, pos, room, inside)
        elif is_vxlan:
            why, size, kind = _vxlan(data, pos, room, inside)
        elif port == GTPU_PORT:
            why, size, kind = _gtpu(data, pos, room, inside)
        else:
            why, size, kind = _geneve(data, pos, room, inside)
        if why == ENTERED and size > inside:
            why = HEADER_LONG
        elif why == ENTERED and size > room:
            why = HEADER_CUT
        verdict[i] = why
        if why == ENTERED:
            offset[i], link[i], length[i] = pos + size, kind, inside - size
            captured[i] = min(room - size, inside - size)


def look_inside(block: PacketBlock, fields: NDArray[np.void]) -> tuple[NDArray[np.void], Counter[str]]:
    """The header fields of the innermost packets, and why some tunnels were not looked into, with counts.

    Args:
        block: packets.
        fields: what dissect() says about them, (N,) of FIELDS. Packets that are no tunnel's keep theirs.
    """
    found: Counter[str] = Counter()
    rows = np.arange(len(block))
    outer, inner = fields, fields.copy()
    for depth in range(DEEPEST + 1):
        n = len(block)
        offset, verdict = np.zeros(n, np.int64), np.zeros(n, np.uint8)
        captured, length, link = (np.zeros(n, np.int32) for _ in range(3))
        _enter(block.data, block.offset + block.captured, outer, offset, captured, length, link, verdict)
        for why, words in REASONS.items():
            if count := int(np.count_nonzero(verdict == why)):
                found[f"{words}, {KEPT}"] += count
        entered = np.flatnonzero(verdict == ENTERED)
        if not len(entered):
            break
        if depth == DEEPEST:
            found[f"tunnel lies in {DEEPEST} others, {KEPT}"] += len(entered)
            break
        block = _chosen(PacketBlock(block.data, offset, captured, length, block.time_ns, link), entered)
        outer = dissect(block)
        good = np.flatnonzero(outer["status"] == OK)
        for words, count in faults(outer[outer["status"] != OK]).items():
            found[f"inside a tunnel, {words}: {KEPT}"] += count
        rows, block, outer = rows[entered[good]], _chosen(block, good), outer[good]
        inner[rows] = outer
    return inner, found


def _chosen(block: PacketBlock, rows: NDArray[np.intp]) -> PacketBlock:
    """Some packets of a block."""
    return PacketBlock(
        block.data, block.offset[rows], block.captured[rows], block.length[rows], block.time_ns[rows], block.link[rows]
    )
