"""Checksums that follow when addresses in kept headers change: the compiled loops (RFC 1071, RFC 1624)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.traffic.anonymise.addresses import Places
from netdiffus.wire.headers.fields import ICMP, ICMPV6, TCP, UDP
from netdiffus.wire.kernels.compiled import compiled, i64


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
def _put(data: Bytes, at: int, value: int) -> None:
    data[at], data[at + 1] = value >> 8, value & 255


@compiled
def mend_checksums(old: Bytes, new: Bytes, network: Places, transport: Places, ends: NDArray[np.int64]) -> None:
    """Change the checksums in `new` by what its headers differ from those in `old`: right stays right, wrong wrong.

    Args:
        old, new: the same headers with other addresses, laid out as for `find_addresses`.
        ends: what that found of each packet.
    """
    for i in range(network.size - 1):
        net, tra, tra_end = network[i], transport[i], transport[i + 1]
        protocol, source, target = ends[i, 0], ends[i, 1], ends[i, 2]
        if protocol < 0:
            continue
        width = 16
        if old[net] >> 4 == 4:
            width = 4
            end = net + min(i64(old[net] & 15) * 4, network[i + 1] - net)
            _put(new, net + 10, _adjust(old, net + 10, _sum(old, net, end), _sum(new, net, end)))
        at = tra + (16 if protocol == TCP else 6 if protocol == UDP else 2)
        if protocol not in (TCP, UDP, ICMP, ICMPV6) or at + 2 > tra_end:
            continue
        if protocol == UDP and old[at] == 0 and old[at + 1] == 0:  # none (RFC 768)
            continue
        before, after = _sum(old, tra, tra_end), _sum(new, tra, tra_end)
        if protocol != ICMP:  # the others cover a pseudo-header with both addresses
            before += _sum(old, source, source + width) + _sum(old, target, target + width)
            after += _sum(new, source, source + width) + _sum(new, target, target + width)
        value = _adjust(old, at, _fold(before), _fold(after))
        if protocol == UDP and value == 0:  # 0 would say that there is none
            value = 0xFFFF
        _put(new, at, value)
