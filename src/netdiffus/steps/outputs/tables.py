"""Tables of traces, as Parquet, CSV or npz, each readable again by `prepare` and `evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.arrays import Floats
from netdiffus.store.publish import publish_file
from netdiffus.store.stream import ParquetStream, sink_marked
from netdiffus.traffic.tables.csv_cells import guarded
from netdiffus.traffic.traces import channel_names, conform, ragged, series

Add = Callable[[pl.DataFrame], None]
"""Takes the next traces of a table."""


@contextmanager
def _parquet(path: Path, provenance: str) -> Iterator[Add]:
    stream = ParquetStream(path, partial(sink_marked, made_by=provenance))
    try:
        yield stream.add
    finally:
        stream.close()


@contextmanager
def _csv(path: Path, provenance: str) -> Iterator[Add]:
    """Lists are written [1, 2, 3], formulas as text (csv_cells.py).

    The provenance has no place in a CSV file; its short form is in `source`.
    """
    with path.open("wb") as file:

        def add(traces: pl.DataFrame) -> None:
            as_text = [
                pl.concat_str(pl.lit("["), pl.col(name).cast(pl.List(pl.String)).list.join(", "), pl.lit("]")).alias(
                    name
                )
                for name in channel_names(traces)
            ]
            guarded(traces.with_columns(as_text)).write_csv(file, include_header=not file.tell())

        yield add


@contextmanager
def _npz(path: Path, provenance: str) -> Iterator[Add]:
    """Arrays (N, n) of int64 per channel, 0 past `lengths` (N,); the other columns (N,); `provenance` JSON text.

    The traces are held until the end: all arrays are as wide as the longest trace.
    """
    parts: list[pl.DataFrame] = []
    yield parts.append
    traces = pl.concat(parts)
    names = channel_names(traces)
    lengths = traces[names[0]].list.len().to_numpy().astype(np.int64)
    padded = series(traces, int(lengths.max()), names)
    arrays = {name: np.nan_to_num(padded[:, k]).astype(np.int64) for k, name in enumerate(names)}
    arrays |= {name: np.array(traces[name].to_list()) for name in traces.columns if name not in names}
    with path.open("wb") as file:
        np.savez_compressed(file, provenance=np.array(provenance), lengths=lengths, **arrays)  # type: ignore[arg-type]


FORMS: dict[str, Callable[[Path, str], AbstractContextManager[Add]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".npz": _npz,
}


@contextmanager
def table_writer(path: Path, provenance: str) -> Iterator[Add]:
    """Writes a table in the form that the suffix names, whole or not at all; rows are numbered as they come."""
    rows = 0
    with publish_file(path) as temporary, FORMS[path.suffix.lower()](temporary, provenance) as add:

        def numbered(traces: pl.DataFrame) -> None:
            nonlocal rows
            add(traces.with_columns(pl.int_range(rows, rows + pl.len(), dtype=pl.Int64).alias("trace_id")))
            rows += len(traces)

        yield numbered


def write_traces(path: Path, traces: pl.DataFrame, provenance: str) -> None:
    """Write a table in the form that the suffix names, whole or not at all."""
    with table_writer(path, provenance) as add:
        add(traces)


def traces_table(values: Floats, channels: tuple[str, ...], labels: NDArray[np.str_], source: str) -> pl.DataFrame:
    """Drawn series (N, C, n) as a table with the columns of traces.parquet, split = "synthetic"."""
    if "gap_ns" in channels:
        values[:, channels.index("gap_ns"), 0] = 0  # there is no packet before the first
    lists = {name: ragged(values[:, k], name) for k, name in enumerate(channels)}
    return labelled(pl.DataFrame(lists), labels, source)


def labelled(lists: pl.DataFrame, labels: NDArray[np.str_], source: str) -> pl.DataFrame:
    """The same of list columns."""
    return conform(
        lists.with_columns(label=pl.Series(labels.tolist()), split=pl.lit("synthetic"), source=pl.lit(source))
    )
