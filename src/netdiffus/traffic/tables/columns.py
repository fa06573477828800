"""Columns of a table under the names that netdiffus knows: `--columns size=PL,gap_us=IAT,label=LABEL`."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from netdiffus.errors import InputError

NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
SERIES = (
    "size",
    "signed_size",
    "direction",
    *(f"{kind}_{unit}" for kind in ("gap", "time") for unit in NS),
    "up_bytes",
    "down_bytes",
    "up_bits",
    "down_bits",
)
ONE_A_TRACE = ("label", "group", "split", "source", "trace_id", "n_packets", *(f"start_{unit}" for unit in NS))
KNOWN = (*SERIES, *ONE_A_TRACE)


NEEDS_SERIES = (
    "if a row is a whole flow (statistics, as of CICFlowMeter), there is no series in it that netdiffus could learn: "
    "run 'netdiffus prepare' on the captures, with this table as --labels, or export the packets of each flow"
)
"""What to do about a table of flows."""


@dataclass(frozen=True)
class NamedColumns:
    """The columns of a table that were named: one each, or several that together hold a series (wide)."""

    one: dict[str, str]
    wide: dict[str, list[str]]

    @property
    def series(self) -> list[str]:
        """The known names of the series that there are, in the order of SERIES."""
        return [name for name in SERIES if name in self.one or name in self.wide]


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


def find_columns(table: pl.DataFrame, columns: dict[str, str]) -> NamedColumns:
    """Which columns of a table are meant; those that carry a known name already need no entry.

    Args:
        columns: known name → the table's column, where blanks around a name do not count; a * stands for a number, so
            that PL_* means PL_0, PL_1 ... in the order of their numbers.

    Raises:
        InputError: a column is missing, or no series was named.
    """
    there = {column.strip(): column for column in reversed(table.columns)}
    one: dict[str, str] = {}
    wide: dict[str, list[str]] = {}
    for name in KNOWN:
        wanted = columns.get(name, name)
        if "*" in wanted and name in SERIES:
            pattern = re.compile(r"(\d+)".join(re.escape(part) for part in wanted.split("*", 1)))
            found = {int(match[1]): there[match[0]] for match in map(pattern.fullmatch, there) if match}
            if found:
                wide[name] = [found[number] for number in sorted(found)]
        elif wanted in there:
            one[name] = there[wanted]
        if name in columns and name not in one and name not in wide:
            raise InputError(
                f"the column {columns[name]!r} (from --columns)", f"the columns {_some(table)}", "correct --columns"
            )
    named = NamedColumns(one, wide)
    if not named.series:
        raise InputError(
            f"a series in at least one of the columns {', '.join(SERIES)}",
            f"the columns {_some(table) or 'none'}",
            f"name the columns with --columns, e.g. --columns size=PL,label=LABEL; {NEEDS_SERIES}",
        )
    return named


def _some(table: pl.DataFrame) -> str:
    """The table's columns for a message; a wide table's first ones."""
    more = len(table.columns) - 20
    return ", ".join(table.columns[:20]) + (f" and {more} more" if more > 0 else "")
