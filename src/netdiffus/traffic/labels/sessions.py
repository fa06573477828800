"""Which session each flow of a compiled capture is of: the column `session` of FILE.labels.csv."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from netdiffus.traffic.labels.columns import TUPLE
from netdiffus.traffic.labels.names import labels_path

SESSION = "session"
KEYS = (*TUPLE, "start_ns")


def named_sessions(capture: Path, flows: pl.DataFrame) -> pl.Series | None:
    """The session of each flow, null where the table beside the capture has none for it; None without such a table.

    Args:
        flows: with the columns of KEYS, as traffic/flows reads them.
    """
    path = labels_path(capture)
    if not path.is_file():
        return None
    try:
        table = pl.read_csv(path, infer_schema=False)
    except PolarsError:
        return None  # whoever reads the labels says what is wrong with it
    if not {*KEYS, SESSION} <= set(table.columns):
        return None
    known = table.select(*KEYS, SESSION).unique(KEYS, keep="first")
    keys = flows.select(pl.col(name).cast(pl.String) for name in KEYS)
    return keys.join(known, on=list(KEYS), how="left", maintain_order="left")[SESSION]
