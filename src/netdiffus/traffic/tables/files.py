"""Tables as they lie in files: Parquet, CSV, JSON lines and npz."""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
from numpy.typing import NDArray

from netdiffus.errors import InputError
from netdiffus.traffic.tables.csv_cells import bare
from netdiffus.traffic.tables.limits import MOST_VALUES, TableLimit
from netdiffus.traffic.tables.npz import BROKEN, damage, read_arrays
from netdiffus.traffic.tables.parquet_size import parquet_size
from netdiffus.traffic.tables.text_form import TextForm, header_cells, line_of_row, rewritten, text_form
from netdiffus.wire.nprint.capture import is_nprint_name

TABLE_SUFFIXES = (".parquet", ".csv", ".jsonl", ".npz")
REFUSED = (pl.exceptions.PolarsError, pl.exceptions.PanicException, csv.Error, *BROKEN)
"""What polars and others raise for files that are not what they should be; polars panics at some damaged Parquet."""

NOT_UTF8 = "invalid utf-8"
"""What polars says of text that is not UTF-8."""


@dataclass(frozen=True)
class TableFile:
    """A table as it was read.

    Attributes:
        form: how its text was written; None: it is no text.
        named: whether the first line of a .csv names the columns.
    """

    path: Path
    frame: pl.DataFrame
    form: TextForm | None = None
    named: bool = False

    @property
    def note(self) -> str:
        """What was taken for its encoding and separator, for the user; empty where that is UTF-8 and commas."""
        return f"{self.path.name}: read as {self.form}" if self.form is not None and str(self.form) else ""

    def place(self, row: int) -> str:
        """Where a row stands in the file, e.g. "line 5"; rows are counted from 0."""
        line = row + 1 if self.form is not None else None
        if self.form is not None and self.path.suffix.lower() == ".csv":
            line = line_of_row(self.path, self.form, row, named=self.named)
        return f"row {row + 1:,}" if line is None else f"line {line:,}"


def is_table_name(path: Path) -> bool:
    """Whether a file's suffix is that of a table; packed nPrint rows (.nprint.npz) are none."""
    return path.suffix.lower() in TABLE_SUFFIXES and not is_nprint_name(path)


def read_table(path: Path, most_values: int = MOST_VALUES) -> pl.DataFrame:
    """The table in a file as it is; see `read_table_file`."""
    return read_table_file(path, most_values).frame


def read_table_file(path: Path, most_values: int = MOST_VALUES) -> TableFile:
    """The table in a file; lists in CSV cells are written [1, 2, 3] or 1 2 3; npz rows are the first axis.

    Args:
        most_values: cells and values of lists that the file may declare, see TableLimit.

    Raises:
        InputError: the file is missing, is not what its suffix says, or declares too many values.
    """
    if not path.is_file():
        raise InputError("a table", f"{path}, which does not exist", "check the path")
    try:
        limit = TableLimit(path.name, path.stat().st_size, most_values)
        match path.suffix.lower():
            case ".parquet":
                return TableFile(path, _read_parquet(path, limit))
            case ".csv":
                return _unguarded(_read_text(path, limit))
            case ".jsonl":
                return _read_text(path, limit)
            case ".npz":
                return TableFile(path, _read_npz(path, most_values))
    except REFUSED as error:
        what = "damaged" if isinstance(error, pl.exceptions.PanicException) else damage(error)
        raise InputError(f"a {path.suffix} table", f"{path}: {what}", "check the file") from None
    raise InputError(f"a table ({', '.join(TABLE_SUFFIXES)})", str(path), "name one of those")


def _unguarded(file: TableFile) -> TableFile:
    """Without the apostrophes that keep a spreadsheet from running cells (csv_cells.py)."""
    return replace(file, frame=bare(file.frame))


def read_text_columns(path: Path) -> TableFile:
    """A .csv with a header line, all of its cells as text; its encoding and separator are found as for tables.

    Raises:
        InputError: it is no such file.
    """
    try:
        return _read_text(path, TableLimit(path.name, path.stat().st_size), infer=False)
    except REFUSED as error:
        raise InputError(f"a CSV table in {path}", damage(error), "check the file") from None


def _read_rows(path: Path, form: TextForm, limit: TableLimit, *, named: bool, infer: bool) -> pl.DataFrame:
    """The rows of a .csv in UTF-8.

    Args:
        infer: find out which columns hold numbers; else all are text.

    Raises:
        InputError: there are more values than the limit allows, or a row has more cells than the header line.
    """
    width = len(header_cells(path, form))
    try:
        with path.open("rb") as file:  # of a path polars would take brackets and stars for a pattern
            frame = pl.read_csv(
                file,
                infer_schema=infer,
                infer_schema_length=None,
                has_header=named,
                separator=form.separator,
                decimal_comma=form.decimal_comma,
                n_rows=limit.rows(width) + 1,
            )
    except pl.exceptions.PolarsError as error:
        _check_widths(path, form, width, named=named)
        raise error
    limit.check(len(frame) * len(frame.columns), f"more than {len(frame) - 1:,} rows of {width:,} columns")
    return frame


def _read_text(path: Path, limit: TableLimit, *, infer: bool = True) -> TableFile:
    form = text_form(path)
    try:
        return _read_as(path, form, limit, infer)
    except pl.exceptions.PolarsError as error:
        if form.encoding != "utf-8" or NOT_UTF8 not in str(error).lower():
            raise
    return _read_as(path, TextForm("cp1252", form.separator, form.decimal_comma), limit, infer)


def _read_as(path: Path, form: TextForm, limit: TableLimit, infer: bool) -> TableFile:
    with rewritten(path, form) as copy:
        as_utf8 = TextForm("utf-8-sig", form.separator, form.decimal_comma)
        if path.suffix.lower() == ".jsonl":
            return TableFile(path, _read_json_lines(copy, limit), form)
        named = not infer or _has_names(header_cells(copy, as_utf8))
        frame = _read_rows(copy, as_utf8, limit, named=named, infer=infer)
    if not named:
        frame = frame.rename({old: f"column_{k}" for k, old in enumerate(frame.columns, start=1)})
    return TableFile(path, frame, form, named)


def _check_widths(path: Path, form: TextForm, width: int, *, named: bool) -> None:
    """Raise InputError that names the first row with more cells than the header line."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.reader(file, delimiter=form.separator)
        for cells in rows:
            if len(cells) > width:
                raise InputError(
                    f"{width} cells in every row of {path.name}, as in the first line",
                    f"{len(cells)} in line {rows.line_num}",
                    'put cells that hold the separator into quotes ("..."), or correct that line',
                )


def _has_names(cells: list[str]) -> bool:
    """Whether the first line of a .csv names the columns: not if it holds numbers alone, unless they count up.

    Columns without names are then column_1, column_2 ...; numbers that count up (0, 1, 2 ...) others write as names.
    """
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return True
    counted = all(after == before + 1 for before, after in itertools.pairwise(numbers))
    return not numbers or (counted and len(numbers) > 1 and numbers[0] in (0, 1))


def _read_json_lines(path: Path, limit: TableLimit) -> pl.DataFrame:
    with path.open("rb") as file:
        schema = pl.scan_ndjson(file, infer_schema_length=None).collect_schema()
    with path.open("rb") as file:
        frame = pl.read_ndjson(file, schema=schema, n_rows=limit.rows(len(schema)) + 1)
    limit.check(len(frame) * len(schema), f"more than {len(frame) - 1:,} rows of {len(schema):,} columns")
    return frame


def _read_parquet(path: Path, limit: TableLimit) -> pl.DataFrame:
    size = parquet_size(path)
    with path.open("rb") as file:
        columns = len(pl.read_parquet_schema(file))
    limit.check(size.rows * columns, f"{size.rows:,} rows of {columns:,} columns")
    limit.check(max(size.values, size.uncompressed_bytes // 8), f"{size.values:,} values")
    with path.open("rb") as file:
        return pl.read_parquet(file)


def _read_npz(path: Path, most_values: int) -> pl.DataFrame:
    arrays = {name: array for name, array in read_arrays(path, most_values).items() if array.ndim}
    rows = {len(array) for array in arrays.values()}
    if len(rows) != 1:
        raise InputError(
            "npz arrays with one row a trace", f"first axes of {sorted(rows)}", "save rows on the first axis"
        )
    lengths = arrays.pop("lengths", None)
    frame = pl.DataFrame({name: _column(array) for name, array in arrays.items()})
    if lengths is None:
        return frame
    lists = [name for name in frame.columns if isinstance(frame[name].dtype, pl.List | pl.Array)]
    frame = frame.with_columns(pl.Series("_n", lengths), *(pl.col(name).arr.to_list() for name in lists))
    return frame.with_columns(pl.col(name).list.head(pl.col("_n")) for name in lists).drop("_n")


def _column(array: NDArray[Any]) -> pl.Series:
    return pl.Series(array.tolist()) if array.dtype.kind in "US" else pl.Series(array)
