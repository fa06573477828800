"""Loading traces for a comparison: from dataset folders and from tables, whatever made them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus.errors import InputError
from netdiffus.store.dataset import read_dataset, sha256
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
    read = traces_of_table(read_table(path), {})
    if read.faults:
        words = "; ".join(f"{reason}: {count:,}" for reason, count in read.faults.items())
        raise InputError("a table of traces without faults", f"{path} ({words})", "run 'netdiffus prepare' on it first")
    return LoadedTraces(read.traces, path.name, sha256(path))


def real_parts(real: pl.DataFrame, test: pl.DataFrame | None, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Real traces as a training and a test part: `test` if given, else the split they carry, else a new one."""
    if test is not None:
        return real, test
    if not {"train", "test"} <= set(real["split"].unique().to_list()):
        real = real.with_columns(split(real["label"], None, TEST_SHARE, np.random.default_rng(seed)))
    return real.filter(pl.col("split") == "train"), real.filter(pl.col("split") == "test")
