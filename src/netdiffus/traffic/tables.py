"""Tables of series as traces: Parquet, CSV, JSON lines and npz, with the columns under names of the user's choice."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus.errors import InputError
from netdiffus.traffic.traces import FIXED_COLUMNS, conform
from netdiffus.wire.nprint import is_nprint_name

TABLE_SUFFIXES = (".parquet", ".csv", ".jsonl", ".npz")
_NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
SERIES = (
    "size",
    "direction",
    "signed_size",
    "up_bytes",
    "down_bytes",
    *(f"{kind}_{unit}" for kind in ("gap", "time") for unit in _NS),
)
KNOWN = (*SERIES, "label", "group", *FIXED_COLUMNS)


def is_table_name(path: Path) -> bool:
    """Whether a file's suffix is that of a table; packed nPrint rows (.nprint.npz) are none."""
    return path.suffix.lower() in TABLE_SUFFIXES and not is_nprint_name(path)


def read_table(path: Path) -> pl.DataFrame:
    """The table in a file as it is; lists in CSV cells are written [1, 2, 3] or 1 2 3; npz rows are the first axis.

    Raises:
        InputError: the file is missing, or is not what its suffix says.
    """
    if not path.is_file():
        raise InputError("a table", f"{path}, which does not exist", "check the path")
    try:
        match path.suffix.lower():
            case ".parquet":
                return pl.read_parquet(path)
            case ".csv":
                return pl.read_csv(path, infer_schema_length=None)
            case ".jsonl":
                return pl.read_ndjson(path, infer_schema_length=None)
            case ".npz":
                return _read_npz(path)
    except (pl.exceptions.PolarsError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"a {path.suffix} table", f"{path}: {str(error).splitlines()[0]}", "check the file") from None
    raise InputError(f"a table ({', '.join(TABLE_SUFFIXES)})", str(path), "name one of those")


def parse_columns(text: str | None) -> dict[str, str]:
    """`--columns size=PL,label=LABEL` as {"size": "PL", "label": "LABEL"}.

    Raises:
        InputError: a name that is not known, or a part without '='.
    """
    columns: dict[str, str] = {}
    for part in filter(None, (text or "").split(",")):
        name, equals, column = (piece.strip() for piece in part.partition("="))
        if name not in KNOWN or not equals or not column:
            raise InputError(f"--columns NAME=COLUMN,... with NAME among {', '.join(KNOWN)}", part, "correct --columns")
        columns[name] = column
    return columns


def traces_of_table(
    table: pl.DataFrame, columns: dict[str, str], *, strip_padding: bool = False, unlabelled: str | None = None
) -> tuple[pl.DataFrame, pl.Series | None]:
    """A table's rows as traces, and their groups if there is such a column.

    Args:
        table: one row a trace; series are lists, or text such as "[1, 2]".
        columns: known name → the table's column; columns that carry a known name already need no entry.
        strip_padding: drop the zeros at the tail (positions where every channel is 0).
        unlabelled: the label of every row where the table has none; None: a label is needed.

    Raises:
        InputError: a named column is missing, there is no series, or no label.
    """
    missing = [column for column in columns.values() if column not in table.columns]
    if missing:
        raise InputError(
            f"the column {missing[0]!r} (from --columns)",
            f"the columns {', '.join(table.columns)}",
            "correct --columns",
        )
    present = {name: columns.get(name, name) for name in KNOWN if columns.get(name, name) in table.columns}
    named = table.select(pl.col(column).alias(name) for name, column in present.items())
    named = named.with_columns(_as_list(named, name) for name in SERIES if name in named.columns)
    named = _channels(named)
    if "label" not in named.columns:
        if unlabelled is None:
            raise InputError(
                "a column 'label'",
                f"the columns {', '.join(table.columns)}",
                "name it with --columns label=NAME, or pass --unlabelled",
            )
        named = named.with_columns(pl.lit(unlabelled).alias("label"))
    groups = named["group"] if "group" in named.columns else None
    traces = conform(named.with_columns(pl.col("label").cast(pl.String)))
    return (_strip(traces) if strip_padding else traces), groups


def _as_list(table: pl.DataFrame, name: str) -> pl.Series:
    column = table[name]
    if isinstance(column.dtype, pl.List | pl.Array):
        return column.cast(pl.List(pl.Float64)).alias(name)
    if column.dtype == pl.String:
        cells = column.str.strip_chars("[]() ").str.replace_all(r"[,;\s]+", " ")
        lists = cells.str.split(" ").list.eval(pl.element().filter(pl.element() != ""))
        try:
            return lists.cast(pl.List(pl.Float64)).alias(name)
        except pl.exceptions.PolarsError:
            raise InputError(f"lists of numbers in the column of {name}", repr(column[0]), "write [1, 2, 3]") from None
    raise InputError(f"a list column for {name}", f"a column of {column.dtype}", "give one list a row")


def _channels(table: pl.DataFrame) -> pl.DataFrame:
    """Units to nanoseconds, times to gaps, signed sizes to size and direction."""
    made: list[pl.Expr] = []
    for unit, factor in _NS.items():
        if f"gap_{unit}" in table.columns:
            made.append((pl.col(f"gap_{unit}").list.eval((pl.element() * factor).round())).alias("gap_ns"))
        elif f"time_{unit}" in table.columns:
            gap = (pl.element().diff().fill_null(0.0) * factor).round()
            made.append(pl.col(f"time_{unit}").list.eval(gap).alias("gap_ns"))
    if "signed_size" in table.columns:
        made.append(pl.col("signed_size").list.eval(pl.element().abs()).alias("size"))
        made.append(pl.col("signed_size").list.eval((pl.element() >= 0).cast(pl.Float64)).alias("direction"))
    elif "direction" in table.columns:
        # any non-zero direction is server → client, whatever number a source uses for it
        made.append(pl.col("direction").list.eval((pl.element() != 0).cast(pl.Float64)).alias("direction"))
    return table.with_columns(made)


def _strip(traces: pl.DataFrame) -> pl.DataFrame:
    """Drop the positions at each row's tail where every channel is 0; at least one position stays."""
    names = [name for name in traces.columns if name not in FIXED_COLUMNS]
    last = pl.max_horizontal(
        *(
            pl.col(name).list.eval(pl.when(pl.element() != 0).then(pl.int_range(1, pl.len() + 1)).max()).list.first()
            for name in names
        )
    )
    traces = traces.with_columns(last.fill_null(1).clip(1).alias("_last"))
    cut = [pl.col(name).list.head(pl.col("_last")) for name in names]
    return (
        traces.with_columns(*cut)
        .with_columns(pl.col(names[0]).list.len().cast(pl.Int64).alias("n_packets"))
        .drop("_last")
    )


def _read_npz(path: Path) -> pl.DataFrame:
    with np.load(path, allow_pickle=False) as arrays:
        rows = {len(arrays[name]) for name in arrays.files if arrays[name].ndim}
        if len(rows) != 1:
            raise InputError(
                "npz arrays with one row a trace", f"first axes of {sorted(rows)}", "save rows on the first axis"
            )
        lengths = arrays["lengths"] if "lengths" in arrays.files else None
        frame = pl.DataFrame(
            {name: _column(arrays[name]) for name in arrays.files if arrays[name].ndim and name != "lengths"}
        )
    if lengths is None:
        return frame
    lists = [name for name in frame.columns if isinstance(frame[name].dtype, pl.List | pl.Array)]
    frame = frame.with_columns(pl.Series("_n", lengths), *(pl.col(name).arr.to_list() for name in lists))
    return frame.with_columns(pl.col(name).list.head(pl.col("_n")) for name in lists).drop("_n")


def _column(array: np.ndarray) -> pl.Series:
    return pl.Series(array.tolist()) if array.dtype.kind in "US" else pl.Series(array)
