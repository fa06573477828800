"""Tables of traces, as Parquet, CSV or npz, each readable again by `prepare` and `evaluate`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.arrays import Floats
from netdiffus.store.publish import publish_file
from netdiffus.traffic.tables.csv_cells import guarded
from netdiffus.traffic.traces import channel_names, conform, ragged, series


def _parquet(path: Path, traces: pl.DataFrame, provenance: str) -> None:
    with path.open("wb") as file:
        traces.write_parquet(file, metadata={"netdiffus": provenance})


def _csv(path: Path, traces: pl.DataFrame, provenance: str) -> None:
    """Lists are written [1, 2, 3], formulas as text (csv_cells.py).

    The provenance has no place in a CSV file; its short form is in `source`.
    """
    as_text = [
        pl.concat_str(pl.lit("["), pl.col(name).cast(pl.List(pl.String)).list.join(", "), pl.lit("]")).alias(name)
        for name in channel_names(traces)
    ]
    with path.open("wb") as file:
        guarded(traces.with_columns(as_text)).write_csv(file)


def _npz(path: Path, traces: pl.DataFrame, provenance: str) -> None:
    """Arrays (N, n) of int64 per channel, 0 past `lengths` (N,); the other columns (N,); `provenance` JSON text."""
    names = channel_names(traces)
    lengths = traces[names[0]].list.len().to_numpy().astype(np.int64)
    padded = series(traces, int(lengths.max()), names)
    arrays = {name: np.nan_to_num(padded[:, k]).astype(np.int64) for k, name in enumerate(names)}
    arrays |= {name: np.array(traces[name].to_list()) for name in traces.columns if name not in names}
    with path.open("wb") as file:
        np.savez_compressed(file, provenance=np.array(provenance), lengths=lengths, **arrays)  # type: ignore[arg-type]


FORMS: dict[str, Callable[[Path, pl.DataFrame, str], None]] = {".parquet": _parquet, ".csv": _csv, ".npz": _npz}


def write_traces(path: Path, traces: pl.DataFrame, provenance: str) -> None:
    """Write a table in the form that the suffix names, whole or not at all."""
    with publish_file(path) as temporary:
        FORMS[path.suffix.lower()](temporary, traces, provenance)


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
