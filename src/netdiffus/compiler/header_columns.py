"""What the headers of flows say, as columns: nPrint bits and the fields that classifiers and reviewers look at."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.arrays import Bytes
from netdiffus.compiler.specs import SEGMENT
from netdiffus.compiler.tcp_options import take_options
from netdiffus.wire.headers import links
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.fields import LATER, OK, TCP
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.nprint.bits import bit_rows
from netdiffus.wire.nprint.columns import Layout, layout

LAYOUT = layout(("ipv4", "ipv6", "tcp", "udp", "icmp"))
CHUNK = 1 << 15  # packets whose option layouts are told apart at a time
ABSENT = -1


@dataclass(frozen=True)
class HeaderColumns:
    """Packets, flow after flow.

    Attributes:
        owner: the flow of each packet (P,), ascending from 0.
        direction: 0 client → server, 1 server → client (P,).
        gap_ns: since the packet before in the flow, first 0 (P,).
        size: bytes behind the transport header (P,).
        protocol: IP protocol number (P,).
        ttl: TTL or hop limit (P,).
        flags, window, options: of TCP, else -1 (P,): 12 bits, the window as it stands in the header, and a number that
            two packets share where kinds, order and padding of their options are the same.
        server_port: of each packet, 0 where there are no ports (P,).
        bits, present: nPrint rows in LAYOUT, packed (P, LAYOUT.row_bytes); all 0 where a packet has no row.
    """

    owner: NDArray[np.int64]
    direction: NDArray[np.int64]
    gap_ns: NDArray[np.int64]
    size: NDArray[np.int64]
    protocol: NDArray[np.int64]
    ttl: NDArray[np.int64]
    flags: NDArray[np.int64]
    window: NDArray[np.int64]
    options: NDArray[np.int64]
    server_port: NDArray[np.int64]
    bits: Bytes
    present: Bytes
    layout: Layout = LAYOUT


def header_block(packets: pl.DataFrame) -> PacketBlock:
    """The headers of packets (rows of packets.parquet) as raw IP packets whose payload was not captured."""
    pairs = zip(packets["network_header"].to_list(), packets["transport_header"].to_list(), strict=True)
    whole = [network + transport for network, transport in pairs]
    captured = np.array([len(data) for data in whole], np.int32)
    length = captured + packets["payload_bytes"].to_numpy().astype(np.int32)
    offset = np.cumsum(captured, dtype=np.int64) - captured
    data = np.frombuffer(b"".join(whole), np.uint8)
    time_ns = packets["time_ns"].to_numpy().astype(np.int64)
    return PacketBlock(data, offset, captured, length, time_ns, np.full(len(whole), links.RAW, np.int32))


def header_columns(packets: pl.DataFrame, owner: NDArray[np.int64]) -> HeaderColumns:
    """The columns of packets, which are rows of packets.parquet by flow and index; `owner` (P,) is their flow."""
    block = header_block(packets)
    fields = dissect(block)
    fine = fields["status"] == OK
    at, behind = fields["network"], fields["network"] + fields["network_bytes"]
    data = np.concatenate([block.data, np.zeros(1, np.uint8)])  # so that there is a byte to read where there is none
    ttl = np.where(fine, _bytes(data, at + np.where(fields["version"] == 4, 8, 7), fine), ABSENT)
    is_tcp = fine & (fields["protocol"] == TCP) & (fields["fragment"] != LATER) & (fields["transport_bytes"] >= 20)
    flags, window = (_words(data, behind + place, is_tcp) for place in (12, 14))
    direction = packets["direction"].to_numpy().astype(np.int64)
    gap_ns = np.diff(block.time_ns, prepend=block.time_ns[:1])
    gap_ns[np.diff(owner, prepend=-1) != 0] = 0
    layouts = _options(block.data, behind + 20, np.where(is_tcp, fields["transport_bytes"] - 20, 0))
    bits, present = _bits(block, fields)
    return HeaderColumns(
        owner,
        direction,
        np.maximum(gap_ns, 0),
        packets["payload_bytes"].to_numpy().astype(np.int64),
        fields["protocol"].astype(np.int64),
        ttl,
        np.where(is_tcp, flags & 0xFFF, ABSENT),
        np.where(is_tcp, window, ABSENT),
        np.where(is_tcp, layouts, ABSENT),
        np.where(direction == 0, fields["destination_port"], fields["source_port"]).astype(np.int64),
        bits,
        present,
    )


def _bytes(data: Bytes, place: NDArray[np.int64], there: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.asarray(data[np.where(there, place, len(data) - 1)].astype(np.int64))


def _words(data: Bytes, place: NDArray[np.int64], there: NDArray[np.bool_]) -> NDArray[np.int64]:
    return _bytes(data, place, there) << 8 | _bytes(data, place + 1, there)


def _options(data: Bytes, place: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for each packet's layout of TCP options: the same bytes but for their values, the same number."""
    found = np.zeros(len(place), np.int64)
    for start in range(0, len(place), CHUNK):
        some = slice(start, start + CHUNK)
        segments = np.zeros(len(place[some]), SEGMENT)
        layouts = take_options(data, place[some], size[some].astype(np.int64), segments)
        found[some] = np.array([zlib.crc32(each) for each in layouts], np.int64)[segments["layout"]]
    return found


def _bits(block: PacketBlock, fields: NDArray[np.void]) -> tuple[Bytes, Bytes]:
    """nPrint rows of all packets, in place; what has no row stays 0."""
    n = len(block)
    numbered = PacketBlock(
        block.data, block.offset, block.captured, block.length, np.arange(n, dtype=np.int64), block.link
    )
    rows, _ = bit_rows(numbered, fields, LAYOUT)
    if rows.time_ns is None:
        raise TypeError("rows without the places that stand in for their times")
    bits, present = (np.zeros((n, LAYOUT.row_bytes), np.uint8) for _ in range(2))
    bits[rows.time_ns], present[rows.time_ns] = rows.bits, rows.present
    return bits, present
