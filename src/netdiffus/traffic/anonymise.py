"""Anonymised flows: every address in them and in their packets' headers mapped by Crypto-PAn under one key.

All addresses are mapped alike, private, multicast and broadcast ones too: an exception would make two addresses one,
or give away which they were. Checksums change by what the addresses change, so right ones stay right and wrong ones
stay wrong. Link-layer addresses need no mapping: headers are kept from the network layer on.
"""

from __future__ import annotations

import socket

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.traffic.cryptopan import crypto_pan
from netdiffus.traffic.headeraddresses import find_addresses
from netdiffus.traffic.headerchecksums import mend_checksums
from netdiffus.traffic.ragged import binary_column

HEADERS = ("network_header", "transport_header")


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
    new = old.copy()
    found = find_addresses(old, network, transport)
    _replace(new, found.v4, 4, key)
    _replace(new, found.v6, 16, key)
    mend_checksums(old, new, network, transport, found.ends)
    parts = (new[: network[-1]], new[network[-1] :])
    return [binary_column(name, part, size) for name, part, size in zip(HEADERS, parts, sizes, strict=True)]


def _replace(data: NDArray[np.uint8], places: NDArray[np.int64], width: int, key: bytes) -> None:
    """The addresses that begin at `places`, in place; each different one is mapped once."""
    spans = places[:, None] + np.arange(width)
    rows = np.ascontiguousarray(data[spans])
    distinct, which = np.unique(rows.view(f"V{width}").reshape(-1), return_inverse=True)
    mapped = crypto_pan(distinct.view(np.uint8).reshape(-1, width), key)
    data[spans] = mapped[which]
