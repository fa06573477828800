"""Loading traces for a comparison: from dataset folders and from tables, whatever made them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus.errors import InputError
from netdiffus.store.dataset import read_dataset, sha256
from netdiffus.traffic.columns import KNOWN
from netdiffus.traffic.split import split
from netdiffus.traffic.tables import is_table_name, read_table
from netdiffus.traffic.tabletraces import traces_of_table

TEST_SHARE = 0.2


@dataclass(frozen=True)
class LoadedTraces:
    """A table of traces, where it came from, and the hash of what was read."""

    traces: pl.DataFrame
    name: str
    hash: str
    texts: frozenset[str] | None = None  # distinct texts of a table's other columns; None: there are none


def load_traces(path: Path) -> LoadedTraces:
    """The traces of a dataset folder or a table file.

    Raises:
        InputError: it is neither, or the table lacks columns.
    """
    if path.is_dir():
        card, traces = read_dataset(path)
        return LoadedTraces(traces, path.name, card.hash)
    if not path.is_file():
        raise InputError("a dataset folder or a table of traces", f"{path}, which does not exist", "check the path")
    if not is_table_name(path):
        raise InputError(
            "a dataset folder or a table of traces (.parquet, .csv, .jsonl, .npz)",
            str(path),
            "run 'netdiffus prepare' on it first",
        )
    table = read_table(path)
    read = traces_of_table(table, {})
    if read.faults:
        words = "; ".join(f"{reason}: {count:,}" for reason, count in read.faults.items())
        raise InputError("a table of traces without faults", f"{path} ({words})", "run 'netdiffus prepare' on it first")
    return LoadedTraces(read.traces, path.name, sha256(path), texts_of(table))


def texts_of(table: pl.DataFrame) -> frozenset[str] | None:
    """The distinct texts of a table's columns that are no series, label or group; None where it has none."""
    columns = [name for name, kind in table.schema.items() if kind == pl.String and name not in KNOWN]
    if not columns:
        return None
    return frozenset(text for name in columns for text in table[name].drop_nulls().unique().to_list())


def real_parts(real: pl.DataFrame, test: pl.DataFrame | None, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Real traces as a training and a test part: `test` if given, else the split they carry, else a new one."""
    if test is not None:
        return real, test
    if not {"train", "test"} <= set(real["split"].unique().to_list()):
        real = real.with_columns(split(real["label"], None, TEST_SHARE, np.random.default_rng(seed)))
    return real.filter(pl.col("split") == "train"), real.filter(pl.col("split") == "test")
