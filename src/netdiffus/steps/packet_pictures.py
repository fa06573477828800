"""Pictures of packets: a real flow of each label beside a flow of a synthetic capture, as bit images."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from netdiffus.arrays import Levels
from netdiffus.compiler import labels_path
from netdiffus.imaging.bits import BitsCodec, padded
from netdiffus.steps.bitimage import packet_rows
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.traffic.flows.reader import flows_of_capture
from netdiffus.traffic.labels.rules import TUPLE
from netdiffus.traffic.tables.csv_cells import bare

NO_PAUSE_S = 2e7
"""Seconds without a packet that end a flow of a synthetic capture: none do, as in its labels.csv."""


def packet_pictures(dataset: Path, capture: Path, length: int) -> dict[str, tuple[Levels, Levels]]:
    """Bit images (length, columns) of a real test flow and of a synthetic flow of each label that has both.

    Each is the flow of median length of its label.

    Args:
        dataset: whose test part the real flows are of.
        capture: a synthetic capture with FILE.labels.csv beside it.
    """
    _, traces = read_dataset(dataset)
    test = traces.filter(pl.col("split") == "test").select("trace_id", "label")
    real = _images(read_packets(dataset), test, "trace_id", length)
    made = flows_of_capture(capture, packets=length, timeout_s=NO_PAUSE_S)
    with labels_path(capture).open("rb") as file:
        table = bare(pl.read_csv(file, infer_schema=False)).cast({"client_port": pl.Int32, "server_port": pl.Int32})
    labels = made.flows.select("flow_id", *TUPLE).join(table.select(*TUPLE, "label"), on=list(TUPLE))
    synthetic = _images(made.packets, labels.select("flow_id", "label"), "flow_id", length)
    return {label: (real[label], synthetic[label]) for label in sorted(set(real) & set(synthetic))}


def _images(packets: pl.DataFrame, labels: pl.DataFrame, key: str, length: int) -> dict[str, Levels]:
    """The image of one flow of each label, where its packets have columns."""
    codec, found = BitsCodec(), {}
    counts = packets.filter(pl.col("index") < length).group_by(key).len().join(labels, on=key).sort("len", key)
    for (label,), flows in counts.group_by("label", maintain_order=True):
        middle = flows[key][len(flows) // 2]
        flow = packet_rows(packets.filter((pl.col(key) == middle) & (pl.col("index") < length)).sort("index"))
        if not any(codec.lost(flow)):
            found[str(label)] = padded(codec.encode(flow), length)
    return found
