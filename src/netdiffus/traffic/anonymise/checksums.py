"""Checksums that follow when addresses in kept headers change: the compiled loops (RFC 1071, RFC 1624)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.traffic.anonymise.addresses import Places
from netdiffus.wire.headers.fields import ICMP, ICMPV6, TCP, UDP
from netdiffus.wire.kernels.bytes import put, u16
from netdiffus.wire.kernels.checksum import adjusted, fold, ones_sum
from netdiffus.wire.kernels.compiled import compiled, i64


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
            before, after = fold(ones_sum(old, net, end, 0)), fold(ones_sum(new, net, end, 0))
            put(new, net + 10, 2, adjusted(u16(old, net + 10), before, after))
        at = tra + (16 if protocol == TCP else 6 if protocol == UDP else 2)
        if protocol not in (TCP, UDP, ICMP, ICMPV6) or at + 2 > tra_end:
            continue
        if protocol == UDP and old[at] == 0 and old[at + 1] == 0:  # none (RFC 768)
            continue
        before, after = ones_sum(old, tra, tra_end, 0), ones_sum(new, tra, tra_end, 0)
        if protocol != ICMP:  # the others cover a pseudo-header with both addresses
            before = ones_sum(old, target, target + width, ones_sum(old, source, source + width, before))
            after = ones_sum(new, target, target + width, ones_sum(new, source, source + width, after))
        value = adjusted(u16(old, at), fold(before), fold(after))
        if protocol == UDP and value == 0:  # 0 would say that there is none
            value = 0xFFFF
        put(new, at, 2, value)
