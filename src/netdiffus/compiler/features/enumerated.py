"""Packets and hosts that there can be, known before any traffic is seen: what a private model of packets counts among.

Kinds of packets follow from the RFCs (flags of RFC 9293, types of RFC 792, 4443 and 4861), layouts of options from the
compiler and from the signatures of common stacks (p0f 3). MSS and window scale are none of a kind here: they are
facts of a flow, as its TTLs are, each with all numbers that its field holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, product

import numpy as np

from netdiffus.arrays import Bools, Ints
from netdiffus.compiler.features.packet_types import (
    AFTER_LAST,
    AGAIN,
    FIRST_OPEN,
    HOSTS,
    IN_ORDER,
    KEEP_ALIVE,
    KIND,
    NUMBER_ZERO,
    USUAL,
    host_tokens,
)
from netdiffus.compiler.handshake import CWR, ECE
from netdiffus.compiler.specs import CLIENT, SERVER, FlowRows
from netdiffus.compiler.tcp_options import CANONICAL, HAS_MSS, HAS_TIMESTAMPS, HAS_WSCALE, describe
from netdiffus.compiler.timestamps import USUAL_MHZ
from netdiffus.wire.headers.fields import ACK, FIN, ICMP, ICMPV6, RST, SYN, TCP, UDP

PSH = 8
STACKS = tuple(
    bytes.fromhex(layout)
    for layout in (
        "020400000103030001010402",  # Windows
        "02040000010303000101080a000000000000000004020000",  # macOS, iOS
        "0204000001030300" + "0402080a0000000000000000",  # FreeBSD
    )
)
"""Options of SYN as other stacks than Linux order them."""
LAYOUTS = (*CANONICAL, *STACKS)
HAS = describe(LAYOUTS)["has"]
IP = (USUAL, *(step << 9 | fragment << 8 for step in range(4) for fragment in range(2)))
"""Of one packet: as its sender usually has it, or another step of the identification and another DF."""
ICMP_TYPES = ((8, 0), (0, 0), (11, 0), (11, 1), *((3, code) for code in range(16)))
ICMPV6_TYPES = ((128, 0), (129, 0), (2, 0), (3, 0), (3, 1), *((1, code) for code in range(8))) + tuple(
    (kind, 0) for kind in range(133, 137)
)
CLOCKS = np.concatenate([[0], USUAL_MHZ])
FACTS = {name: 1 << 16 if "port" in name else 256 for name in HOSTS[1:]} | {
    "client_mhz": len(CLOCKS), "server_mhz": len(CLOCKS), "client_label": 2, "server_label": 2,
    "client_ip": 1 << 11, "server_ip": 1 << 11, "server_port": 1 << 16, "client_mss": 1 << 16, "server_mss": 1 << 16,
    "client_wscale": 256, "server_wscale": 256,
}  # fmt: skip
"""How many values each fact of a flow can have; `facts_of` numbers them from 0."""


def _tcp() -> Iterator[dict[str, int]]:
    for side, layout, ip in product((CLIENT, SERVER), (0, HAS_TIMESTAMPS), IP):
        data, resets = (ACK, PSH | ACK, FIN | ACK, FIN | PSH | ACK), (RST, RST | ACK)
        for flags, place in chain(
            product(data, (IN_ORDER, FIRST_OPEN, KEEP_ALIVE, AGAIN)),
            product(resets, (IN_ORDER, FIRST_OPEN, AFTER_LAST, NUMBER_ZERO)),
        ):
            yield {"protocol": TCP, "direction": side, "flags": flags, "layout": layout, "place": place, "ip": ip}
    of_syn = [place for place, has in enumerate(HAS.tolist()) if has & HAS_MSS or not LAYOUTS[place]]
    for layout, ip, extra in product(of_syn, IP, (0, 1)):
        yield {"protocol": TCP, "flags": SYN | (ECE | CWR) * extra, "layout": layout, "ip": ip}
        yield {"protocol": TCP, "direction": SERVER, "flags": SYN | ACK | ECE * extra, "layout": layout, "ip": ip}


def _others() -> Iterator[dict[str, int]]:
    for side, ip in product((CLIENT, SERVER), IP):
        yield {"protocol": UDP, "direction": side, "ip": ip}
        yield {"protocol": UDP, "direction": side, "ip": ip, "no_checksum": 1}
        for protocol, types in ((ICMP, ICMP_TYPES), (ICMPV6, ICMPV6_TYPES)):
            for kind, code in types:
                found = {"protocol": protocol, "direction": side, "ip": ip}
                yield found | {"icmp_type": kind, "icmp_code": code}


def public_kinds() -> Ints:
    """(K, len(KIND)) all kinds of packets, in lexicographic order, without MSS and window scale."""
    every = [[kind.get(name, 0) for name in KIND] for kind in chain(_tcp(), _others())]
    return np.unique(np.array(every, np.int64), axis=0)


def plain_kinds(kinds: Ints) -> Ints:
    """Places of the kinds that any traffic may have: in order, and as their senders usually are."""
    column = {name: kinds[:, k] for k, name in enumerate(KIND)}
    opens = (column["flags"] & SYN != 0) & (column["protocol"] == TCP)
    usual = ~opens | np.isin(column["layout"], (HAS_MSS, HAS_MSS | HAS_WSCALE | HAS_TIMESTAMPS | 4))
    plain = (column["ip"] == USUAL) & (column["place"] == IN_ORDER) & (column["flags"] & (ECE | CWR) == 0)
    return np.flatnonzero(plain & usual & (column["no_checksum"] == 0))


def with_options(kinds: Ints, sizes: Sequence[Ints], scales: Sequence[Ints]) -> tuple[Ints, Ints]:
    """Kinds (K', ...) in lexicographic order with MSS and window scale where they open a connection; which each was.

    Args:
        kinds: (K, len(KIND)) without. sizes, scales: values of MSS and window scale, of clients and of servers.
    """
    mss, scale, direction = (KIND.index(name) for name in ("mss", "wscale", "direction"))
    found, origin = [], list[int]()
    for place, kind in enumerate(kinds.tolist()):
        has = int(HAS[kind[KIND.index("layout")]]) if kind[0] == TCP and kind[KIND.index("flags")] & SYN else 0
        side = kind[direction]
        for size, shift in product(
            sizes[side].tolist() if has & HAS_MSS else [0], scales[side].tolist() if has & HAS_WSCALE else [0]
        ):
            kind[mss], kind[scale] = size, shift
            found.append(list(kind))
            origin.append(place)
    tokens, first = np.unique(np.array(found, np.int64), axis=0, return_index=True)
    return tokens, np.array(origin, np.int64)[first]


def facts_of(rows: FlowRows) -> dict[str, Ints]:
    """Of each flow (F,) the number of its value of each of FACTS; MSS and scale of a side without SYN are 0."""
    hosts = host_tokens(rows)
    found = {name: hosts[:, k] for k, name in enumerate(HOSTS) if name in FACTS}
    for name in ("client_mhz", "server_mhz"):
        found[name] = np.searchsorted(CLOCKS, found[name]).astype(np.int64)
    found["server_port"] = rows.flows["port"][:, SERVER].astype(np.int64)
    opens = (rows.rows["flags"] & SYN != 0) & (rows.flows["protocol"][rows.owner] == TCP)
    for name in ("mss", "wscale"):
        first = first_of_sides(rows.rows[name].astype(np.int64), rows, opens, 0)
        found |= {f"client_{name}": first[:, CLIENT], f"server_{name}": first[:, SERVER]}
    return found


def first_of_sides(values: Ints, rows: FlowRows, chosen: Bools, missing: int) -> Ints:
    """(F, 2) the value (P,) of the first chosen packet (P,) of each side of each flow."""
    found = np.full((len(rows), 2), missing, np.int64)
    last_first = np.flatnonzero(chosen)[::-1]  # the first one is written last
    found[rows.owner[last_first], rows.rows["direction"][last_first]] = values[last_first]
    return found


def hosts_of_facts(values: dict[str, Ints]) -> Ints:
    """(K, len(HOSTS)) the hosts that values of each fact allow together, in lexicographic order."""
    numbers = [values[name] for name in HOSTS[1:]]
    grid = np.stack(np.meshgrid([ICMP, TCP, UDP, ICMPV6], *numbers, indexing="ij"), axis=-1).reshape(-1, len(HOSTS))
    column = {name: k for k, name in enumerate(HOSTS)}
    for name in ("client_mhz", "server_mhz"):
        grid[:, column[name]] = CLOCKS[grid[:, column[name]]]
    protocol, version = grid[:, 0], grid[:, 1]
    possible = (
        np.isin(version, (4, 6)) & ((protocol != ICMP) | (version == 4)) & ((protocol != ICMPV6) | (version == 6))
    )
    ports, clocks = (
        grid[:, column["client_port"]] > 0,
        grid[:, [column["client_mhz"], column["server_mhz"]]].any(axis=1),
    )
    possible &= (np.isin(protocol, (TCP, UDP)) == ports) & ((protocol == TCP) | ~clocks)
    return np.unique(grid[possible], axis=0)
