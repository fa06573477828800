"""Tables as traces: names, units, signs and padding of other people's columns, and what cannot be used, counted.

Missing values (null, NaN), or -1, at the end of a trace, in all its series, are where it ends. Elsewhere missing values
are 0 where bytes per bin are counted; a trace that lacks a size, a direction or a time is left out, as is one with an
impossible value. In a table with one row a packet it is the row that is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.errors import InputError
from netdiffus.traffic.labels.account import ROWS, LabelAccount
from netdiffus.traffic.ragged import list_column
from netdiffus.traffic.tables.columns import NamedColumns, find_columns
from netdiffus.traffic.tables.facts import blank_labels, trace_facts
from netdiffus.traffic.tables.long import read_long
from netdiffus.traffic.tables.odd_cells import OddCell, earliest, repeated_headers
from netdiffus.traffic.tables.padding import ended
from netdiffus.traffic.tables.positions import Flat, SeriesReader, is_long
from netdiffus.traffic.tables.values import channels_of
from netdiffus.traffic.traces import conform

LEFT_OUT = ", left out"


@dataclass(frozen=True)
class TableTraces:
    """A table's traces (the columns of traces.parquet), and what became of the rest.

    Attributes:
        groups: of each trace, if the table has any.
        faults: what was left out or odd, in plain words, and how often.
        notes: what else a user should know.
        account: by label what came and what was left out.
    """

    traces: pl.DataFrame
    groups: pl.Series | None
    faults: dict[str, int]
    notes: list[str] = field(default_factory=list)
    account: LabelAccount = field(default_factory=LabelAccount)


@dataclass
class _Rows:
    """What a table has of its traces before any is left out."""

    facts: pl.DataFrame
    series: dict[str, Flat]
    faults: dict[str, int]
    odd_rows: NDArray[np.bool_] | None = None  # traces (N,) with a cell that is no number
    odd: OddCell | None = None


def row_number(row: int) -> str:
    """Where a row stands in a table that is no file; rows are counted from 0."""
    return f"row {row + 1:,}"


def traces_of_table(
    table: pl.DataFrame,
    columns: dict[str, str],
    *,
    strip_padding: bool = False,
    label: str | None = None,
    place: Callable[[int], str] = row_number,
    may_be_empty: bool = False,
) -> TableTraces:
    """A table's traces.

    Args:
        table: one row a trace with lists, text such as "[1, 2]", or a column for each position; or one row a position,
            of one trace or of those that `trace_id` tells apart.
        columns: known name → the table's column, see `find_columns`.
        strip_padding: drop the positions at the tail of a trace where every series is 0; one stays.
        label: of every trace where the table has no column for it; None: it must have one.
        place: says where a row stands in its file.
        may_be_empty: whether a table without one usable trace is none of the caller's trouble.

    Raises:
        InputError: a column is missing or of the wrong kind, or no usable trace is left.
    """
    named = find_columns(table, columns)
    if "label" not in named.one and label is None:
        raise InputError(
            "a column 'label'",
            f"the columns {', '.join(table.columns[:20])}",
            "name it with --columns label=NAME, or choose --labels folder, --labels file or --unlabelled",
        )
    rows = _rows(table, named, label)
    bad, series = _unusable(rows)
    series, ends, marked = _cut(series, strip_padding)
    channels, odd, wrong = channels_of(series)
    for reason, where in wrong.items():
        _leave_out(bad, reason, where)
    _leave_out(bad, "trace is empty", ends == 0)
    usable = ~np.any(list(bad.values()), axis=0)
    named_odd = "" if rows.odd is None else f"{place(rows.odd.row)}: {rows.odd}"
    if not usable.any() and not may_be_empty:
        counted = ", ".join(f"{reason}: {int(where.sum()):,}" for reason, where in bad.items() if where.any())
        first = f" (first in {named_odd})" if named_odd else ""
        raise InputError("at least one usable trace", (counted or "a table without rows") + first, "mend the table")
    facts = rows.facts.filter(pl.Series(usable))
    if "n_packets" in facts.columns:
        facts = facts.with_columns(pl.col("n_packets").fill_null(pl.Series(ends[usable])))
    lists = [list_column(name, values[np.repeat(usable, ends)], ends[usable]) for name, values in channels.items()]
    faults = rows.faults | {f"{reason}{LEFT_OUT}": int(where.sum()) for reason, where in bad.items() if where.any()}
    notes = [f"the first cell that cannot be used is in {named_odd}"] if named_odd else []
    notes += _notes(rows.facts, ends, marked)
    groups = facts["group"] if "group" in facts.columns else None
    account = _account(rows.facts["label"], bad)
    return TableTraces(conform(facts.with_columns(lists)), groups, faults | odd, notes, account)


def _rows(table: pl.DataFrame, named: NamedColumns, label: str | None) -> _Rows:
    """The facts and series of a table's traces; header lines in its middle are left out."""
    faults: dict[str, int] = {}
    columns = [named.one[name] for name in named.series if name in named.one]
    columns += [column for wide in named.wide.values() for column in wide]
    headers = repeated_headers(table, columns)
    first = None
    if headers.any():
        faults["row repeats the header line, left out"] = int(headers.sum())
        first = OddCell(int(headers.argmax()), columns[0], columns[0].strip())
        table = table.filter(pl.Series(~headers))
    before = np.flatnonzero(~headers) if first else None
    if is_long(table, named):
        long = read_long(table, named)
        if long.left_out:
            faults["row without a number in every series, left out"] = long.left_out
        return _Rows(trace_facts(long.facts, named, label), long.series, faults, None, _of(long.odd, before, first))
    reader = SeriesReader(table, named)
    series = reader.of_rows()
    odd = _of(earliest(reader.cells), before, first)
    return _Rows(trace_facts(table, named, label), series, faults, reader.odd, odd)


def _of(cell: OddCell | None, before: NDArray[np.int64] | None, first: OddCell | None) -> OddCell | None:
    """The first odd cell by its row in the file: one found without repeated header lines, or the first of these."""
    if cell is not None and before is not None:
        cell = OddCell(int(before[cell.row]), cell.column, cell.value)
    return earliest([cell, first])


def _unusable(rows: _Rows) -> tuple[dict[str, NDArray[np.bool_]], dict[str, Flat]]:
    """Traces without a label or with series of different lengths; the latter without values, so that all agree."""
    bad: dict[str, NDArray[np.bool_]] = {}
    label = rows.facts["label"]
    _leave_out(bad, "trace has no label", (label.is_null() | (label == "")).to_numpy())
    counts = np.stack([flat.counts for flat in rows.series.values()])
    uneven = (counts != counts[0]).any(axis=0)
    if rows.odd_rows is not None and rows.odd_rows.any():
        _leave_out(bad, "trace in which a cell is no number", rows.odd_rows)
    _leave_out(bad, "series of a trace differ in length", uneven)
    kept = {name: flat.rows(~uneven) for name, flat in rows.series.items()}
    counts = np.where(uneven, 0, counts[0])
    return bad, {name: Flat(flat.values, flat.missing, counts) for name, flat in kept.items()}


def _leave_out(bad: dict[str, NDArray[np.bool_]], reason: str, where: NDArray[np.bool_]) -> None:
    """Mark traces as unusable for a reason, unless they are for an earlier one."""
    bad[reason] = where & ~np.any(list(bad.values()), axis=0) if bad else where


def _cut(series: dict[str, Flat], strip_padding: bool) -> tuple[dict[str, Flat], NDArray[np.int64], int]:
    """The series up to where each trace ends, how long it then is (N,), and how many traces -1 ends."""
    first = next(iter(series.values()))
    rows = np.repeat(np.arange(len(first.counts)), first.counts)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(first.counts) - first.counts, first.counts)
    missing, marks = ended(series)
    there = ~(missing | marks)
    ends = _last(rows, place, there, len(first.counts))
    marked = int(np.count_nonzero(np.bincount(rows[marks & (place >= ends[rows])]))) if marks.any() else 0
    if strip_padding:
        there &= np.any([~flat.missing & (flat.values != 0) for flat in series.values()], axis=0)
        ends = np.maximum(_last(rows, place, there, len(first.counts)), np.minimum(ends, 1))
    keep = place < ends[rows]
    return {name: flat.where(keep, ends) for name, flat in series.items()}, ends, marked


def _last(rows: NDArray[np.int64], place: NDArray[np.int64], there: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
    """One more than the last place of each row that is there; 0 where none is."""
    ends = np.zeros(n, np.int64)
    ends[rows[there]] = place[there] + 1  # of several values for one row the last stays
    return ends


def _notes(facts: pl.DataFrame, ends: NDArray[np.int64], marked: int) -> list[str]:
    notes = [f"-1 in all series ends {marked:,} traces"] if marked else []
    if len(ends) > 1 and ends.max(initial=0) == 1:
        notes.append("every trace has one position, as in a table with one row a flow; there is no series to learn")
    return notes + blank_labels(facts)


def _account(labels: pl.Series, bad: dict[str, NDArray[np.bool_]]) -> LabelAccount:
    """By label how many traces came, and how many were left out for which reason; blank labels are not counted."""
    account = LabelAccount()
    for name, count in labels.value_counts().iter_rows():
        if name:
            account.came(name, ROWS, count)
    for reason, where in bad.items():
        for name, count in labels.filter(pl.Series(where)).value_counts().iter_rows() if where.any() else ():
            if name:
                account.leave_out(name, ROWS, {reason: count})
    return account
