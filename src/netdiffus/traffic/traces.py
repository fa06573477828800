"""Traces: labelled series in one table, one row a trace, one list column a channel (the columns of traces.parquet)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.errors import InputError


@dataclass(frozen=True)
class Channel:
    """One feature of a trace: its name is its column; `kind` says how to read it."""

    name: str
    kind: str  # "size", "direction", "gap" or "bytes" (per time bin)
    unit: str  # "bytes", "0 client→server, 1 server→client" or "ns"
    dtype: type[pl.DataType]


CHANNELS: dict[str, Channel] = {
    channel.name: channel
    for channel in (
        Channel("size", "size", "bytes of transport payload", pl.Int32),
        Channel("direction", "direction", "0 client→server, 1 server→client", pl.Int8),
        Channel("gap_ns", "gap", "ns since the previous packet of the trace", pl.Int64),
        Channel("up_bytes", "bytes", "bytes client→server per bin", pl.Int64),
        Channel("down_bytes", "bytes", "bytes server→client per bin", pl.Int64),
    )
}

FIXED_COLUMNS: dict[str, type[pl.DataType]] = {
    "trace_id": pl.Int64,
    "label": pl.String,
    "split": pl.String,
    "source": pl.String,
    "start_ns": pl.Int64,
    "n_packets": pl.Int64,
}


def channel_names(traces: pl.DataFrame) -> list[str]:
    """The channels that a table of traces has, in the order of CHANNELS."""
    return [name for name in CHANNELS if name in traces.columns]


def conform(traces: pl.DataFrame) -> pl.DataFrame:
    """The same table with exactly the contract's columns, types and order.

    Columns that may be absent from a source are filled: trace_id counts up, split is "", source is "", start_ns is 0
    and n_packets is the length of the first channel.

    Raises:
        InputError: there is no channel, no label, or the channels of a trace differ in length.
    """
    names = channel_names(traces)
    if not names:
        raise InputError(
            f"a table with at least one of the columns {', '.join(CHANNELS)}",
            f"the columns {', '.join(traces.columns) or 'none'}",
            "name the columns with --columns, e.g. --columns size=PL,label=LABEL",
        )
    if "label" not in traces.columns:
        raise InputError(
            "a column 'label'", f"the columns {', '.join(traces.columns)}", "name it: --columns label=NAME"
        )
    lengths = [pl.col(name).list.len() for name in names]
    if (
        len(names) > 1
        and not traces.select(pl.all_horizontal(*(lengths[0] == other for other in lengths[1:])).all()).item()
    ):
        raise InputError(
            f"channels of equal length in every trace ({', '.join(names)})",
            "a trace where they differ",
            "mend the table",
        )
    defaults = {
        "trace_id": pl.int_range(pl.len(), dtype=pl.Int64),
        "split": pl.lit(""),
        "source": pl.lit(""),
        "start_ns": pl.lit(0, dtype=pl.Int64),
        "n_packets": lengths[0].cast(pl.Int64),
    }
    fixed = [
        (pl.col(name) if name in traces.columns else defaults[name]).cast(dtype).alias(name)
        for name, dtype in FIXED_COLUMNS.items()
    ]
    return traces.select(*fixed, *(pl.col(name).cast(pl.List(CHANNELS[name].dtype)) for name in names))


def padded(traces: pl.DataFrame, channel: str, length: int) -> NDArray[np.float64]:
    """One channel as an array (N, length) of float64; NaN past the end of a trace, longer traces are cut."""
    lists = traces.get_column(channel).list.head(length)
    counts = lists.list.len().to_numpy().astype(np.int64)
    array = np.full((len(traces), length), np.nan)
    values = lists.filter(lists.list.len() > 0).explode().to_numpy()
    array[np.arange(length) < counts[:, None]] = values
    return array


def series(traces: pl.DataFrame, length: int, channels: Sequence[str] | None = None) -> NDArray[np.float64]:
    """Several channels as one array (N, C, length) of float64; NaN past the end of a trace."""
    names = list(channels) if channels is not None else channel_names(traces)
    return np.stack([padded(traces, name, length) for name in names], axis=1)


def ragged(array: NDArray[np.float64], channel: str) -> pl.Series:
    """The way back from `padded`: an array (N, n) with NaN past the end becomes a list column of the channel's type."""
    present = ~np.isnan(array)
    rows = np.repeat(np.arange(len(array)), present.sum(axis=1))
    flat = pl.DataFrame({"row": rows, channel: array[present].round().astype(np.int64)})
    lists = flat.group_by("row", maintain_order=True).agg(channel)
    every = pl.DataFrame({"row": np.arange(len(array))}).join(lists, on="row", how="left", maintain_order="left")
    dtype = pl.List(CHANNELS[channel].dtype)
    return every.get_column(channel).fill_null(pl.lit([], dtype=pl.List(pl.Int64))).cast(dtype)
