"""Header bytes ↔ segments: IPv4 (RFC 791) and IPv6 (RFC 8200) without options, TCP, UDP, ICMP and ICMPv6."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.compiler.icmp import highest_codes
from netdiffus.compiler.specs import FLOW, SEGMENT
from netdiffus.compiler.tcp_options import put_options, take_options
from netdiffus.wire.headers.fields import ICMP, ICMPV6, TCP, UDP
from netdiffus.wire.kernels.compiled import compiled, i64, u64

V4_MAPPED = 0xFFFF_0000_0000

IP_OPTIONS, FRAGMENT, RESERVED, CUT, OTHER_PROTOCOL, OTHER_ICMP = range(1, 7)
REASONS = {
    IP_OPTIONS: "IPv4 options or IPv6 extension headers",
    FRAGMENT: "fragments",
    RESERVED: "the reserved flag of IPv4",
    CUT: "headers that were not captured whole",
    OTHER_PROTOCOL: "another protocol than TCP, UDP and ICMP",
    OTHER_ICMP: "ICMP messages other than echo and errors",
}
"""Why a flow has no rows."""


class Headers(NamedTuple):
    """Headers of packets, one after the other: IP, then transport, as far as it was captured.

    network, transport: bytes of each header, (P,) int64; data: all of them, uint8.
    """

    data: Bytes
    network: NDArray[np.int64]
    transport: NDArray[np.int64]

    @property
    def offset(self) -> NDArray[np.int64]:
        """Where each packet's headers begin, (P,)."""
        both = self.network + self.transport
        return np.asarray(np.cumsum(both) - both)


@compiled
def _u16(data: Bytes, pos: int) -> int:
    return i64(data[pos]) << 8 | i64(data[pos + 1])


@compiled
def _u32(data: Bytes, pos: int) -> int:
    return _u16(data, pos) << 16 | _u16(data, pos + 2)


@compiled
def _put(data: Bytes, pos: int, size: int, value: int) -> None:
    """A number in network byte order."""
    for j in range(size):
        data[pos + j] = (value >> (8 * (size - 1 - j))) & 0xFF


@compiled
def _address(data: Bytes, pos: int, version: int, out: NDArray[np.uint64]) -> None:
    """The address at pos, as two numbers of 64 bits."""
    if version == 4:
        out[0], out[1] = u64(0), u64(V4_MAPPED | _u32(data, pos))
    else:
        for half in range(2):
            high, low = u64(_u32(data, pos + 8 * half)), u64(_u32(data, pos + 8 * half + 4))
            out[half] = (high << u64(32)) | low


@compiled
def _parse(
    data: Bytes,
    offset: NDArray[np.int64],
    network: NDArray[np.int64],
    transport: NDArray[np.int64],
    owner: NDArray[np.int64],
    protocol: NDArray[np.uint8],
    highest: NDArray[np.int16],
    flows: NDArray[np.void],
    segments: NDArray[np.void],
    options: NDArray[np.int64],
    reason: NDArray[np.uint8],
) -> None:
    for i in range(offset.size):
        g, p, pos, room = flows[owner[i]], segments[i], offset[i], transport[i]
        version = i64(data[pos] >> 4) if network[i] else i64(0)
        g.protocol = protocol[owner[i]]
        if version == 4 and network[i] == 20:
            place = _u16(data, pos + 6)
            if place & 0x3FFF:
                reason[i] = FRAGMENT
            elif place & 0x8000:
                reason[i] = RESERVED
            p.tos, p.id, p.dont_fragment, p.ttl = data[pos + 1], _u16(data, pos + 4), place >> 14 & 1, data[pos + 8]
        elif version == 6 and network[i] == 40:
            word = _u32(data, pos)
            p.tos, p.label, p.ttl = word >> 20 & 0xFF, word & 0xF_FFFF, data[pos + 7]
        else:
            reason[i] = IP_OPTIONS
            continue
        s, at = i64(p.direction), pos + network[i]
        g.version = version
        for end in range(2):  # source, then destination
            width = 4 if version == 4 else 16
            _address(data, at - width * (2 - end), version, g.address[s ^ end])
        if g.protocol == TCP:
            if room < 20 or room < i64(data[at + 12] >> 4) * 4:
                reason[i] = CUT
                continue
            p.seq, p.ack, p.flags = _u32(data, at + 4), _u32(data, at + 8), _u16(data, at + 12) & 0xFFF
            p.window, p.urgent = _u16(data, at + 14), _u16(data, at + 18)
            options[i] = room - 20
        elif g.protocol == UDP:
            if room < 8:
                reason[i] = CUT
                continue
            p.no_checksum = _u16(data, at + 6) == 0
        elif g.protocol == ICMP or g.protocol == ICMPV6:
            if room < 8:
                reason[i] = CUT
                continue
            p.icmp_type, p.icmp_code, p.icmp_rest = data[at], data[at + 1], _u32(data, at + 4)
            if highest[version, p.icmp_type] < 0:
                reason[i] = OTHER_ICMP
            continue
        else:
            reason[i] = OTHER_PROTOCOL
            continue
        g.port[s], g.port[1 - s] = _u16(data, at), _u16(data, at + 2)


def parse_headers(
    headers: Headers,
    owner: NDArray[np.int64],
    protocol: NDArray[np.uint8],
    time_ns: NDArray[np.int64],
    direction: NDArray[np.uint8],
    size: NDArray[np.int32],
) -> tuple[NDArray[np.void], NDArray[np.void], tuple[bytes, ...], NDArray[np.uint8]]:
    """Packets with headers as flows and segments.

    Args:
        headers: of P packets.
        owner: the flow of each packet, (P,).
        protocol: IP protocol number of each of the F flows, (F,).
        time_ns, direction, size: of each packet; size counts the bytes behind the transport header.

    Returns:
        (F,) of FLOW with addresses, ports, version and protocol; (P,) of SEGMENT; the layouts of TCP options; and why
        a packet has none of it, (P,): 0 or one of REASONS.
    """
    flows, segments = np.zeros(len(protocol), FLOW), np.zeros(len(owner), SEGMENT)
    segments["time_ns"], segments["direction"], segments["size"] = time_ns, direction, size
    options, reason = np.zeros(len(owner), np.int64), np.zeros(len(owner), np.uint8)
    at = headers.offset
    _parse(headers.data, at, *headers[1:], owner, protocol, highest_codes(), flows, segments, options, reason)
    layouts = take_options(headers.data, at + headers.network + 20, options, segments)
    return flows, segments, layouts, reason


@compiled
def _sum(data: Bytes, pos: int, size: int) -> int:
    """The Internet checksum of an even number of bytes (RFC 1071)."""
    total = 0
    for j in range(pos, pos + size, 2):
        total += _u16(data, j)
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


@compiled
def _write(
    data: Bytes,
    offset: NDArray[np.int64],
    network: NDArray[np.int64],
    transport: NDArray[np.int64],
    owner: NDArray[np.int64],
    flows: NDArray[np.void],
    segments: NDArray[np.void],
) -> None:
    for i in range(offset.size):
        g, p, pos = flows[owner[i]], segments[i], offset[i]
        s, at = i64(p.direction), offset[i] + network[i]
        inside = transport[i] + i64(p.size)
        if g.version == 4:
            total = inside + 20 if inside + 20 <= 0xFFFF else i64(0)
            _put(data, pos, 4, 0x4500_0000 | i64(p.tos) << 16 | total)
            _put(data, pos + 4, 4, i64(p.id) << 16 | i64(p.dont_fragment) << 14)
            _put(data, pos + 8, 4, i64(p.ttl) << 24 | i64(g.protocol) << 16)
            _put(data, pos + 12, 4, i64(g.address[s, 1] & u64(0xFFFF_FFFF)))
            _put(data, pos + 16, 4, i64(g.address[1 - s, 1] & u64(0xFFFF_FFFF)))
            _put(data, pos + 10, 2, _sum(data, pos, 20))
        else:
            _put(data, pos, 4, 0x6000_0000 | i64(p.tos) << 20 | i64(p.label))
            _put(data, pos + 4, 4, (inside if inside <= 0xFFFF else 0) << 16 | i64(g.protocol) << 8 | i64(p.ttl))
            for end in range(2):
                for half in range(2):
                    number = g.address[s ^ end, half]
                    _put(data, pos + 8 + 16 * end + 8 * half, 4, i64(number >> u64(32)))
                    _put(data, pos + 12 + 16 * end + 8 * half, 4, i64(number & u64(0xFFFF_FFFF)))
        if g.protocol == TCP or g.protocol == UDP:
            _put(data, at, 4, i64(g.port[s]) << 16 | i64(g.port[1 - s]))
        if g.protocol == TCP:
            _put(data, at + 4, 4, i64(p.seq))
            _put(data, at + 8, 4, i64(p.ack))
            _put(data, at + 12, 4, (transport[i] // 4) << 28 | i64(p.flags) << 16 | i64(p.window))
            _put(data, at + 16, 4, i64(p.urgent))
        elif g.protocol == UDP:
            _put(data, at + 4, 4, (inside if inside <= 0xFFFF else 0) << 16)
        else:
            _put(data, at, 4, i64(p.icmp_type) << 24 | i64(p.icmp_code) << 16)
            _put(data, at + 4, 4, i64(p.icmp_rest))


def write_headers(
    flows: NDArray[np.void], segments: NDArray[np.void], owner: NDArray[np.int64], layouts: tuple[bytes, ...]
) -> Headers:
    """The headers of segments, with the IPv4 header checksum and without that of the transport (payload.py)."""
    protocol = flows["protocol"][owner]
    lengths = np.array([len(layout) for layout in layouts], np.int64)
    network = np.where(flows["version"][owner] == 4, 20, 40).astype(np.int64)
    transport = np.where(protocol == TCP, 20 + lengths[segments["layout"]], 8)
    headers = Headers(np.zeros(int((network + transport).sum()), np.uint8), network, transport)
    at = headers.offset
    _write(headers.data, at, network, transport, owner, flows, segments)
    put_options(headers.data, np.where(protocol == TCP, at + network + 20, -1), segments, layouts)
    return headers
