"""Series of a table as flat arrays: all positions of all traces one after the other, the same for every series."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars._typing import PolarsDataType

from netdiffus.errors import InputError
from netdiffus.traffic.tables.columns import NamedColumns
from netdiffus.traffic.tables.odd_cells import LIST_PATTERN, NUMBER_PATTERN, OddCell, first_of, numbers_of_text

Numbers = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True)
class Flat:
    """One series: values (M,) of all traces, where one is missing (null or NaN), and how many each trace has (N,)."""

    values: Numbers
    missing: NDArray[np.bool_]
    counts: NDArray[np.int64]

    def rows(self, chosen: NDArray[np.bool_]) -> Flat:
        """The series of some traces (N,)."""
        return self.where(np.repeat(chosen, self.counts), self.counts[chosen])

    def where(self, keep: NDArray[np.bool_], counts: NDArray[np.int64]) -> Flat:
        """Some of the values (M,), of which each trace then has `counts`."""
        return Flat(self.values[keep], self.missing[keep], counts)

    def filled(self) -> Flat:
        """Missing values as 0."""
        return replace(self, values=np.where(self.missing, 0, self.values), missing=np.zeros_like(self.missing))


class SeriesReader:
    """Reads the series of a table, and notes which cells of text are no numbers.

    Attributes:
        odd: rows (N,) with a cell that is no number.
        cells: the first such cell of each column.
    """

    def __init__(self, table: pl.DataFrame, named: NamedColumns) -> None:
        self._table, self._named = table, named
        self.odd = np.zeros(len(table), np.bool_)
        self.cells: list[OddCell] = []

    def of_rows(self) -> dict[str, Flat]:
        """The series of a table with one row a trace: lists, or a column for each position.

        Raises:
            InputError: a column holds something else than numbers.
        """
        found: dict[str, Flat] = {}
        for name in self._named.series:
            if name in self._named.wide:
                numbers = [self.numbers(column, name) for column in self._named.wide[name]]
                kind = pl.Float64 if any(column.dtype == pl.Float64 for column in numbers) else pl.Int64
                lists = pl.DataFrame(numbers).select(pl.concat_list(pl.all().cast(kind)).alias(name)).to_series()
                found[name] = _flat(lists)
            else:
                found[name] = _flat(self._lists(self._table[self._named.one[name]], name))
        return found

    def numbers(self, column: str, name: str) -> pl.Series:
        """A column with one number a row, null where there is none.

        Raises:
            InputError: it holds something else than numbers.
        """
        cells = self._table[column]
        if cells.dtype == pl.String:
            numbers, odd = numbers_of_text(cells)
            if odd.any() and numbers.null_count() == len(numbers):
                example = cells.filter(odd)[0][:40]
                got = f"{column!r}, a column of text such as {example!r}"
                raise InputError(f"numbers for {name}", got, "name another column")
            self._note(cells, odd)
            return numbers
        if not (cells.dtype.is_numeric() or cells.dtype in (pl.Boolean, pl.Null)):
            got = f"{column!r}, a column of {cells.dtype}"
            raise InputError(f"numbers for {name}", got, "name another column")
        return cells.cast(_kind(cells.dtype))

    def _lists(self, column: pl.Series, name: str) -> pl.Series:
        if isinstance(column.dtype, pl.List | pl.Array):
            inside = column.dtype.inner
            if inside.is_numeric() or inside in (pl.Boolean, pl.Null):
                column = column.arr.to_list() if isinstance(column.dtype, pl.Array) else column
                return column.cast(pl.List(_kind(inside)))
        elif column.dtype == pl.String:
            cells = column.str.strip_chars("[]() \t\r\n").str.replace_all(r"[,;\s]+", " ")
            lists = cells.str.split(" ").list.eval(pl.element().filter(pl.element() != ""))
            for kind in (pl.Int64, pl.Float64):
                try:
                    return lists.cast(pl.List(kind))
                except pl.exceptions.PolarsError:
                    continue
            return self._odd_lists(column, lists, name)
        raise InputError(
            f"lists of numbers for {name}", f"a column of {column.dtype}", "give one list, or number, a row"
        )

    def _odd_lists(self, column: pl.Series, lists: pl.Series, name: str) -> pl.Series:
        """Lists of which some hold text that is no number; null takes its place."""
        counts = lists.list.len().fill_null(0)
        words = lists.filter(counts > 0).explode()
        numbers, odd = numbers_of_text(words)
        rows = pl.select(pl.int_range(len(lists)).repeat_by(pl.lit(counts))).to_series()
        places = rows.filter(counts > 0).explode()
        if numbers.null_count() == len(numbers):
            example = repr(column[int(places[odd.arg_max() or 0])])[:60]
            raise InputError(f"lists of numbers in the column of {name}", example, "write [1, 2, 3]")
        strange = np.zeros(len(lists), np.bool_)
        strange[places.filter(odd).to_numpy()] = True
        self._note(column, pl.Series(strange))
        grouped = pl.DataFrame([places.alias("row"), numbers.alias(name)]).group_by("row", maintain_order=True).all()
        every = pl.DataFrame({"row": range(len(lists))}).join(grouped, on="row", how="left", maintain_order="left")
        return every[name]

    def _note(self, cells: pl.Series, odd: pl.Series) -> None:
        if odd.any():
            self.odd |= odd.to_numpy()
            self.cells += filter(None, [first_of(cells, odd)])


def is_long(table: pl.DataFrame, named: NamedColumns) -> bool:
    """Whether a table has one row a position (its series are numbers) and not one row a trace (they are lists).

    A column of text is one of numbers with odd cells where some cell begins like a number and none looks like a list;
    or few do, and rows share a `trace_id`.
    """
    if named.wide:
        return False
    columns = [table[named.one[name]] for name in named.series]
    if any(column.dtype.is_numeric() for column in columns):
        return True
    if any(column.dtype != pl.String for column in columns):
        return False
    lists = max(column.str.contains(LIST_PATTERN).sum() for column in columns)
    key = named.one.get("trace_id")
    if lists and (key is None or 2 * lists > len(table) or not table[key].is_duplicated().any()):
        return False
    return any(column.str.contains(NUMBER_PATTERN).any() for column in columns)


def flat_column(values: pl.Series, counts: NDArray[np.int64]) -> Flat:
    """A series from a column of numbers, one row a position; trace i has the next counts[i] of them."""
    return Flat(*_arrays(values), counts)


def _flat(lists: pl.Series) -> Flat:
    counts = lists.list.len().fill_null(0).to_numpy().astype(np.int64)
    values = lists.filter(pl.Series(counts > 0)).explode()
    return Flat(*_arrays(values), counts)


def _arrays(values: pl.Series) -> tuple[Numbers, NDArray[np.bool_]]:
    numbers = values.fill_null(0).to_numpy()
    return numbers, values.is_null().to_numpy() | np.isnan(numbers)


def _kind(dtype: PolarsDataType) -> type[pl.DataType]:
    """Whole numbers stay exact; those beyond 64 bits and fractions become float64."""
    exact = (dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128)) or dtype in (pl.Boolean, pl.Null)
    return pl.Int64 if exact else pl.Float64
