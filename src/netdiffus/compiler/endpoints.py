"""Who talks to whom: fresh addresses, ports and initial numbers for flows, so that nothing of the training is left.

Clients come from a pool, servers are drawn anew for each flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

import numpy as np
from numpy.typing import NDArray

from netdiffus.compiler.claimed_ports import unclaimed
from netdiffus.compiler.specs import CLIENT, SERVER, FlowRows
from netdiffus.errors import InputError
from netdiffus.traffic.networks import CLIENT_NETS, SERVER_NETS
from netdiffus.wire.headers.addresses import V4_MAPPED
from netdiffus.wire.headers.fields import TCP, UDP
from netdiffus.wire.kernels.compiled import compiled
from netdiffus.wire.kernels.flowkey import find_slot

EPHEMERAL = (32768, 61000)
"""Client ports as Linux draws them: from the first to below the second."""
PORT_RANGES = np.array([(1024, EPHEMERAL[0]), EPHEMERAL, (EPHEMERAL[1], 1 << 16)])
"""Client ports are drawn anew inside the one of these that theirs is in."""
WELL_KNOWN = 1024
"""Client ports below are kept: NTP, DHCP and the like speak from them."""
FLOWS_PER_CLIENT = 8
NEUTRAL_V4, NEUTRAL_V6, NEUTRAL_LABEL = 192 << 24 | 2 << 8, 0x2001_0DB8 << 32, 1 << 16
"""192.0.2.0/24 (RFC 5737), 2001:db8::/64 (RFC 3849) and a flow label: of hosts that stand for any."""
TRIES = 200


@dataclass(frozen=True)
class Network:
    """Addresses of one IP version: those from `first` on, `hosts` of them."""

    version: int
    first: int
    hosts: int

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.uint64]:
        """n addresses as (n, 2) numbers, high and low."""
        place = rng.integers(0, min(self.hosts, 1 << 62), n)
        out = np.zeros((n, 2), np.uint64)
        if self.version == 4:
            out[:, 1] = (place + self.first).astype(np.uint64) | np.uint64(V4_MAPPED)
            return out
        low = (self.first & 0xFFFF_FFFF_FFFF_FFFF) + place.astype(np.uint64)  # 64 bits of host at most, from 0 or so
        out[:, 0], out[:, 1] = self.first >> 64, low
        return out


def networks(texts: Sequence[str]) -> dict[int, Network]:
    """The networks of an option, by IP version; the network and broadcast addresses of IPv4 are left out.

    Raises:
        InputError: a text is no network, two are of one version, or it has multicast addresses.
    """
    found: dict[int, Network] = {}
    for text in texts:
        try:
            net: IPv4Network | IPv6Network = ip_network(text, strict=False)
        except ValueError:
            raise InputError("a network such as 10.0.0.0/8 or 2001:db8::/32", repr(text), "correct it") from None
        if net.version in found or net.is_multicast or net.is_unspecified or net.is_loopback:
            raise InputError("one network of single hosts for each IP version", str(text), "name another network")
        first, n = int(net.network_address), net.num_addresses
        edge = 1 if net.version == 4 and n > 2 else 0
        if net.version == 6:
            n = min(n, 1 << 64)
            edge = 1 if n > 2 else 0  # ::0 of a network is any router (RFC 4291 section 2.6.1)
        found[net.version] = Network(net.version, first + edge, n - 2 * edge)
    return found


ENDS = np.dtype(
    [
        ("a_high", "u8"), ("a_low", "u8"), ("b_high", "u8"), ("b_low", "u8"), ("a_port", "u2"), ("b_port", "u2"),
        ("version", "u1"), ("protocol", "u1"),
    ],
    align=True,
)  # fmt: skip
"""What flows are told apart by, with the fields that wire/kernels/flowkey.py looks up; `a` is the smaller end."""


def fresh_endpoints(
    rows: FlowRows,
    rng: np.random.Generator,
    *,
    client_nets: Sequence[str] = CLIENT_NETS,
    server_nets: Sequence[str] = SERVER_NETS,
    clients: int | None = None,
) -> FlowRows:
    """The same flows between other hosts, from other ports, with other initial numbers.

    Server ports stay as the class has them; client ports below 1024, and those equal to the server's, too. Others stay
    in their range, those of TCP even or odd as they were: Linux gives even ones to sockets that connect, and odd ones
    to those that are bound first. None of UDP is one that analysers take for another protocol's (claimed_ports.py).
    No two flows share both ends, so nothing that splits a capture into flows can join them.

    Args:
        clients: hosts in the client pool; a client for every 8 flows unless given.

    Raises:
        InputError: a network is wrong, missing for an IP version that the flows have, or too small for them.
    """
    flows = rows.flows.copy()
    n = len(flows)
    nets = networks(client_nets), networks(server_nets)
    pool = max(1, n // FLOWS_PER_CLIENT) if clients is None else clients
    if pool < 1:
        raise InputError("at least 1 client", str(pool), "choose more clients")
    asked = flows["port"].copy()
    with_ports = np.isin(flows["protocol"], (TCP, UDP))
    fixed = speaks_from(asked)
    flows["port"][~with_ports] = 0
    portless = with_ports & (asked[:, SERVER] == 0)
    flows["port"][portless, SERVER] = rng.integers(*EPHEMERAL, int(portless.sum()))
    pools: dict[int, NDArray[np.uint64]] = {}
    for version in np.unique(flows["version"]).tolist():
        if version not in nets[CLIENT] or version not in nets[SERVER]:
            raise InputError(
                f"a client and a server network of IPv{version}, which these flows use",
                f"{', '.join(client_nets)} and {', '.join(server_nets)}",
                f"add an IPv{version} network to --client-net and --server-net",
            )
        pools[version] = nets[CLIENT][version].draw(pool, rng)
    open_ = np.arange(n)
    for _ in range(TRIES):
        for version, hosts in pools.items():
            here = open_[flows["version"][open_] == version]
            flows["address"][here, CLIENT] = hosts[rng.integers(0, pool, len(here))]
            flows["address"][here, SERVER] = nets[SERVER][version].draw(len(here), rng)
        drawn = open_[with_ports[open_] & ~fixed[open_]]
        flows["port"][drawn, CLIENT] = client_ports(asked[drawn, CLIENT], flows["protocol"][drawn], rng)
        open_ = clashes(flows)
        if not len(open_):
            break
    else:
        raise InputError(
            f"networks with room for {n:,} flows",
            f"{', '.join(client_nets)} and {', '.join(server_nets)}",
            "name larger networks with --client-net and --server-net",
        )
    draw_numbers(flows, rng)
    return FlowRows(flows, rows.rows, rows.counts, rows.layouts, rows.labels)


def neutral_endpoints(rows: FlowRows) -> FlowRows:
    """The same flows between one pair of hosts for all, with initial numbers 0: what is left is what hosts chose.

    Ports stay as in `fresh_endpoints`, but for client ports: each becomes the highest that is drawn like it.
    """
    flows = rows.flows.copy()
    version, protocol = flows["version"], flows["protocol"]
    for side in (CLIENT, SERVER):
        low = np.where(version == 4, V4_MAPPED | NEUTRAL_V4, 0) + 1 + side
        flows["address"][:, side, 0] = np.where(version == 4, 0, NEUTRAL_V6)
        flows["address"][:, side, 1] = low.astype(np.uint64)
    port = flows["port"].astype(np.int64)
    kept = speaks_from(port) | ~np.isin(protocol, (TCP, UDP))
    flows["port"][:, CLIENT] = np.where(kept, port[:, CLIENT], port_like(port[:, CLIENT], protocol))
    for name in ("isn", "ts_base", "id_base", "icmp_id"):
        flows[name] = 0
    flows["flow_label"] = np.where(flows["flow_label"] != 0, NEUTRAL_LABEL, 0)
    return FlowRows(flows, rows.rows, rows.counts, rows.layouts, rows.labels)


def draw_numbers(flows: NDArray[np.void], rng: np.random.Generator) -> None:
    """Initial sequence numbers, timestamps, identifications and flow labels."""
    n = len(flows)
    flows["isn"] = rng.integers(0, 1 << 32, (n, 2), np.uint32)
    flows["ts_base"] = rng.integers(0, 1 << 32, (n, 2), np.uint32)
    flows["id_base"] = rng.integers(0, 1 << 16, (n, 2), np.uint16)
    flows["icmp_id"] = rng.integers(0, 1 << 16, n, np.uint16)
    labelled = flows["flow_label"] != 0  # a system that sets no flow label goes on setting none
    flows["flow_label"] = np.where(labelled, rng.integers(1, 1 << 20, (n, 2)), 0)


def speaks_from(port: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Whether client ports stay, of (F, 2) ports: those well known, and those that are the server's too."""
    client = port[:, CLIENT]
    return np.asarray((client > 0) & ((client < WELL_KNOWN) | (client == port[:, SERVER])))


def port_like(port: NDArray[np.int64], protocol: NDArray[np.int64]) -> NDArray[np.int64]:
    """The highest client port that is drawn as these are (F,), which are of protocols (F,); 0 stays 0."""
    _, high, step = _port_range(port, protocol)
    return np.where(port > 0, high - step + np.where(step > 1, port % step, 0), 0)


def client_ports(port: NDArray[np.int64], protocol: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    low, high, step = _port_range(port, protocol)
    first = low + np.where(step > 1, port % step, 0)
    drawn = np.asarray(first + step * rng.integers(0, (high - low) // step))
    return np.where(protocol == UDP, unclaimed(drawn), drawn)


def _port_range(
    port: NDArray[np.int64], protocol: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """First port, the one past the last, and the step between ports, where these are drawn."""
    place = np.where(port == 0, 1, np.searchsorted(PORT_RANGES[:, 1], port, side="right"))
    low, high = PORT_RANGES[place].T
    return low, high, np.where((protocol == TCP) & (port > 0), 2, 1)


def clashes(flows: NDArray[np.void]) -> NDArray[np.int64]:
    """Places of flows that share both ends with an earlier flow, or whose ends are one host."""
    address, port = flows["address"], flows["port"]
    swap = np.zeros(len(flows), np.bool_)
    for a, b in ((port[:, 0], port[:, 1]), (address[:, 0, 1], address[:, 1, 1]), (address[:, 0, 0], address[:, 1, 0])):
        swap = np.where(a == b, swap, a > b)
    ends = np.zeros(len(flows), ENDS)
    for name, side in (("a", swap.astype(np.intp)), ("b", (~swap).astype(np.intp))):
        row = np.arange(len(flows))
        ends[f"{name}_high"], ends[f"{name}_low"] = address[row, side, 0], address[row, side, 1]
        ends[f"{name}_port"] = port[row, side]
    ends["version"], ends["protocol"] = flows["version"], flows["protocol"]
    slots = np.full(1 << max(1, 2 * len(flows)).bit_length(), -1, np.int64)
    found = np.zeros(len(flows), np.bool_)
    _mark_repeated(ends, slots, np.uint64(0), found)
    found |= (address[:, CLIENT] == address[:, SERVER]).all(axis=1)
    return np.flatnonzero(found)


@compiled
def _mark_repeated(ends: NDArray[np.void], slots: NDArray[np.int64], seed: np.uint64, again: NDArray[np.bool_]) -> None:
    """Mark the flows between whose ends there is an earlier one; `slots` (wire/kernels/flowkey.py) are empty."""
    for f in range(ends.size):
        slot = find_slot(slots, ends, ends[f], seed)
        if slots[slot] < 0:
            slots[slot] = f
        else:
            again[f] = True
