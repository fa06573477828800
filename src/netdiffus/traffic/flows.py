"""Captures to flows: which packets make one conversation, and its first packets as series and as headers.

The definition of a flow:

* A flow is the packets between two ends that are the same in IP version, transport protocol, both addresses and both
  ports, in either direction. Protocols without ports (ICMP among them) have port 0. VLAN tags and MPLS labels are not
  looked at; of a tunnel, the outer addresses count.
* A packet that comes more than `timeout_s` after the latest one of its flow begins a new flow.
* TCP: a flow is closed when both ends have sent FIN, or one has sent RST. Packets that still come belong to it. A SYN
  (without ACK) begins a new flow if both ends have sent FIN; if its sender's initial sequence number is known and
  another; or if that number is unknown and the flow was reset. So a repeated SYN stays in its flow.
* The client is the sender of the first SYN; without one, the receiver of the first SYN with ACK; without one, the
  sender of the first packet.
* Fragments behind the first one belong to the flow of the first one (same addresses, identification, and for IPv4
  protocol; within 60 seconds). Each counts as a packet; its payload is what it carries.
* A packet's size is the payload behind its transport header as the headers say it, whatever was captured of it.
"""

from __future__ import annotations

import socket
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.errors import InputError
from netdiffus.traffic.flowtable import FlowTable, Kept
from netdiffus.traffic.ragged import binary_column, list_column
from netdiffus.wire.captures import read_capture
from netdiffus.wire.compiled import compiled
from netdiffus.wire.dissect import dissect, faults
from netdiffus.wire.links import link_name
from netdiffus.wire.packets import Bytes

PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}

FLOW_SCHEMA: dict[str, pl.DataType] = {
    "flow_id": pl.Int64(),
    "protocol": pl.String(),
    "client": pl.String(),
    "client_port": pl.Int32(),
    "server": pl.String(),
    "server_port": pl.Int32(),
    "start_ns": pl.Int64(),
    "n_packets": pl.Int64(),
    "size": pl.List(pl.Int32()),
    "direction": pl.List(pl.Int8()),
    "gap_ns": pl.List(pl.Int64()),
}

PACKET_SCHEMA: dict[str, pl.DataType] = {
    "flow_id": pl.Int64(),
    "index": pl.Int32(),
    "time_ns": pl.Int64(),
    "direction": pl.Int8(),
    "network_header": pl.Binary(),
    "transport_header": pl.Binary(),
    "payload_bytes": pl.Int32(),
}


@dataclass(frozen=True)
class CaptureSummary:
    """What was read from one capture file.

    Attributes:
        file, sha256, bytes: name without folder, hash and size of the file as it is stored.
        packets: all packet records in it.
        first_ns, last_ns: earliest and latest time; both 0 without packets.
        flows: flows that were kept; `short_flows` had fewer packets than asked for and were not.
        links: packets by the name of their link layer.
        faults: what was left out or odd, in plain words, and how often.
    """

    file: str
    sha256: str
    bytes: int
    packets: int
    first_ns: int
    last_ns: int
    flows: int
    short_flows: int
    links: dict[str, int]
    faults: dict[str, int]


@dataclass(frozen=True)
class CaptureFlows:
    """The flows of one capture.

    Attributes:
        flows: FLOW_SCHEMA; one row a flow, by start. `size`, `direction` (0 client→server) and `gap_ns` (since the
            packet before, first 0, never negative) are those of its first packets; n_packets counts all.
        packets: PACKET_SCHEMA; the same first packets, by flow and index; headers as far as they were captured.
        summary: what was read, and what was left out.
    """

    flows: pl.DataFrame
    packets: pl.DataFrame
    summary: CaptureSummary


def flows_of_capture(
    path: str | Path, *, packets: int = 64, min_packets: int = 1, timeout_s: float = 120.0
) -> CaptureFlows:
    """Read a capture ("-" is standard input) and put its packets into flows, as this module defines them.

    Args:
        packets: how many first packets of a flow are kept.
        min_packets: flows with fewer packets are left out, and counted.
        timeout_s: idle seconds after which a flow has ended.

    Raises:
        InputError: the file cannot be read, is no capture, or an argument is out of range.
    """
    if packets < 1 or not 0 < timeout_s < 2**32:
        raise InputError(
            "at least 1 packet per flow and a timeout above 0 seconds",
            f"packets={packets}, timeout_s={timeout_s}",
            "choose others",
        )
    capture = read_capture(path)
    table = FlowTable(packets=min(packets, 2**31 - 1), timeout_ns=round(timeout_s * 1e9))
    chunks: list[Kept] = []
    found: Counter[str] = Counter()
    links: Counter[str] = Counter()
    n_packets, first_ns, last_ns = 0, 2**63 - 1, 0
    for block in capture:
        fields = dissect(block)
        chunks.append(table.add(block, fields))
        found += faults(fields)
        numbers, counts = np.unique(block.link, return_counts=True)
        links += Counter({link_name(number): n for number, n in zip(numbers.tolist(), counts.tolist(), strict=True)})
        n_packets += len(block)
        first_ns, last_ns = min(first_ns, int(block.time_ns.min())), max(last_ns, int(block.time_ns.max()))
    flows, rank = _in_order(table.flows, min_packets)
    summary = CaptureSummary(
        file=capture.name,
        sha256=capture.sha256,
        bytes=capture.n_bytes,
        packets=n_packets,
        first_ns=first_ns if n_packets else 0,
        last_ns=last_ns,
        flows=len(flows),
        short_flows=len(rank) - len(flows),
        links=dict(links),
        faults=dict(capture.faults + found + Counter(table.faults)),
    )
    return CaptureFlows(*_frames(flows, rank, chunks), summary)


def _in_order(flows: NDArray[np.void], min_packets: int) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """The flows with enough packets, by start; and for each flow of the table its new number, -1 if left out."""
    enough = np.flatnonzero(flows["n_packets"] >= min_packets)
    order = enough[np.argsort(flows["start_ns"][enough], kind="stable")]
    rank = np.full(len(flows), -1, np.int64)
    rank[order] = np.arange(len(order))
    return flows[order], rank


@compiled
def _place(
    kept: NDArray[np.void],
    rank: NDArray[np.int64],
    first: NDArray[np.int64],
    client: NDArray[np.uint8],
    time_ns: NDArray[np.int64],
    gap_ns: NDArray[np.int64],
    size: NDArray[np.int32],
    direction: NDArray[np.int8],
    network_bytes: NDArray[np.int64],
    transport_bytes: NDArray[np.int64],
) -> None:
    """Packets of a chunk into the columns, each at its flow's first row plus its index."""
    for i in range(kept.size):
        k = kept[i]
        flow = rank[k.flow]
        if flow >= 0:
            row = first[flow] + k.index
            time_ns[row], gap_ns[row], size[row] = k.time_ns, k.gap_ns, k.payload_bytes
            direction[row] = k.side ^ client[flow]
            network_bytes[row], transport_bytes[row] = k.network_bytes, k.transport_bytes


@compiled
def _place_headers(
    kept: NDArray[np.void],
    headers: Bytes,
    rank: NDArray[np.int64],
    first: NDArray[np.int64],
    network_at: NDArray[np.int64],
    transport_at: NDArray[np.int64],
    network: Bytes,
    transport: Bytes,
) -> None:
    """Headers of a chunk to where their rows' bytes begin."""
    pos = 0
    for i in range(kept.size):
        k = kept[i]
        flow = rank[k.flow]
        if flow >= 0:
            row = first[flow] + k.index
            at = network_at[row]
            for j in range(k.network_bytes):
                network[at + j] = headers[pos + j]
            at = transport_at[row]
            for j in range(k.transport_bytes):
                transport[at + j] = headers[pos + k.network_bytes + j]
        pos += k.network_bytes + k.transport_bytes


def _frames(flows: NDArray[np.void], rank: NDArray[np.int64], chunks: list[Kept]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The two tables; takes the chunks away as it goes, so that a big capture is not in memory twice."""
    counts = flows["kept"].astype(np.int64)
    first = np.cumsum(counts) - counts
    n = int(counts.sum())
    time_ns, gap_ns, network_bytes, transport_bytes = (np.empty(n, np.int64) for _ in range(4))
    size, direction = np.empty(n, np.int32), np.empty(n, np.int8)
    client = np.ascontiguousarray(flows["client"])
    for kept, _ in chunks:
        _place(kept, rank, first, client, time_ns, gap_ns, size, direction, network_bytes, transport_bytes)
    network = np.empty(int(network_bytes.sum()), np.uint8)
    transport = np.empty(int(transport_bytes.sum()), np.uint8)
    network_at, transport_at = np.cumsum(network_bytes) - network_bytes, np.cumsum(transport_bytes) - transport_bytes
    chunks.reverse()
    while chunks:
        kept, headers = chunks.pop()
        _place_headers(kept, headers, rank, first, network_at, transport_at, network, transport)
    packets = pl.DataFrame(
        {
            "flow_id": np.repeat(np.arange(len(flows)), counts),
            "index": (np.arange(n) - np.repeat(first, counts)).astype(np.int32),
            "time_ns": time_ns,
            "direction": direction,
            "network_header": binary_column("network_header", network, network_bytes),
            "transport_header": binary_column("transport_header", transport, transport_bytes),
            "payload_bytes": size,
        },
        schema=PACKET_SCHEMA,
    )
    a_is_client = flows["client"] == 0
    a, b = _addresses(flows, "a"), _addresses(flows, "b")
    a_port, b_port = flows["a_port"].astype(np.int32), flows["b_port"].astype(np.int32)
    names = {number: PROTOCOLS.get(number, str(number)) for number in range(256)}
    table = pl.DataFrame(
        {
            "flow_id": np.arange(len(flows)),
            "protocol": pl.Series(flows["protocol"]).replace_strict(names, return_dtype=pl.String),
            "client": a.zip_with(pl.Series(a_is_client), b),
            "client_port": np.where(a_is_client, a_port, b_port),
            "server": b.zip_with(pl.Series(a_is_client), a),
            "server_port": np.where(a_is_client, b_port, a_port),
            "start_ns": flows["start_ns"],
            "n_packets": flows["n_packets"],
            "size": list_column("size", size, counts),
            "direction": list_column("direction", direction, counts),
            "gap_ns": list_column("gap_ns", gap_ns, counts),
        },
        schema=FLOW_SCHEMA,
    )
    return table, packets


def _addresses(flows: NDArray[np.void], end: str) -> pl.Series:
    """The addresses of one end as text."""
    numbers = np.stack([flows[f"{end}_high"], flows[f"{end}_low"], flows["version"]], axis=1)
    distinct, places = np.unique(numbers, axis=0, return_inverse=True)
    texts = [_address(*row) for row in distinct.tolist()]
    return pl.Series(end, texts, dtype=pl.String).gather(places.reshape(-1))


def _address(high: int, low: int, version: int) -> str:
    if version == 4:
        return socket.inet_ntop(socket.AF_INET, (low & 0xFFFF_FFFF).to_bytes(4, "big"))
    return socket.inet_ntop(socket.AF_INET6, (high << 64 | low).to_bytes(16, "big"))
