"""Tables with one row a position (a packet, a time bin): rows that cannot be used, and where each trace begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.errors import InputError
from netdiffus.traffic.tables.columns import NEEDS_SERIES, NamedColumns
from netdiffus.traffic.tables.odd_cells import OddCell, earliest, first_of
from netdiffus.traffic.tables.positions import Flat, SeriesReader, flat_column

BINS = ("up_bytes", "down_bytes", "up_bits", "down_bits")
"""Series in which a row is a moment: what is missing is 0, as without its row all later ones would come too early."""


@dataclass(frozen=True)
class LongTable:
    """The traces of a table with one row a position.

    Attributes:
        facts: the first row of each trace.
        series: what is left of each series after rows were left out.
        left_out: how many rows were.
        odd: the first cell, by row, without a finite number.
    """

    facts: pl.DataFrame
    series: dict[str, Flat]
    left_out: int
    odd: OddCell | None


def read_long(table: pl.DataFrame, named: NamedColumns) -> LongTable:
    """A table's rows as traces, in the order of their trace_id; a row without a number in every series is left out.

    Raises:
        InputError: rows with several labels and nothing that says which belong together, or a column without numbers.
    """
    reader = SeriesReader(table, named)
    numbers = pl.DataFrame([reader.numbers(named.one[name], name).alias(name) for name in named.series])
    bad, odd = _unusable(table, named, numbers)
    odd = earliest([odd, *reader.cells])
    if "trace_id" in named.one:
        table, numbers, bad = _sorted(table, named.one["trace_id"], numbers, bad)
    firsts = _firsts(table, named)
    counts = np.diff(np.append(firsts, len(table)))
    series = {name: flat_column(numbers[name], counts) for name in numbers.columns}
    left_out = int(bad.sum())
    if left_out:
        kept = np.bincount(np.repeat(np.arange(len(counts)), counts)[~bad], minlength=len(counts))
        series = {name: flat.where(~bad, kept) for name, flat in series.items()}
    return LongTable(table[firsts], series, left_out, odd)


def _unusable(
    table: pl.DataFrame, named: NamedColumns, numbers: pl.DataFrame
) -> tuple[NDArray[np.bool_], OddCell | None]:
    """Rows (N,) of packets without a finite number in each series, and the first cell without one."""
    bad = np.zeros(len(table), np.bool_)
    cells: list[OddCell | None] = []
    for name in numbers.columns:
        strange = ~numbers[name].is_finite().fill_null(False)
        if name not in BINS and strange.any():
            bad |= strange.to_numpy()
            cells.append(first_of(table[named.one[name]], strange))
    return bad, earliest(cells)


def _sorted(
    table: pl.DataFrame, key: str, numbers: pl.DataFrame, bad: NDArray[np.bool_]
) -> tuple[pl.DataFrame, pl.DataFrame, NDArray[np.bool_]]:
    """All rows by their trace, each trace's in the order of the table."""
    if table[key].dtype.is_nested():
        raise InputError("one number or text a row as trace_id", f"lists in {key!r}", "name another column")
    if table[key].is_sorted():
        return table, numbers, bad
    order = table.select(pl.arg_sort_by(key, maintain_order=True)).to_series()
    return table[order], numbers[order], bad[order.to_numpy()]


def _firsts(table: pl.DataFrame, named: NamedColumns) -> NDArray[np.int64]:
    """The row where each trace begins."""
    key, label = named.one.get("trace_id"), named.one.get("label")
    if key is not None:
        return np.flatnonzero(table[key].rle_id().diff().fill_null(1).to_numpy() != 0)
    if label is not None and table[label].n_unique() > 1:
        raise InputError(
            "one label where all rows are one series",
            f"{table[label].n_unique()} in the column {label!r}",
            f"say which rows belong together with --columns trace_id=NAME; {NEEDS_SERIES}",
        )
    return np.zeros(min(len(table), 1), np.int64)
