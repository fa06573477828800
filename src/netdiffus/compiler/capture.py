"""Compiled flows as one capture, interleaved in time, and the table that says which flow has which label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.arrays import Ints
from netdiffus.compiler.compile import Packets
from netdiffus.compiler.headers import Headers
from netdiffus.compiler.payload import LINKS, Content, build_packets
from netdiffus.compiler.specs import CLIENT, SERVER
from netdiffus.traffic.flows.frames import PROTOCOLS
from netdiffus.wire.files.writer import NETDIFFUS, CaptureWriter, Origin
from netdiffus.wire.headers.addresses import ipv4_text, ipv6_text
from netdiffus.wire.headers.packets import PacketBlock

CHUNK_BYTES = 1 << 24
"""Packets are built and written in pieces of about this size."""

LABEL_SCHEMA: dict[str, pl.DataType] = {
    "label": pl.String(),
    "protocol": pl.String(),
    "client": pl.String(),
    "client_port": pl.Int32(),
    "server": pl.String(),
    "server_port": pl.Int32(),
    "start_ns": pl.Int64(),
    "packets": pl.Int64(),
}
"""The columns of FILE.labels.csv: one row a flow, by start."""


def write_packets(
    file: BinaryIO,
    packets: Packets,
    *,
    form: str = ".pcap",
    link: str = "ethernet",
    payload: str | Content = "random",
    seed: int = 0,
    origin: Origin = NETDIFFUS,
) -> int:
    """Write flows as a capture in order of time; returns the number of packets.

    Args:
        form: ".pcap" (nanoseconds) or ".pcapng", where the first packet of each flow has the comment "label: LABEL".
        link, payload, seed: as in build_packets.
        origin: of the file, e.g. the comment "synthetic, netdiffus VERSION, model HASH, seed S"; pcapng only.

    Raises:
        InputError: form, link or payload is not known, or a time does not fit the form.
    """
    order = np.argsort(packets.segments["time_ns"], kind="stable")
    names = sorted(set(packets.labels))
    of_flow = np.searchsorted(names, packets.labels) if names else np.zeros(0, np.int64)
    texts = np.full(len(order), -1)
    begun, first = np.unique(packets.owner[order], return_index=True)
    texts[order[first]] = of_flow[begun]
    texts_of_file = [f"label: {name}" for name in names]
    writer = CaptureWriter(file, form, link=LINKS.get(link, 0), origin=origin, comments=texts_of_file)
    for chosen, block in packet_blocks(packets, order, link=link, payload=payload, seed=seed):
        writer.write(block, texts[chosen])
    return len(order)


def packet_blocks(
    packets: Packets, order: Ints, *, link: str, payload: str | Content, seed: int
) -> Iterator[tuple[Ints, PacketBlock]]:
    """Compiled packets as bytes in an order (N,), CHUNK_BYTES at a time, and which of them each block has.

    Args:
        link, payload, seed: as in build_packets.

    Raises:
        InputError: link or payload is not known.
    """
    size = packets.headers.network + packets.headers.transport + packets.segments["size"]
    piece = np.cumsum(size[order]) // CHUNK_BYTES
    for chosen in np.split(order, np.flatnonzero(np.diff(piece)) + 1):
        data, at, whole = build_packets(packets, chosen, link=link, payload=payload, seed=seed)
        lengths = whole.astype(np.int32)
        links = np.full(len(chosen), LINKS[link], np.int32)
        yield chosen, PacketBlock(data, at, lengths, lengths, packets.segments["time_ns"][chosen], links)


def label_table(packets: Packets) -> pl.DataFrame:
    """Which flow has which label (LABEL_SCHEMA), by start; flows without a packet have no row."""
    counts = np.bincount(packets.owner, minlength=len(packets.flows))
    start_ns = np.full(len(packets.flows), np.iinfo(np.int64).max)
    np.minimum.at(start_ns, packets.owner, packets.segments["time_ns"])
    table = label_rows(packets.flows, packets.labels, counts, start_ns)
    return table.filter(pl.col("packets") > 0).sort("start_ns", maintain_order=True)


def label_rows(
    flows: NDArray[np.void], labels: Sequence[str], counts: Ints, start_ns: Ints, session: Ints | None = None
) -> pl.DataFrame:
    """A row for each of flows (F,) of FLOW, which have so many packets, the first at `start_ns`.

    With the sessions (F,) that flows are of, their numbers are the last column, `session`.
    """
    table = pl.DataFrame(
        {
            "label": pl.Series(labels, dtype=pl.String),
            "protocol": [PROTOCOLS[number] for number in flows["protocol"].tolist()],
            "client": _texts(flows, CLIENT),
            "client_port": flows["port"][:, CLIENT].astype(np.int32),
            "server": _texts(flows, SERVER),
            "server_port": flows["port"][:, SERVER].astype(np.int32),
            "start_ns": start_ns,
            "packets": counts,
        },
        schema=LABEL_SCHEMA,
    )
    return table if session is None else table.with_columns(pl.Series("session", session, pl.Int64))


def by_label(packets: Packets) -> dict[str, Packets]:
    """The same packets, label by label, in alphabetical order; `changes` stays that of all."""
    labels = np.array(packets.labels)
    return {name: _select(packets, labels == name) for name in sorted(set(packets.labels))}


def _select(packets: Packets, chosen: NDArray[np.bool_]) -> Packets:
    """The flows that are marked; numbers of flows are new, so random payload is another."""
    number = np.cumsum(chosen) - 1
    here = chosen[packets.owner]
    size = packets.headers.network + packets.headers.transport
    headers = Headers(
        packets.headers.data[np.repeat(here, size)], packets.headers.network[here], packets.headers.transport[here]
    )
    labels = tuple(label for label, keep in zip(packets.labels, chosen.tolist(), strict=True) if keep)
    return replace(
        packets,
        flows=packets.flows[chosen],
        labels=labels,
        segments=packets.segments[here],
        owner=number[packets.owner[here]],
        headers=headers,
    )


def _texts(flows: NDArray[np.void], side: int) -> list[str]:
    """Addresses of one side as text."""
    return [
        ipv4_text(low) if version == 4 else ipv6_text(high, low)
        for (high, low), version in zip(flows["address"][:, side].tolist(), flows["version"].tolist(), strict=True)
    ]
