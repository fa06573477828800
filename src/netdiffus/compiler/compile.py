"""The session compiler: flows of a capture → rows → packets. A row proposes, the rules of the wire dispose.

`rows_of_flows` takes what varies out of the headers of real flows; `compile_rows` makes headers from rows. On the rows
of a valid flow it changes nothing: all header bits come back. What it had to change is counted by rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.compiler.headers import REASONS, Headers, parse_headers, write_headers
from netdiffus.compiler.icmp import relate_icmp, settle_icmp
from netdiffus.compiler.ip import relate_network, settle_network
from netdiffus.compiler.rules import CHECKSUM, OPTIONS, PORT, PROTOCOL, SIZE, Changes, changes
from netdiffus.compiler.specs import ROW, SAME, SEGMENT, FlowRows
from netdiffus.compiler.tcp_connection import settle_connections
from netdiffus.compiler.tcp_numbers import relate_numbers, settle_numbers
from netdiffus.compiler.timestamps import relate_clocks, settle_clocks
from netdiffus.compiler.timing import relate_times, settle_times
from netdiffus.traffic.flows.frames import PROTOCOLS
from netdiffus.wire.headers.fields import ICMP, ICMPV6, TCP, UDP

NUMBERS = {name: number for number, name in PROTOCOLS.items()}
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


def rows_of_flows(
    flows: pl.DataFrame, packets: pl.DataFrame, label: str | Sequence[str] = ""
) -> tuple[FlowRows, Counter[str]]:
    """The rows of flows as traffic/flows reads them from a capture.

    Args:
        flows: FLOW_SCHEMA. packets: PACKET_SCHEMA, of the same flows, by flow and index.
        label: of all these flows, or of each.

    Returns:
        the rows of the flows that have rows, and how many have none, by reason.

    Raises:
        InputError: there are more layouts of TCP options than a row can name.
    """
    number = pl.Series(flows["protocol"]).replace_strict(NUMBERS, default=255, return_dtype=pl.UInt8).to_numpy()
    places = {flow: place for place, flow in enumerate(flows["flow_id"].to_list())}
    owner = packets["flow_id"].replace_strict(places, return_dtype=pl.Int64).to_numpy()
    headers = packets.select(pl.concat_list("network_header", "transport_header").alias("h")).to_series()
    data = np.frombuffer(b"".join(headers.explode().to_list()), np.uint8)
    lengths = [packets[name].bin.size().to_numpy().astype(np.int64) for name in ("network_header", "transport_header")]
    parsed, segments, layouts, reason = parse_headers(
        Headers(data, *lengths),
        owner,
        number,
        packets["time_ns"].to_numpy(),
        packets["direction"].to_numpy().astype(np.uint8),
        packets["payload_bytes"].to_numpy(),
    )
    counts = np.bincount(owner, minlength=len(flows)).astype(np.int64)
    parsed["start_ns"] = flows["start_ns"].to_numpy()
    worst = np.zeros(len(flows), np.uint8)
    np.maximum.at(worst, owner, reason)
    left_out = Counter({REASONS[code]: int(n) for code, n in enumerate(np.bincount(worst).tolist()) if code and n})
    labels = (label,) * len(flows) if isinstance(label, str) else tuple(label)
    every = FlowRows(parsed, np.zeros(len(owner), ROW), counts, layouts, labels)
    chosen = (worst == 0) & (counts > 0)
    kept, segments = every.select(chosen), segments[chosen[owner]]
    for name in SAME:
        kept.rows[name] = segments[name]
    relate_times(kept, segments)
    relate_network(kept, segments)
    relate_numbers(kept, segments)
    relate_clocks(kept, segments)
    relate_icmp(kept, segments)
    return kept, left_out


def compile_rows(rows: FlowRows, *, mtu: int | None = MTU, quiet: bool = True, as_captured: bool = False) -> Packets:
    """Packets from rows; addresses, ports and initial numbers are those of the flows (see endpoints.py).

    Args:
        rows: what is asked for; any numbers at all.
        mtu: bytes of the largest IP packet; None keeps the sizes of segmentation offload, beyond the MTU and the MSS.
        quiet: leave out what real captures have and Wireshark warns of or takes amiss: SACK of bytes that came twice
            (RFC 2883), acknowledgements that were overtaken, retransmissions that go on into new data, FIN in another
            place than before, repeated IPv4 identifications. Right for packets that are made, wrong for real ones.
        as_captured: no rule is applied: what networks and captures do to packets (loss, reordering, segmentation
            offload) comes back as well.
    """
    strict = not as_captured
    quiet = quiet and strict
    segments, broken = np.zeros(len(rows.rows), SEGMENT), np.zeros(len(rows.rows), np.uint32)
    if strict:
        rows = _known(rows, broken)
    for name in SAME:
        segments[name] = rows.rows[name]
    for name in ("dont_fragment", "no_checksum"):
        segments[name] = segments[name] != 0
    settle_times(rows, segments, broken, strict=strict, quiet=quiet)
    if strict:
        largest = LARGEST_IP if mtu is None else mtu
        _fit(rows, segments, broken, largest)
        settle_connections(rows, segments, broken, mtu=largest, quiet=quiet)
    else:
        settle_numbers(rows, segments)
    settle_icmp(rows, segments, broken, strict=strict, quiet=quiet)
    settle_network(rows, segments, broken, strict=strict, quiet=quiet)
    settle_clocks(rows, segments, broken, strict=strict, quiet=quiet)
    _streams(rows, segments)
    report = changes(broken, segments["dropped"])
    kept = segments["dropped"] == 0
    segments, owner = segments[kept], rows.owner[kept]
    headers = write_headers(rows.flows, segments, owner, rows.layouts)
    return Packets(rows.flows, rows.labels, segments, owner, headers, report)


def _known(rows: FlowRows, broken: NDArray[np.uint32]) -> FlowRows:
    """The same flows with protocols that their IP version carries, ports, and layouts that exist."""
    flows, packets = rows.flows.copy(), rows.rows.copy()
    version, protocol = flows["version"], flows["protocol"]
    wrong = (version != 4) & (version != 6)
    version[wrong] = 4
    control = np.where(version == 4, ICMP, ICMPV6)
    other = ~np.isin(protocol, (TCP, UDP)) & (protocol != control)
    protocol[other] = np.where(np.isin(protocol, (ICMP, ICMPV6)), control, UDP)[other]
    broken[(wrong | other)[rows.owner]] |= np.uint32(PROTOCOL)
    back = np.zeros(len(flows), np.bool_)
    back[rows.owner[packets["direction"] != 0]] = True
    ported = np.isin(protocol, (TCP, UDP))
    no_server, no_client = (ported & (flows["port"][:, side] == 0) for side in (1, 0))
    no_client &= back | (protocol == TCP)  # UDP without an answer may do without a source port (RFC 768)
    flows["port"][no_server, 1], flows["port"][no_client, 0] = DISCARD, FIRST_EPHEMERAL
    broken[(no_server | no_client)[rows.owner]] |= np.uint32(PORT)
    missing = packets["layout"] >= len(rows.layouts)
    packets["layout"][missing] = 0
    broken[missing] |= np.uint32(OPTIONS)
    return FlowRows(flows, packets, rows.counts, rows.layouts, rows.labels)


def _fit(rows: FlowRows, segments: NDArray[np.void], broken: NDArray[np.uint32], mtu: int) -> None:
    """UDP and ICMP: sizes that fit the MTU, and the checksum that IPv6 demands."""
    version, protocol = rows.flows["version"][rows.owner], rows.flows["protocol"][rows.owner]
    largest = mtu - np.where(version == 4, 20, 40) - 8
    wrong = (protocol != TCP) & ((segments["size"] > largest) | (segments["size"] < 0))
    segments["size"][wrong] = np.clip(segments["size"], 0, largest)[wrong]
    broken[wrong] |= np.uint32(SIZE)
    bare = (segments["no_checksum"] != 0) & ((version == 6) | (protocol != UDP))
    segments["no_checksum"][bare] = 0
    broken[bare] |= np.uint32(CHECKSUM)


def _streams(rows: FlowRows, segments: NDArray[np.void]) -> None:
    """UDP and ICMP: each packet's payload is a part of its own of the sender's stream; an echo's reply repeats it."""
    other = rows.flows["protocol"][rows.owner] != TCP
    place = np.arange(len(segments)) - np.repeat(rows.first, rows.counts)
    segments["position"][other] = (place << 16)[other]
