"""Series of a table as flat arrays: all positions of all traces one after the other, the same for every series."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars._typing import PolarsDataType

from netdiffus.errors import InputError
from netdiffus.traffic.columns import NamedColumns

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


def flat_series(table: pl.DataFrame, named: NamedColumns, firsts: NDArray[np.int64] | None) -> dict[str, Flat]:
    """The named series of a table.

    Args:
        firsts: of a table with one row a position, the row where each trace begins; None: one row a trace.

    Raises:
        InputError: a column holds something else than numbers.
    """
    found: dict[str, Flat] = {}
    for name in named.series:
        if name in named.wide:
            numbers = [_numbers(table[column], name) for column in named.wide[name]]
            kind = pl.Float64 if any(column.dtype == pl.Float64 for column in numbers) else pl.Int64
            lists = pl.DataFrame(numbers).select(pl.concat_list(pl.all().cast(kind)).alias(name)).to_series()
            found[name] = _flat(lists)
        elif firsts is None:
            found[name] = _flat(_lists(table[named.one[name]], name))
        else:
            counts = np.diff(np.append(firsts, len(table)))
            found[name] = Flat(*_arrays(_numbers(table[named.one[name]], name)), counts)
    return found


def is_long(table: pl.DataFrame, named: NamedColumns) -> bool:
    """Whether a table has one row a position (its series are numbers) and not one row a trace (they are lists)."""
    return not named.wide and any(table[named.one[name]].dtype.is_numeric() for name in named.series)


def _flat(lists: pl.Series) -> Flat:
    counts = lists.list.len().fill_null(0).to_numpy().astype(np.int64)
    values = lists.filter(pl.Series(counts > 0)).explode()
    return Flat(*_arrays(values), counts)


def _arrays(values: pl.Series) -> tuple[Numbers, NDArray[np.bool_]]:
    numbers = values.fill_null(0).to_numpy()
    return numbers, values.is_null().to_numpy() | np.isnan(numbers)


def _lists(column: pl.Series, name: str) -> pl.Series:
    if isinstance(column.dtype, pl.List | pl.Array):
        inside = column.dtype.inner
        if inside.is_numeric() or inside in (pl.Boolean, pl.Null):
            column = column.arr.to_list() if isinstance(column.dtype, pl.Array) else column
            return column.cast(pl.List(_kind(inside)))
    elif column.dtype == pl.String:
        cells = column.str.strip_chars("[]() \t").str.replace_all(r"[,;\s]+", " ")
        lists = cells.str.split(" ").list.eval(pl.element().filter(pl.element() != ""))
        for kind in (pl.Int64, pl.Float64):
            try:
                return lists.cast(pl.List(kind))
            except pl.exceptions.PolarsError:
                continue
        raise InputError(f"lists of numbers in the column of {name}", _example(column, lists), "write [1, 2, 3]")
    raise InputError(f"lists of numbers for {name}", f"a column of {column.dtype}", "give one list, or number, a row")


def _example(column: pl.Series, lists: pl.Series) -> str:
    """The first cell that is no list of numbers."""
    bad = lists.cast(pl.List(pl.Float64), strict=False).list.eval(pl.element().is_null()).list.any()
    return repr(column.filter(bad.fill_null(False)).first())[:60]


def _numbers(column: pl.Series, name: str) -> pl.Series:
    if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
        raise InputError(f"numbers for {name}", f"{column.name!r}, a column of {column.dtype}", "name another column")
    return column.cast(_kind(column.dtype))


def _kind(dtype: PolarsDataType) -> type[pl.DataType]:
    """Whole numbers stay exact; those beyond 64 bits and fractions become float64."""
    exact = (dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128)) or dtype in (pl.Boolean, pl.Null)
    return pl.Int64 if exact else pl.Float64
