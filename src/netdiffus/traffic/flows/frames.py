"""Flows as tables: one row a flow with its series, one row a packet with its headers."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.traffic.flows.dtypes import Kept
from netdiffus.traffic.ragged import binary_column, list_column
from netdiffus.wire.headers.addresses import ipv4_text, ipv6_text
from netdiffus.wire.kernels.compiled import compiled

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
TOLD = "payload"
"""The column with the first payload bytes of packets, where they are asked for."""


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
    told_bytes: NDArray[np.int64],
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
            told_bytes[row] = k.told_bytes


@compiled
def _place_headers(
    kept: NDArray[np.void],
    headers: Bytes,
    rank: NDArray[np.int64],
    first: NDArray[np.int64],
    network_at: NDArray[np.int64],
    transport_at: NDArray[np.int64],
    told_at: NDArray[np.int64],
    network: Bytes,
    transport: Bytes,
    told: Bytes,
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
            at = told_at[row]
            for j in range(k.told_bytes):
                told[at + j] = headers[pos + k.network_bytes + k.transport_bytes + j]
        pos += k.network_bytes + k.transport_bytes + k.told_bytes


def flow_frames(
    flows: NDArray[np.void], rank: NDArray[np.int64], chunks: list[Kept], first_id: int, *, told: bool = False
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tables of flows (FLOW_SCHEMA) and of their first packets (PACKET_SCHEMA; with `told` and TOLD).

    Args:
        flows: (F,) of FLOW, in the order of the table; their flow_id counts up from `first_id`.
        rank: for the flow numbers in `chunks`, the place in `flows`, or -1 for flows that are left out.
        chunks: first packets; emptied on the way, so that they are not in memory twice.
    """
    counts = flows["kept"].astype(np.int64)
    first = np.cumsum(counts) - counts
    n = int(counts.sum())
    time_ns, gap_ns, network_bytes, transport_bytes, told_bytes = (np.empty(n, np.int64) for _ in range(5))
    size, direction = np.empty(n, np.int32), np.empty(n, np.int8)
    client = np.ascontiguousarray(flows["client"])
    for kept, _ in chunks:
        _place(kept, rank, first, client, time_ns, gap_ns, size, direction, network_bytes, transport_bytes, told_bytes)
    network = np.empty(int(network_bytes.sum()), np.uint8)
    transport = np.empty(int(transport_bytes.sum()), np.uint8)
    payload = np.empty(int(told_bytes.sum()), np.uint8)
    network_at, transport_at, told_at = (
        np.cumsum(sizes) - sizes for sizes in (network_bytes, transport_bytes, told_bytes)
    )
    chunks.reverse()
    while chunks:
        kept, headers = chunks.pop()
        _place_headers(kept, headers, rank, first, network_at, transport_at, told_at, network, transport, payload)
    packets = pl.DataFrame(
        {
            "flow_id": np.repeat(np.arange(first_id, first_id + len(flows)), counts),
            "index": (np.arange(n) - np.repeat(first, counts)).astype(np.int32),
            "time_ns": time_ns,
            "direction": direction,
            "network_header": binary_column("network_header", network, network_bytes),
            "transport_header": binary_column("transport_header", transport, transport_bytes),
            "payload_bytes": size,
        },
        schema=PACKET_SCHEMA,
    )
    if told:
        packets = packets.with_columns(binary_column(TOLD, payload, told_bytes))
    series = {
        "size": list_column("size", size, counts),
        "direction": list_column("direction", direction, counts),
        "gap_ns": list_column("gap_ns", gap_ns, counts),
    }
    return _flow_table(flows, first_id, series), packets


def _flow_table(flows: NDArray[np.void], first_id: int, series: dict[str, pl.Series]) -> pl.DataFrame:
    """The table of flows with their series, by name."""
    a_is_client = flows["client"] == 0
    a, b = _addresses(flows, "a"), _addresses(flows, "b")
    a_port, b_port = flows["a_port"].astype(np.int32), flows["b_port"].astype(np.int32)
    names = {number: PROTOCOLS.get(number, str(number)) for number in range(256)}
    return pl.DataFrame(
        {
            "flow_id": np.arange(first_id, first_id + len(flows)),
            "protocol": pl.Series(flows["protocol"]).replace_strict(names, return_dtype=pl.String),
            "client": a.zip_with(pl.Series(a_is_client), b),
            "client_port": np.where(a_is_client, a_port, b_port),
            "server": b.zip_with(pl.Series(a_is_client), a),
            "server_port": np.where(a_is_client, b_port, a_port),
            "start_ns": flows["start_ns"],
            "n_packets": flows["n_packets"],
            **series,
        },
        schema=FLOW_SCHEMA,
    )


def _addresses(flows: NDArray[np.void], end: str) -> pl.Series:
    """The addresses of one end as text."""
    high, low, is_v4 = flows[f"{end}_high"], flows[f"{end}_low"], flows["version"] == 4
    texts = np.empty(len(flows), object)
    distinct, places = np.unique(low[is_v4], return_inverse=True)
    texts[is_v4] = np.array([ipv4_text(number) for number in distinct.tolist()], object)[places]
    pairs, places = np.unique(np.stack([high[~is_v4], low[~is_v4]], axis=1), axis=0, return_inverse=True)
    texts[~is_v4] = np.array([ipv6_text(*pair) for pair in pairs.tolist()], object)[places.reshape(-1)]
    return pl.Series(end, texts, dtype=pl.String)
