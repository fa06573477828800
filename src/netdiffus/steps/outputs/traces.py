"""Traces: what a model draws as a table, of a model of packets the traces of its packets."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator

import numpy as np
import polars as pl

from netdiffus.compiler import Packets
from netdiffus.models.sampling import Draw
from netdiffus.models.unet import no_scale
from netdiffus.steps.outputs.capture import compiled_flows, written
from netdiffus.steps.outputs.order import Drawn, Order, draw_flows, draws
from netdiffus.steps.outputs.tables import table_writer, traces_table, write_traces
from netdiffus.steps.outputs.written import CaptureWritten
from netdiffus.traffic.ragged import list_column
from netdiffus.traffic.traces import conform


def write_series(order: Order) -> Generator[Drawn, None, None]:
    """Draw series and write them as a table, in memory that does not grow with it (but of an .npz)."""
    with table_writer(order.out, json.dumps(order.made_by)) as add:
        for traces, progress in draws(order, _table_maker(order)):
            add(traces)
            yield progress


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
    parts = []
    for traces, progress in draws(order, _table_maker(order)):
        parts.append(traces)
        yield progress
    return conform(pl.concat(parts).drop("trace_id"))


def _table_maker(order: Order) -> Callable[[Draw], pl.DataFrame]:
    """What makes a table of the series of a draw."""
    manifest, source = order.model.manifest, order.source
    names, channels = np.array(manifest.labels), manifest.codec.channels
    return lambda draw: traces_table(draw.series(), channels, names[draw.ids], source)


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
