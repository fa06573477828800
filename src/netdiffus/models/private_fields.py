"""What a private model of packets knows of hosts and kinds of packets: facts of flows that noisy counts find frequent.

Every fact of a flow (enumerated.py) has a histogram over all values that it can have, and every kind of packet one by
position. What is frequent makes the vocabularies of the fields codec; the rest becomes the nearest of it. Nothing of a
flow is kept that the noise does not cover, so a TTL, a port or an MSS that few flows have is in no model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netdiffus.arrays import Floats, Ints
from netdiffus.compiler import FlowRows
from netdiffus.compiler.features.codec import FieldsCodec
from netdiffus.compiler.features.enumerated import (
    FACTS,
    LAYOUTS,
    facts_of,
    first_of_sides,
    hosts_of_facts,
    plain_kinds,
    public_kinds,
    with_options,
)
from netdiffus.compiler.features.option_templates import layout_places
from netdiffus.compiler.features.packet_types import HOSTS, KIND, REPLY, host_tokens, kind_tokens
from netdiffus.compiler.features.teardown import ENDING, OPEN
from netdiffus.compiler.features.vocabulary import Vocabulary
from netdiffus.privacy.alphabet import Codes, private_codes, value_counts
from netdiffus.privacy.findings import frequent
from netdiffus.privacy.grid import Grid
from netdiffus.privacy.noise import noisy
from netdiffus.wire.headers.fields import SYN, TCP

SLOTS = 4
"""Windows of a flow that count: of each side its first SYN's, and its first other segment's."""
OF_FLOW = len(FACTS) + SLOTS
"""Counts of one flow before what its label has of them."""
MOST_HOSTS = 1 << 15
"""Combinations of facts that are counted together; the rarest values make room."""
ABSENT = -1


@dataclass(frozen=True)
class Counted:
    """What noisy counts found of flows.

    Attributes:
        fields: the codec of it. windows: the codes of windows. hosts: (K,) noisy counts of the hosts.
    """

    fields: FieldsCodec
    windows: Codes
    hosts: Floats


def counted_fields(rows: FlowRows, length: int, of_flows: float, of_hosts: float, of_kinds: float) -> Counted:
    """The fields codec of flows of at most `length` packets.

    Args:
        of_flows, of_hosts, of_kinds: standard deviations of the noise of single facts, of combinations, and of kinds
            by position.
    """
    facts = facts_of(rows)
    found, counts = {}, {}
    for name, size in FACTS.items():
        every = noisy(np.bincount(facts[name], minlength=size), of_flows)
        found[name] = frequent(every, of_flows)
        counts[name] = every[found[name]]
    windows = private_codes(windows_of(rows), window_grid(), of_flows)
    hosts, of_each = _hosts(rows, found, counts, of_hosts)
    kinds = _kinds(rows, length, of_kinds, found)
    ports = np.union1d(found["server_port"], [0])
    replies = Vocabulary(np.zeros((1, len(REPLY)), np.int64), np.ones(1, np.int64))
    endings = Vocabulary(np.full((1, ENDING), OPEN, np.int64), np.ones(1, np.int64))
    fields = FieldsCodec(length, LAYOUTS, kinds, replies, hosts, ports, endings)
    return Counted(fields, windows, of_each)


def windows_of(rows: FlowRows) -> Floats:
    """(F, SLOTS) windows of clients and servers with SYN, then of both without; NaN: there is none."""
    tcp = rows.flows["protocol"][rows.owner] == TCP
    opens = rows.rows["flags"] & SYN != 0
    parts = [
        first_of_sides(rows.rows["window"].astype(np.int64), rows, tcp & chosen, ABSENT) for chosen in (opens, ~opens)
    ]
    both = np.concatenate(parts, axis=1).astype(np.float64)
    return np.where(both == ABSENT, np.nan, both)


def window_grid() -> Grid:
    """All windows, in blocks of an eighth of an octave."""
    values = np.arange(1 << 16, dtype=np.float64)
    return Grid(values, np.floor(8 * np.log2(np.maximum(values, 0.5)) + 8).astype(np.int64))


def _hosts(rows: FlowRows, found: dict[str, Ints], counts: dict[str, Ints], sigma: float) -> tuple[Vocabulary, Floats]:
    """The frequent combinations of frequent facts, at least one for each protocol, and their noisy counts."""
    values = {name: found[name] for name in HOSTS[1:]}
    while np.prod([float(len(each)) for each in values.values()]) > MOST_HOSTS:
        last = {name: int(counts[name][-1]) for name, each in values.items() if len(each) > 1}
        name = min(last, key=last.__getitem__)
        values[name], counts[name] = values[name][:-1], counts[name][:-1]
    every = hosts_of_facts(values | _fallbacks(values))
    known = Vocabulary(every, np.ones(len(every), np.int64))
    seen = noisy(np.bincount(known.places(host_tokens(rows))[0], minlength=len(every)), sigma)
    kept = set(frequent(seen, sigma).tolist())
    for protocol in np.unique(every[:, 0]):
        mine = np.flatnonzero(every[:, 0] == protocol)
        kept |= {int(mine[seen[mine].argmax()])}
    chosen = np.sort(np.array(list(kept), np.int64))
    weights = np.maximum(seen[chosen], 1)
    return Vocabulary(every[chosen], weights), weights.astype(np.float64)


def _fallbacks(values: dict[str, Ints]) -> dict[str, Ints]:
    """Values without which a protocol has no hosts: both versions, no port and some port, no clock."""
    more = {"version": [4, 6], "client_port": [0, 60_999], "client_mhz": [0], "server_mhz": [0]}
    return {name: np.union1d(values[name], extra) for name, extra in more.items()}


def _kinds(rows: FlowRows, length: int, sigma: float, found: dict[str, Ints]) -> Vocabulary:
    """The frequent kinds of packets, those that any traffic may have, and of each the MSS and scales of its side."""
    tokens = kind_tokens(rows, layout_places(rows, LAYOUTS)[0], {})
    tokens[:, [KIND.index("mss"), KIND.index("wscale")]] = 0
    every = public_kinds()
    weights = np.ones(len(every), np.int64)
    plain = plain_kinds(every)
    weights[plain] += 1  # what is none of these is taken for one of them
    places = Vocabulary(every, weights).places(tokens)[0]
    at = np.arange(len(rows.rows)) - np.repeat(rows.first, rows.counts)
    index = np.full((len(rows), length), len(every), np.int64)
    index[rows.owner, at] = places
    seen = noisy(value_counts(index, len(every) + 1), sigma)[:, :-1]
    kept = np.union1d(np.unique(frequent(seen, sigma) % len(every)), plain)
    sizes, scales = ([found[f"{side}_{name}"] for side in ("client", "server")] for name in ("mss", "wscale"))
    words, origin = with_options(every[kept], sizes, scales)
    many = np.where(seen > 2 * sigma, seen, 0).sum(axis=0)[kept][origin]
    return Vocabulary(words, np.maximum(many, 1).astype(np.int64))
