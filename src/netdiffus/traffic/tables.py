"""Tables as they lie in files: Parquet, CSV, JSON lines and npz."""

from __future__ import annotations

import csv
import itertools
import zipfile
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus.errors import InputError
from netdiffus.traffic.csvcells import bare
from netdiffus.wire.nprint import is_nprint_name

TABLE_SUFFIXES = (".parquet", ".csv", ".jsonl", ".npz")


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
                with path.open("rb") as file:
                    return pl.read_parquet(file)
            case ".csv":
                return bare(_read_csv(path))
            case ".jsonl":
                with path.open("rb") as file:
                    return pl.read_ndjson(file, infer_schema_length=None)
            case ".npz":
                return _read_npz(path)
    except (pl.exceptions.PolarsError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"a {path.suffix} table", f"{path}: {str(error).splitlines()[0]}", "check the file") from None
    raise InputError(f"a table ({', '.join(TABLE_SUFFIXES)})", str(path), "name one of those")


def _read_csv(path: Path) -> pl.DataFrame:
    named = _has_names(path)
    with path.open("rb") as file:  # of a path polars would take brackets and stars for a pattern
        frame = pl.read_csv(file, infer_schema_length=None, has_header=named)
    return frame if named else frame.rename({old: f"column_{k}" for k, old in enumerate(frame.columns, start=1)})


def _has_names(path: Path) -> bool:
    """Whether the first line of a .csv names the columns: not if it holds numbers alone, unless they count up.

    Columns without names are then column_1, column_2 ...; numbers that count up (0, 1, 2 ...) others write as names.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = next(csv.reader(file), [])
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return True
    counted = all(after == before + 1 for before, after in itertools.pairwise(numbers))
    return not numbers or (counted and len(numbers) > 1 and numbers[0] in (0, 1))


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
