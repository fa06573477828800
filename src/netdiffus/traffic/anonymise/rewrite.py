"""Anonymised traffic: every address in flows and in packets' headers mapped by Crypto-PAn under one key.

All addresses are mapped alike, private, multicast and broadcast ones too: an exception would make two addresses one,
or give away which they were. Checksums change by what the addresses change, so right ones stay right and wrong ones
stay wrong. MAC addresses, where link headers are kept, take the same construction with 48 bits, so that one vendor's
stay together; a group address stays one (IEEE 802, the lowest bit of the first byte) and broadcast stays broadcast.
"""

from __future__ import annotations

import socket

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.traffic.anonymise.addresses import Places, find_addresses
from netdiffus.traffic.anonymise.checksums import mend_checksums
from netdiffus.traffic.anonymise.cryptopan import crypto_pan
from netdiffus.traffic.ragged import binary_column
from netdiffus.wire.headers import links
from netdiffus.wire.headers.fields import OK
from netdiffus.wire.headers.packets import PacketBlock

HEADERS = ("network_header", "transport_header")
MAC_BYTES = 6


def anonymise(flows: pl.DataFrame, packets: pl.DataFrame, key: bytes) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same flows (FLOW_SCHEMA) and packets (PACKET_SCHEMA) with other addresses; the same key gives the same ones.

    Args:
        flows: with the columns client and server.
        packets: with the columns network_header and transport_header, bytes as they were captured.
        key: 32 bytes, as `read_key` gives them.
    """
    texts = pl.concat([flows["client"], flows["server"]]).unique()
    other = pl.Series(anonymise_texts(texts.to_list(), key), dtype=pl.String)
    flows = flows.with_columns(
        pl.col(name).replace_strict(texts, other, return_dtype=pl.String) for name in ("client", "server")
    )
    return flows, packets.with_columns(_headers(packets, key))


def anonymise_texts(texts: list[str], key: bytes) -> list[str]:
    """Addresses in text, IPv4 and IPv6, mapped one by one."""
    packed = [socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text) for text in texts]
    mapped: dict[bytes, str] = {}
    for family, width in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
        some = [address for address in packed if len(address) == width]
        rows = crypto_pan(np.frombuffer(b"".join(some), np.uint8).reshape(-1, width), key)
        mapped |= {a: socket.inet_ntop(family, row.tobytes()) for a, row in zip(some, rows, strict=True)}
    return [mapped[address] for address in packed]


def _headers(packets: pl.DataFrame, key: bytes) -> list[pl.Series]:
    sizes = [packets[name].bin.size().to_numpy().astype(np.int64) for name in HEADERS]
    network = np.concatenate([[0], np.cumsum(sizes[0])])
    transport = network[-1] + np.concatenate([[0], np.cumsum(sizes[1])])
    old = np.frombuffer(b"".join(part for name in HEADERS for part in packets[name].to_list()), np.uint8)
    new = _mapped(old, network, transport, key)
    parts = (new[: network[-1]], new[network[-1] :])
    return [binary_column(name, part, size) for name, part, size in zip(HEADERS, parts, sizes, strict=True)]


def anonymise_block(block: PacketBlock, fields: NDArray[np.void], key: bytes) -> PacketBlock:
    """The packets of a block with other MAC and IP addresses in their headers; payload stays as it is.

    Args:
        block: packets; only those whose status is OK are handed back, for nothing is known of the addresses in others.
        fields: their header fields, as `dissect` gives them.
        key: 32 bytes, as `read_key` gives them.
    """
    known = np.flatnonzero(fields["status"] == OK)
    p, data = fields[known], block.data.copy()
    starts = np.concatenate([p["network"], p["network"] + p["network_bytes"]])
    sizes = np.concatenate([p["network_bytes"], p["transport_bytes"]]).astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    places = np.repeat(starts - ends[:-1], sizes) + np.arange(ends[-1])
    data[places] = _mapped(data[places], ends[: len(p) + 1], ends[len(p) :], key)
    frames = block.offset[known][block.link[known] == links.ETHERNET]
    _replace_macs(data, np.concatenate([frames, frames + MAC_BYTES]), key)
    captured, length, link = block.captured[known], block.length[known], block.link[known]
    return PacketBlock(data, block.offset[known], captured, length, block.time_ns[known], link)


def _mapped(old: NDArray[np.uint8], network: Places, transport: Places, key: bytes) -> NDArray[np.uint8]:
    """Headers with other addresses and checksums to match; laid out as for `find_addresses`."""
    new = old.copy()
    found = find_addresses(old, network, transport)
    _replace(new, found.v4, 4, key)
    _replace(new, found.v6, 16, key)
    mend_checksums(old, new, network, transport, found.ends)
    return new


def _replace_macs(data: NDArray[np.uint8], places: Places, key: bytes) -> None:
    """The MAC addresses that begin at `places`, in place; with the group bit kept, the mapping is still one to one."""
    spans = places[:, None] + np.arange(MAC_BYTES)
    old = data[spans]
    _replace(data, places, MAC_BYTES, key)
    data[places] = (data[places] & 0xFE) | (old[:, 0] & 1)
    everyone = (old == 0xFF).all(axis=1)
    data[spans[everyone]] = 0xFF


def _replace(data: NDArray[np.uint8], places: NDArray[np.int64], width: int, key: bytes) -> None:
    """The addresses that begin at `places`, in place; each different one is mapped once."""
    spans = places[:, None] + np.arange(width)
    rows = np.ascontiguousarray(data[spans])
    distinct, which = np.unique(rows.view(f"V{width}").reshape(-1), return_inverse=True)
    mapped = crypto_pan(distinct.view(np.uint8).reshape(-1, width), key)
    data[spans] = mapped[which]
