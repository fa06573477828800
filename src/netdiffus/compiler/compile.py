"""compile_rows: packets from rows. The model proposes, the rules of the protocols decide.

On the rows of a valid flow (infer.py) it changes nothing: all header bits come back. What it had to change is counted
by rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Bools
from netdiffus.compiler.fidelity import Fidelity
from netdiffus.compiler.headers import Headers, write_headers
from netdiffus.compiler.icmp import assign_icmp
from netdiffus.compiler.ip import assign_ip
from netdiffus.compiler.rules import Broken, Changes, changes
from netdiffus.compiler.specs import SAME, SEGMENT, FlowRows
from netdiffus.compiler.tcp_connection import assign_connections
from netdiffus.compiler.tcp_numbers import assign_numbers
from netdiffus.compiler.timestamps import assign_timestamps
from netdiffus.compiler.timing import assign_times
from netdiffus.wire.headers.fields import ICMP, ICMPV6, TCP, UDP

MTU, LARGEST_IP = 1500, 0xFFFF
DISCARD, FIRST_EPHEMERAL = 9, 32768
"""Ports that stand in for 0."""


@dataclass(frozen=True)
class Packets:
    """Compiled packets, flow after flow.

    Attributes:
        flows: (F,) of FLOW; labels: theirs.
        segments: (P,) of SEGMENT, without those that were left out.
        owner: the flow of each, (P,).
        headers: their bytes; the transport checksums are still 0, for they need the payload.
        changes: what the rules changed.
    """

    flows: NDArray[np.void]
    labels: tuple[str, ...]
    segments: NDArray[np.void]
    owner: NDArray[np.int64]
    headers: Headers
    changes: Changes


def compile_rows(rows: FlowRows, *, mtu: int | None = MTU, fidelity: Fidelity = Fidelity.GENERATED) -> Packets:
    """Packets from rows; addresses, ports and initial numbers are those of the flows (see endpoints.py).

    Args:
        rows: what is asked for; any numbers at all.
        mtu: bytes of the largest IP packet; None keeps the sizes of segmentation offload, beyond the MTU and the MSS.
        fidelity: which rules are enforced.
    """
    rows, segments, broken = _ruled(rows, LARGEST_IP if mtu is None else mtu, fidelity)
    report = changes(broken, segments["dropped"])
    kept = segments["dropped"] == 0
    segments, owner = segments[kept], rows.owner[kept]
    headers = write_headers(rows.flows, segments, owner, rows.layouts)
    return Packets(rows.flows, rows.labels, segments, owner, headers, report)


def keeping(rows: FlowRows, rules: Broken) -> Bools:
    """Which generated flows (F,) keep some rules without a change."""
    _, _, broken = _ruled(rows, MTU, Fidelity.GENERATED)
    kept: Bools = np.bincount(rows.owner[broken & np.uint32(rules) != 0], minlength=len(rows)) == 0
    return kept


def _ruled(rows: FlowRows, largest: int, fidelity: Fidelity) -> tuple[FlowRows, NDArray[np.void], NDArray[np.uint32]]:
    """What is asked for with flows that exist, all segments (P,), and the rules (P,) that each was changed for."""
    segments, broken = np.zeros(len(rows.rows), SEGMENT), np.zeros(len(rows.rows), np.uint32)
    if fidelity.enforced:
        rows = _known(rows, broken)
    for name in SAME:
        segments[name] = rows.rows[name]
    for name in ("dont_fragment", "no_checksum"):
        segments[name] = segments[name] != 0
    assign_times(rows, segments, broken, fidelity=fidelity)
    if fidelity.enforced:
        _fit(rows, segments, broken, largest)
        assign_connections(rows, segments, broken, mtu=largest, fidelity=fidelity)
    else:
        assign_numbers(rows, segments)
    assign_icmp(rows, segments, broken, fidelity=fidelity)
    assign_ip(rows, segments, broken, fidelity=fidelity)
    assign_timestamps(rows, segments, broken, fidelity=fidelity)
    _streams(rows, segments)
    return rows, segments, broken


def _known(rows: FlowRows, broken: NDArray[np.uint32]) -> FlowRows:
    """The same flows with protocols that their IP version carries, ports, and layouts that exist."""
    flows, packets = rows.flows.copy(), rows.rows.copy()
    version, protocol = flows["version"], flows["protocol"]
    wrong = (version != 4) & (version != 6)
    version[wrong] = 4
    control = np.where(version == 4, ICMP, ICMPV6)
    other = ~np.isin(protocol, (TCP, UDP)) & (protocol != control)
    protocol[other] = np.where(np.isin(protocol, (ICMP, ICMPV6)), control, UDP)[other]
    broken[(wrong | other)[rows.owner]] |= np.uint32(Broken.PROTOCOL)
    back = np.zeros(len(flows), np.bool_)
    back[rows.owner[packets["direction"] != 0]] = True
    ported = np.isin(protocol, (TCP, UDP))
    no_server, no_client = (ported & (flows["port"][:, side] == 0) for side in (1, 0))
    no_client &= back | (protocol == TCP)  # UDP without an answer may do without a source port (RFC 768)
    flows["port"][no_server, 1], flows["port"][no_client, 0] = DISCARD, FIRST_EPHEMERAL
    broken[(no_server | no_client)[rows.owner]] |= np.uint32(Broken.PORT)
    missing = packets["layout"] >= len(rows.layouts)
    packets["layout"][missing] = 0
    broken[missing] |= np.uint32(Broken.OPTIONS)
    return FlowRows(flows, packets, rows.counts, rows.layouts, rows.labels)


def _fit(rows: FlowRows, segments: NDArray[np.void], broken: NDArray[np.uint32], mtu: int) -> None:
    """UDP and ICMP: sizes that fit the MTU, and the checksum that IPv6 demands."""
    version, protocol = rows.flows["version"][rows.owner], rows.flows["protocol"][rows.owner]
    largest = mtu - np.where(version == 4, 20, 40) - 8
    wrong = (protocol != TCP) & ((segments["size"] > largest) | (segments["size"] < 0))
    segments["size"][wrong] = np.clip(segments["size"], 0, largest)[wrong]
    broken[wrong] |= np.uint32(Broken.SIZE)
    bare = (segments["no_checksum"] != 0) & ((version == 6) | (protocol != UDP))
    segments["no_checksum"][bare] = 0
    broken[bare] |= np.uint32(Broken.CHECKSUM)


def _streams(rows: FlowRows, segments: NDArray[np.void]) -> None:
    """UDP and ICMP: each packet's payload is a part of its own of the sender's stream; an echo's reply repeats it."""
    other = rows.flows["protocol"][rows.owner] != TCP
    place = np.arange(len(segments)) - np.repeat(rows.first, rows.counts)
    segments["position"][other] = (place << 16)[other]
