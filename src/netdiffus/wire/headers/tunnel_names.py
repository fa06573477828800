"""Tunnels by name, whether tunnels.py looks into them or not, so that none is taken for ordinary traffic in silence.

A tunnel is known by its IP protocol, or by its UDP port (the registries of IANA) and the first bytes behind it: ports
alone would take many an ephemeral port for a tunnel. Encrypted tunnels (ESP, WireGuard, OpenVPN) are not named: nobody
who captures them can look inside, and their flows are what there is.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.wire.headers.fields import LATER, OK, UDP
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.headers.tunnels import KEPT
from netdiffus.wire.kernels.compiled import compiled, i64

NONE, IP_IN_IP, GRE, VXLAN, GENEVE, GTPU, LAST_DECODED = 0, 1, 2, 3, 4, 5, 5
ETHERIP, L2TP, L2TP3, MPLS_IP, MINIMAL, TEREDO, CAPWAP, TZSP, MPLS_UDP, VXLAN_GPE, GUE, GRE_UDP, LISP = range(6, 19)
NAMES = {
    IP_IN_IP: "IP in IP",
    GRE: "GRE",
    VXLAN: "VXLAN",
    GENEVE: "Geneve",
    GTPU: "GTP-U",
    ETHERIP: "EtherIP (RFC 3378)",
    L2TP: "L2TP (RFC 2661)",
    L2TP3: "L2TPv3 over IP (RFC 3931)",
    MPLS_IP: "MPLS in IP (RFC 4023)",
    MINIMAL: "minimal encapsulation (RFC 2004)",
    TEREDO: "Teredo (RFC 4380)",
    CAPWAP: "CAPWAP data (RFC 5415)",
    TZSP: "TZSP",
    MPLS_UDP: "MPLS in UDP (RFC 7510)",
    VXLAN_GPE: "VXLAN-GPE",
    GUE: "generic UDP encapsulation",
    GRE_UDP: "GRE in UDP (RFC 8086)",
    LISP: "LISP (RFC 9300)",
}
SEEN = "tunnel: "
"""How the words for tunnels begin that nobody asked to look into."""


@compiled
def _of_protocol(protocol: int) -> int:
    if protocol == 4 or protocol == 41:
        return IP_IN_IP
    if protocol == 47:
        return GRE
    if protocol == 55:
        return MINIMAL
    if protocol == 97:
        return ETHERIP
    if protocol == 115:
        return L2TP3
    if protocol == 137:
        return MPLS_IP
    return NONE


@compiled
def _of_ports(data: Bytes, pos: int, room: int, source: int, port: int) -> int:
    """The tunnel in a UDP payload of `room` captured bytes."""
    if room < 8:
        return NONE
    first, second = i64(data[pos]), i64(data[pos + 1])
    kind = i64(data[pos + 2]) << 8 | i64(data[pos + 3])
    if port == 4789 or port == 8472:
        return VXLAN if first == 8 else NONE
    if port == 6081:
        return GENEVE if first >> 6 == 0 and kind in (0x0800, 0x86DD, 0x6558) else NONE
    if port == 2152:
        return GTPU if first >> 4 == 3 else NONE
    if port == 1701 or source == 1701:
        return L2TP if second & 15 == 2 or second & 15 == 3 else NONE
    if port == 3544 or source == 3544:
        return TEREDO if first >> 4 == 6 or (first == 0 and second <= 1) else NONE
    if port == 5247 or source == 5247:
        return CAPWAP if first <= 1 else NONE
    if port == 37008:
        return TZSP if first == 1 and second <= 1 else NONE
    if port == 6635:
        return MPLS_UDP
    if port == 4790:
        return VXLAN_GPE if first & 0xCC == 0x0C else NONE
    if port == 6080:
        return GUE if first >> 6 <= 1 else NONE
    if port == 4754:
        return GRE_UDP if second & 7 == 0 and kind in (0x0800, 0x86DD, 0x6558) else NONE
    if port == 4341 and room > 8:
        return LISP if data[pos + 8] >> 4 in (4, 6) else NONE
    return NONE


@compiled
def _name(data: Bytes, ends: NDArray[np.int64], fields: NDArray[np.void], counts: NDArray[np.int64]) -> None:
    """Count the packets of each tunnel."""
    for i in range(fields.size):
        p = fields[i]
        if p.status != OK or p.fragment == LATER:
            continue
        if p.protocol == UDP:
            pos = p.network + i64(p.network_bytes) + i64(p.transport_bytes)
            room = min(ends[i] - pos, i64(p.payload_bytes))
            counts[_of_ports(data, pos, room, i64(p.source_port), i64(p.destination_port))] += 1
        else:
            counts[_of_protocol(i64(p.protocol))] += 1


def name_tunnels(block: PacketBlock, fields: NDArray[np.void], *, inner: bool) -> Counter[str]:
    """The tunnels among packets, in plain words with counts.

    Args:
        block: packets.
        fields: their header fields, (N,) of FIELDS; with `inner` those that look_inside() gives.
        inner: whether tunnels were looked into; then those alone are named that cannot be.
    """
    counts = np.zeros(max(NAMES) + 1, np.int64)
    _name(block.data, block.offset + block.captured, fields, counts)
    found: Counter[str] = Counter()
    for tunnel, name in NAMES.items():
        if not counts[tunnel] or (inner and tunnel <= LAST_DECODED):
            continue
        if inner:
            words = f"{name} is not decoded, {KEPT}"
        elif tunnel <= LAST_DECODED:
            words = f"{SEEN}{name}, its outer flow counts; --inner looks inside"
        else:
            words = f"{SEEN}{name}, its outer flow counts; --inner does not decode it"
        found[words] = int(counts[tunnel])
    return found
