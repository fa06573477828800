"""Where addresses stand inside kept headers, and checksums that follow when they change: the compiled loops.

Addresses stand in the IPv4 header and its route and timestamp options (RFC 791), in the IPv6 header, its routing
headers of type 0, 2 and 4 (RFC 8200, 6275, 8754) and the home address option (RFC 6275), in ICMP redirects (RFC 792)
and in the ADD_ADDR option of multipath TCP (RFC 8684).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.wire.compiled import compiled, i64
from netdiffus.wire.packets import Bytes

Places = NDArray[np.int64]

_HOP_BY_HOP, _ICMP, _TCP, _UDP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _ICMPV6, _OPTIONS = (
    0,
    1,
    6,
    17,
    43,
    44,
    51,
    58,
    60,
)
_RECORD_ROUTE, _LOOSE_ROUTE, _STRICT_ROUTE, _TIMESTAMP = 7, 131, 137, 68
_REDIRECT, _HOME_ADDRESS, _MULTIPATH, _ADD_ADDR = 5, 201, 30, 3


@compiled
def _note(places: Places, n: int, place: int) -> int:
    """Remember a place if there is room; returns how many there are, room or not."""
    if n < places.size:
        places[n] = place
    return n + 1


@compiled
def _v4_options(data: Bytes, at: int, end: int, target: int, v4: Places, n: int) -> tuple[int, int]:
    """Addresses in IPv4 options; returns (places so far, place of the address that the packet goes to in the end)."""
    while at + 2 <= end and data[at] != 0:
        if data[at] == 1:
            at += 1
            continue
        kind, size = data[at], i64(data[at + 1])
        if size < 2 or at + size > end:
            break
        if kind in (_RECORD_ROUTE, _LOOSE_ROUTE, _STRICT_ROUTE) and size >= 3:
            pointer = i64(data[at + 2])
            stop = min(size, pointer - 1) if kind == _RECORD_ROUTE else size
            slot = i64(3)
            while slot + 4 <= stop:
                n = _note(v4, n, at + slot)
                slot += 4
            if kind != _RECORD_ROUTE and slot > 3 and pointer <= size:
                target = at + slot - 4
        elif kind == _TIMESTAMP and size >= 4 and data[at + 3] & 15 in (1, 3):
            stop = min(size, i64(data[at + 2]) - 1) if data[at + 3] & 15 == 1 else size
            slot = i64(4)
            while slot + 8 <= stop:
                n = _note(v4, n, at + slot)
                slot += 8
        at += size
    return n, target


@compiled
def _v6_options(data: Bytes, at: int, end: int, source: int, v6: Places, n: int) -> tuple[int, int]:
    """Addresses in destination options; returns (places so far, place of the address that the packet comes from)."""
    while at + 2 <= end:
        if data[at] == 0:
            at += 1
            continue
        size = 2 + i64(data[at + 1])
        if at + size > end:
            break
        if data[at] == _HOME_ADDRESS and size == 18:
            n = _note(v6, n, at + 2)
            source = at + 2
        at += size
    return n, source


@compiled
def _v6_route(data: Bytes, at: int, end: int, target: int, v6: Places, n: int) -> tuple[int, int]:
    """Addresses in a routing header; returns as _v4_options."""
    kind, left = data[at + 2], data[at + 3]
    if kind not in (0, 2, 4):
        return n, target
    stop = min(end, at + 8 + 16 * (i64(data[at + 4]) + 1)) if kind == 4 else end  # behind a segment list: TLVs
    slot = at + 8
    while slot + 16 <= stop:
        n = _note(v6, n, slot)
        slot += 16
    if left > 0 and slot > at + 8:
        target = at + 8 if kind == 4 else slot - 16  # a segment list is written backwards
    return n, target


@compiled
def _v6_extensions(
    data: Bytes, at: int, end: int, source: int, target: int, v6: Places, n: int
) -> tuple[int, int, int, int]:
    """Addresses in extension headers; returns (protocol, source, target, places so far)."""
    protocol = i64(data[at + 6])
    at += 40
    while at + 8 <= end and protocol in (_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS):
        size = i64(8)
        if protocol == _AUTHENTICATION:
            size = (i64(data[at + 1]) + 2) * 4
        elif protocol != _FRAGMENT:
            size = (i64(data[at + 1]) + 1) * 8
        stop = min(at + size, end)
        if protocol == _ROUTING:
            n, target = _v6_route(data, at, stop, target, v6, n)
        elif protocol == _OPTIONS:
            n, source = _v6_options(data, at + 2, stop, source, v6, n)
        protocol = i64(data[at])
        at += size
    return protocol, source, target, n


@compiled
def _transport(
    data: Bytes, at: int, end: int, protocol: int, v4: Places, v6: Places, n4: int, n6: int
) -> tuple[int, int]:
    """Addresses in a transport header; returns (IPv4 places so far, IPv6 places so far)."""
    if protocol == _ICMP and end - at >= 8 and data[at] == _REDIRECT:
        n4 = _note(v4, n4, at + 4)
    elif protocol == _TCP and end - at >= 20:
        stop = min(end, at + i64(data[at + 12] >> 4) * 4)
        at += 20
        while at + 2 <= stop and data[at] != 0:
            if data[at] == 1:
                at += 1
                continue
            size = i64(data[at + 1])
            if size < 2 or at + size > stop:
                break
            if data[at] == _MULTIPATH and size >= 8 and data[at + 2] >> 4 == _ADD_ADDR:
                if size in (8, 10, 16, 18):
                    n4 = _note(v4, n4, at + 4)
                elif size in (20, 22, 28, 30):
                    n6 = _note(v6, n6, at + 4)
            at += size
    return n4, n6


@compiled
def _walk(
    data: Bytes, net: int, net_end: int, tra: int, tra_end: int, v4: Places, v6: Places, n4: int, n6: int
) -> tuple[int, int, int, int, int]:
    """One packet's addresses; returns (protocol or -1, source, target, IPv4 places so far, IPv6 places so far).

    Source and target are the places of the addresses that the transport checksum covers.
    """
    version = data[net] >> 4 if net < net_end else 0
    if version == 4 and net_end - net >= 20:
        head = min(i64(data[net] & 15) * 4, net_end - net)
        n4 = _note(v4, _note(v4, n4, net + 12), net + 16)
        n4, target = _v4_options(data, net + 20, net + head, net + 16, v4, n4)
        source, protocol = net + 12, i64(data[net + 9])
        if protocol == _AUTHENTICATION and net + head < net_end:
            protocol = i64(data[net + head])
    elif version == 6 and net_end - net >= 40:
        n6 = _note(v6, _note(v6, n6, net + 8), net + 24)
        protocol, source, target, n6 = _v6_extensions(data, net, net_end, net + 8, net + 24, v6, n6)
    else:
        return -1, 0, 0, n4, n6
    n4, n6 = _transport(data, tra, tra_end, protocol, v4, v6, n4, n6)
    return protocol, source, target, n4, n6


@compiled
def _find(data: Bytes, network: Places, transport: Places, v4: Places, v6: Places) -> tuple[int, int]:
    n4, n6 = 0, 0
    for i in range(network.size - 1):
        _, _, _, n4, n6 = _walk(data, network[i], network[i + 1], transport[i], transport[i + 1], v4, v6, n4, n6)
    return n4, n6


def address_places(data: Bytes, network: Places, transport: Places) -> tuple[Places, Places]:
    """First bytes of all IPv4 and of all IPv6 addresses in headers.

    Args:
        data: headers one after the other.
        network, transport: where in `data` they begin, (N + 1,); packet i's end where those of packet i + 1 begin.
    """
    none = np.empty(0, np.int64)
    n4, n6 = _find(data, network, transport, none, none)
    v4, v6 = np.empty(n4, np.int64), np.empty(n6, np.int64)
    _find(data, network, transport, v4, v6)
    return v4, v6


@compiled
def _fold(total: int) -> int:
    """A sum of 16-bit words in 16 bits, carries added in."""
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@compiled
def _sum(data: Bytes, at: int, end: int) -> int:
    """The one's complement sum of 16-bit words (RFC 1071)."""
    total = i64(0)
    for j in range(at, end):
        total += i64(data[j]) << 8 if (j - at) % 2 == 0 else i64(data[j])
    return _fold(total)


@compiled
def _adjust(data: Bytes, at: int, before: int, after: int) -> int:
    """The checksum at a place, when the sum of what it covers changes (RFC 1624 equation 3)."""
    old = i64(data[at]) << 8 | i64(data[at + 1])
    if before == after:
        return old
    return _fold((old ^ 0xFFFF) + (before ^ 0xFFFF) + after) ^ 0xFFFF


@compiled
def mend_checksums(old: Bytes, new: Bytes, network: Places, transport: Places) -> None:
    """Change the checksums in `new` by what its headers differ from those in `old`: right stays right, wrong wrong.

    Args:
        old, new: the same headers with other addresses, laid out as for `address_places`.
    """
    none = np.empty(0, np.int64)
    for i in range(network.size - 1):
        net, net_end, tra, tra_end = network[i], network[i + 1], transport[i], transport[i + 1]
        protocol, source, target, _, _ = _walk(old, net, net_end, tra, tra_end, none, none, 0, 0)
        if protocol < 0:
            continue
        width = 16
        if old[net] >> 4 == 4:
            width = 4
            end = net + min(i64(old[net] & 15) * 4, net_end - net)
            value = _adjust(old, net + 10, _sum(old, net, end), _sum(new, net, end))
            new[net + 10], new[net + 11] = value >> 8, value & 255
        at = tra + (16 if protocol == _TCP else 6 if protocol == _UDP else 2)
        if protocol not in (_TCP, _UDP, _ICMP, _ICMPV6) or at + 2 > tra_end:
            continue
        if protocol == _UDP and old[at] == 0 and old[at + 1] == 0:  # none (RFC 768)
            continue
        before, after = _sum(old, tra, tra_end), _sum(new, tra, tra_end)
        if protocol != _ICMP:  # the others cover a pseudo-header with both addresses
            before += _sum(old, source, source + width) + _sum(old, target, target + width)
            after += _sum(new, source, source + width) + _sum(new, target, target + width)
        value = _adjust(old, at, _fold(before), _fold(after))
        if protocol == _UDP and value == 0:  # 0 would say that there is none
            value = 0xFFFF
        new[at], new[at + 1] = value >> 8, value & 255
