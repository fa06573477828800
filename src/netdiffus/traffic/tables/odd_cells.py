"""Cells of text where numbers are expected: words for missing values, text that is no number, header lines repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

MISSING_WORDS = ("", "-", "--", "?", "null", "none", "na", "n/a", "nan", "<na>")
"""What programs write for a value that is missing, in any case."""

LIST_PATTERN = r"[\[(]|[0-9.][,;\s]+[-+.0-9]"
NUMBER_PATTERN = r"^\s*[-+]?[0-9.]"
"""Text that holds the one is a list and not a number; text that holds the other begins like a number."""

SHOWN = 40
"""Characters of a cell that messages show."""


@dataclass(frozen=True)
class OddCell:
    """A cell that cannot be used.

    Attributes:
        row: counted from 0, without the header line.
        value: what the cell says; "" where it is empty.
    """

    row: int
    column: str
    value: str

    def __str__(self) -> str:
        return f"{self.column} is {self.value[:SHOWN]!r}" if self.value else f"{self.column} is empty"


def numbers_of_text(cells: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The numbers that texts write, null where there is none, and for each text whether it is no number.

    Whole numbers stay exact where all are whole. Infinity is no number; neither is a number beyond float64.
    """
    text = cells.str.strip_chars()
    text = pl.select(pl.when(~text.str.to_lowercase().is_in(MISSING_WORDS)).then(text)).to_series()
    numbers = text.cast(pl.Float64, strict=False)
    numbers = pl.select(pl.when(numbers.is_finite()).then(numbers)).to_series()
    whole = text.cast(pl.Int64, strict=False)
    odd = numbers.is_null() & text.is_not_null()
    exact = whole.null_count() == numbers.null_count()
    return (whole if exact else numbers).alias(cells.name), odd


def first_of(cells: pl.Series, odd: pl.Series, rows: pl.Series | None = None) -> OddCell | None:
    """The first odd cell of a column, whose cells are of these rows (None: one a row)."""
    place = odd.arg_max() if odd.any() else None
    if place is None:
        return None
    value = cells[place]
    return OddCell(place if rows is None else int(rows[place]), cells.name, "" if value is None else str(value))


def earliest(cells: Sequence[OddCell | None]) -> OddCell | None:
    """Of several odd cells the one in the first row."""
    return min(filter(None, cells), key=lambda cell: cell.row, default=None)


def repeated_headers(table: pl.DataFrame, columns: Sequence[str]) -> NDArray[np.bool_]:
    """Rows (N,) that say the columns' own names: header lines of files that were put one behind the other.

    Args:
        columns: those that hold series; without text in one of them there is no such row.
    """
    texts = [name for name in columns if table.schema[name] == pl.String]
    if not texts or len(texts) < len(columns):
        return np.zeros(len(table), np.bool_)
    said = pl.all_horizontal(pl.col(name).str.strip_chars() == name.strip() for name in texts)
    return table.select(said.fill_null(False)).to_series().to_numpy()
