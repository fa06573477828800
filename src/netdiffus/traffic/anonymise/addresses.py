"""Where addresses stand inside kept headers: the compiled loops.

Addresses stand in the IPv4 header and its route and timestamp options (RFC 791), in the IPv6 header, its routing
headers of type 0, 2 and 4 (RFC 8200, 6275, 8754) and the home address option (RFC 6275), in ICMP redirects (RFC 792)
and in the ADD_ADDR option of multipath TCP (RFC 8684).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.headers.fields import ICMP, TCP
from netdiffus.wire.kernels.compiled import compiled, i64

Places = NDArray[np.int64]


class Addresses(NamedTuple):
    """Where addresses stand in some headers.

    v4, v6: first bytes of all IPv4 and of all IPv6 addresses.
    ends: (N, 3), of each packet its protocol, or -1 if it has none, and the places of the two addresses that a
        transport checksum covers: where the packet comes from and where it goes to in the end.
    """

    v4: Places
    v6: Places
    ends: NDArray[np.int64]


_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS = 0, 43, 44, 51, 60
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
    if protocol == ICMP and end - at >= 8 and data[at] == _REDIRECT:
        n4 = _note(v4, n4, at + 4)
    elif protocol == TCP and end - at >= 20:
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
def _find(
    data: Bytes, network: Places, transport: Places, v4: Places, v6: Places, ends: NDArray[np.int64]
) -> tuple[int, int]:
    n4, n6 = 0, 0
    for i in range(network.size - 1):
        protocol, source, target, n4, n6 = _walk(
            data, network[i], network[i + 1], transport[i], transport[i + 1], v4, v6, n4, n6
        )
        ends[i, 0], ends[i, 1], ends[i, 2] = protocol, source, target
    return n4, n6


def find_addresses(data: Bytes, network: Places, transport: Places) -> Addresses:
    """All addresses in headers.

    Args:
        data: headers one after the other.
        network, transport: where in `data` they begin, (N + 1,); packet i's end where those of packet i + 1 begin.
    """
    none, ends = np.empty(0, np.int64), np.empty((len(network) - 1, 3), np.int64)
    n4, n6 = _find(data, network, transport, none, none, ends)
    v4, v6 = np.empty(n4, np.int64), np.empty(n6, np.int64)
    _find(data, network, transport, v4, v6, ends)
    return Addresses(v4, v6, ends)
