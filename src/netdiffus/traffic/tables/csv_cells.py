"""CSV cells that a spreadsheet would run as a formula: written with an apostrophe in front, read without it.

A label such as =HYPERLINK(...) does no harm before somebody opens the file (OWASP, "CSV Injection"). Spreadsheets show
an apostrophe as the sign of plain text. A cell that has one before such a beginning gets another, so that reading what
was written gives every text back.
"""

from __future__ import annotations

import polars as pl
import polars.selectors as cs

FORMULA = r"'*[=+\-@＝＋－＠\t\r\n]"


def guarded(table: pl.DataFrame) -> pl.DataFrame:
    """The table with its texts as they are written to CSV."""
    return table.with_columns(cs.string().str.replace(f"^({FORMULA})", "'$1"))


def bare(table: pl.DataFrame) -> pl.DataFrame:
    """The way back from `guarded`."""
    return table.with_columns(cs.string().str.replace(f"^'({FORMULA})", "$1"))
