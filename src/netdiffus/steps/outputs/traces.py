"""Traces: what a model draws as a table, of a model of packets the traces of its packets."""

from __future__ import annotations

import json
from collections.abc import Generator

import numpy as np
import polars as pl

from netdiffus.compiler import Packets
from netdiffus.models.unet import no_scale
from netdiffus.steps.outputs.capture import CaptureWritten, compiled_flows, written
from netdiffus.steps.outputs.order import Drawn, Order, draw_flows, draws
from netdiffus.steps.outputs.tables import traces_table, write_traces
from netdiffus.traffic.ragged import list_column
from netdiffus.traffic.traces import conform


def write_series(order: Order) -> Generator[Drawn, None, None]:
    """Draw series and write them as a table."""
    write_traces(order.out, (yield from series_table(order)), json.dumps(order.made_by))


def write_flows(order: Order) -> Generator[Drawn, None, CaptureWritten]:
    """Draw flows, compile them and write the traces of their packets as a table."""
    drawn = yield from draw_flows(order)
    packets = compiled_flows(drawn, order)
    made_by = order.made_by | {"capture": order.capture.model_dump()}
    write_traces(order.out, traces_of(packets, order.source), json.dumps(made_by))
    return written({order.out: len(packets.segments)}, packets, drawn)


def drawn_table(order: Order) -> Generator[Drawn, None, pl.DataFrame]:
    """Yields a record per batch; returns the traces that were drawn, of a model of packets those of its packets.

    Raises:
        InputError: the model draws images alone.
    """
    if "flows" in order.model.forms:
        drawn = yield from draw_flows(order)
        return traces_of(compiled_flows(drawn, order), order.source)
    if "series" not in order.model.forms:
        raise no_scale()
    return (yield from series_table(order))


def series_table(order: Order) -> Generator[Drawn, None, pl.DataFrame]:
    """The same of series."""
    ids, batches = [], []
    for draw, progress in draws(order):
        ids.append(draw.ids)
        batches.append(draw.series())
        yield progress
    manifest = order.model.manifest
    labels = np.array(manifest.labels)[np.concatenate(ids)]
    return traces_table(np.concatenate(batches), manifest.codec.channels, labels, order.source)


def traces_of(packets: Packets, source: str) -> pl.DataFrame:
    """Compiled flows as a table with the columns of traces.parquet, split = "synthetic", in their order."""
    segments = packets.segments
    counts = np.bincount(packets.owner, minlength=len(packets.flows)).astype(np.int64)
    first = np.cumsum(counts) - counts
    gap_ns = np.diff(segments["time_ns"], prepend=0)
    kept = counts > 0
    gap_ns[first[kept]] = 0
    table = pl.DataFrame(
        {
            "label": [label for label, here in zip(packets.labels, kept.tolist(), strict=True) if here],
            "start_ns": segments["time_ns"][first[kept]],
            "size": list_column("size", segments["size"], counts[kept]),
            "direction": list_column("direction", segments["direction"], counts[kept]),
            "gap_ns": list_column("gap_ns", gap_ns, counts[kept]),
        }
    )
    return conform(table.with_columns(split=pl.lit("synthetic"), source=pl.lit(source)))
