"""The tables of a dataset folder as untrusted input: columns, types and values that all steps rely on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from netdiffus.errors import InputError
from netdiffus.traffic.flows.frames import FLOW_SCHEMA, PACKET_SCHEMA
from netdiffus.traffic.labels.rules import TUPLE
from netdiffus.traffic.traces import CHANNELS, FIXED_COLUMNS

ACTION = "prepare the dataset again"
_PACKETS = {"trace_id" if name == "flow_id" else name: kind for name, kind in PACKET_SCHEMA.items()}
PACKETS: dict[str, pl.DataType] = _PACKETS | {name: FLOW_SCHEMA[name] for name in TUPLE}
"""Columns of packets.parquet; those of TUPLE are there once a trace."""


def read_columns(path: Path, wanted: Mapping[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    """A Parquet file whose columns were looked at first; others than the wanted ones may be there too.

    Raises:
        InputError: it is no Parquet file, or a column is missing or of another type.
    """
    try:
        with path.open("rb") as file:  # of a path polars would take brackets and stars for a pattern
            found = pl.read_parquet_schema(file)
        for name, kind in wanted.items():
            if found.get(name) != kind:
                got = f"{found[name]}" if name in found else "none"
                raise InputError(f"a column {name} of type {kind} in {path}", got[:200], ACTION)
        with path.open("rb") as file:
            return pl.read_parquet(file)
    except PolarsError as error:
        raise InputError(f"a Parquet file at {path}", (str(error).splitlines() or [""])[0][:200], ACTION) from None


def read_traces(path: Path, channels: Sequence[str]) -> pl.DataFrame:
    """The traces of a dataset with these channels.

    Raises:
        InputError: a channel is unknown, a column is not as the contract says, or holds values that cannot be.
    """
    unknown = [name for name in channels if name not in CHANNELS]
    if unknown:
        raise InputError(f"channels among {', '.join(CHANNELS)}", repr(unknown[0][:60]), ACTION)
    lists = {name: pl.List(CHANNELS[name].dtype) for name in channels}
    traces = read_columns(path, {**FIXED_COLUMNS, **lists})
    needed = [pl.col(name) for name in ("trace_id", "label", "split", *channels)]
    if not traces.select(pl.all_horizontal(*(column.is_not_null().all() for column in needed))).item():
        raise InputError(f"values in every row of {path}", "an empty cell", ACTION)
    if not traces["split"].is_in(["train", "test", ""]).all():
        raise InputError(f"train or test as split in {path}", "another word", ACTION)
    first = pl.col(channels[0]).list.len() if channels else pl.lit(0)
    for name in channels:
        holes = pl.col(name).list.eval(pl.element().is_null()).list.any()
        if traces.select((pl.col(name).list.len() != first).any() | holes.any()).item():
            raise InputError(f"series of one length without holes in {path}", f"others in {name}", ACTION)
    return traces


def read_packet_rows(path: Path) -> pl.DataFrame:
    """The packets of a dataset.

    Raises:
        InputError: a column is not as the contract says, or holds values that cannot be.
    """
    packets = read_columns(path, PACKETS)
    whole = (pl.col(name).is_not_null().all() for name in _PACKETS)
    sane = (
        (pl.col("index") >= 0).all(),
        pl.col("direction").is_between(0, 1).all(),
        (pl.col("payload_bytes") >= 0).all(),
        *(pl.col(name).filter(pl.col("index") == 0).is_not_null().all() for name in TUPLE),
    )
    if not packets.select(pl.all_horizontal(*whole, *sane)).item():
        raise InputError(f"packets with all fields in {path}", "a cell that is empty or out of its range", ACTION)
    return packets
