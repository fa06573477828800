"""Real flows for the benchmark of payload: read from captures, placed between fresh hosts, written to files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from netdiffus import prepare
from netdiffus.compiler import (
    FlowRows,
    Packets,
    compile_rows,
    concatenate,
    draw_starts,
    fresh_endpoints,
    write_packets,
)
from netdiffus.compiler.payload import Content
from netdiffus.compiler.tables import rows_of_tables
from netdiffus.store.cards import DatasetCard
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.traffic.payload.knowledge import PayloadKnowledge
from netdiffus.wire.headers.addresses import ipv4_text, ipv6_text

PACKETS = 64
START_NS = 1_767_225_600 * 10**9
Ends = tuple[str, int, str, int]


def captures(folder: Path) -> dict[str, list[Path]]:
    """The captures of each label in a folder."""
    found = {each.name: sorted(each.glob("*.pcap*")) for each in sorted(folder.glob("*/"))}
    return {label: [p for p in paths if p.stat().st_size > 1000] for label, paths in found.items() if paths}


def learn(paths: dict[str, list[Path]], out: Path) -> tuple[FlowRows, FlowRows, PayloadKnowledge]:
    """Training and test flows of captures, and what their payload says."""
    prepare(
        [path.parent for each in paths.values() for path in each[:1]], out=out, payload_shapes=True, packets=PACKETS
    )
    card, traces = DatasetCard.read(out), read_dataset(out)[1]
    packets = read_packets(out)
    parts = [rows_of_tables(traces.filter(pl.col("split") == side), packets)[0] for side in ("train", "test")]
    if card.payload is None:
        raise TypeError("a dataset without payload")
    return parts[0], parts[1], card.payload


def placed(rows: FlowRows, seed: int) -> Packets:
    """The same flows between fresh hosts, compiled."""
    rng = np.random.default_rng(seed)
    fresh = fresh_endpoints(rows, rng)
    starts = draw_starts(np.array([10**7]), len(rows), rng, begin_ns=START_NS)
    fresh.flows["start_ns"] = rng.permutation(starts)
    return compile_rows(fresh)


def several(rows: FlowRows, packets: int) -> FlowRows:
    """The flows as often as it takes to have so many packets."""
    return concatenate([rows] * max(1, -(-packets // max(len(rows.rows), 1))))


def save(path: Path, packets: Packets, content: Content, seed: int = 0) -> Path:
    """Write a capture."""
    with path.open("wb") as file:
        write_packets(file, packets, payload=content, seed=seed)
    return path


def ends_of(packets: Packets) -> list[Ends]:
    """Client and server of each flow."""
    flows, texts = packets.flows, []
    for side in (0, 1):
        pairs = zip(flows["address"][:, side].tolist(), flows["version"].tolist(), strict=True)
        texts.append([ipv4_text(low) if version == 4 else ipv6_text(high, low) for (high, low), version in pairs])
    ports = flows["port"].tolist()
    return [(a, pa, b, pb) for a, b, (pa, pb) in zip(*texts, ports, strict=True)]
