"""Tables as traces: names, units, signs and padding of other people's columns, and what cannot be used, counted.

Missing values (null, NaN) at the end of a trace, in all its series, are where it ends. Elsewhere they are 0 where bytes
per bin are counted; a trace that lacks a size, a direction or a time is left out, as is one with an impossible value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.errors import InputError
from netdiffus.traffic.channelvalues import channels_of
from netdiffus.traffic.columns import NS, NamedColumns, find_columns
from netdiffus.traffic.positions import Flat, flat_series, is_long
from netdiffus.traffic.ragged import list_column
from netdiffus.traffic.traces import conform

SPLITS = {"test": "test", "synthetic": "synthetic", "": ""} | dict.fromkeys(
    ("train", "training", "valid", "val", "validation"), "train"
)
"""What a column `split` may say; netdiffus holds nothing back for tuning, so what others validate on is trained on."""


@dataclass(frozen=True)
class TableTraces:
    """A table's traces (the columns of traces.parquet), their groups if it has any, and what was left out or odd."""

    traces: pl.DataFrame
    groups: pl.Series | None
    faults: dict[str, int]


def traces_of_table(
    table: pl.DataFrame, columns: dict[str, str], *, strip_padding: bool = False, label: str | None = None
) -> TableTraces:
    """A table's traces.

    Args:
        table: one row a trace with lists, text such as "[1, 2]", or a column for each position; or one row a position,
            of one trace or of those that `trace_id` tells apart.
        columns: known name → the table's column, see `find_columns`.
        strip_padding: drop the positions at the tail of a trace where every series is 0; one stays.
        label: of every trace where the table has no column for it; None: it must have one.

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
    firsts = None
    if is_long(table, named):
        table, firsts = _traces_apart(table, named)
    series = flat_series(table, named, firsts)
    rows = table if firsts is None else table[firsts]
    facts = _facts(rows, named, label)
    bad, series = _unusable(facts, series)
    series, ends = _cut(series, strip_padding)
    channels, odd, wrong = channels_of(series)
    for reason, where in wrong.items():
        _leave_out(bad, reason, where)
    _leave_out(bad, "trace is empty", ends == 0)
    usable = ~np.any(list(bad.values()), axis=0)
    if not usable.any():
        counted = ", ".join(f"{reason}: {int(where.sum()):,}" for reason, where in bad.items() if where.any())
        raise InputError("at least one usable trace", counted or "a table without rows", "mend the table")
    facts = facts.filter(pl.Series(usable))
    if "n_packets" in facts.columns:
        facts = facts.with_columns(pl.col("n_packets").fill_null(pl.Series(ends[usable])))
    lists = [list_column(name, values[np.repeat(usable, ends)], ends[usable]) for name, values in channels.items()]
    faults = {f"{reason}, left out": int(where.sum()) for reason, where in bad.items() if where.any()} | odd
    groups = facts["group"] if "group" in facts.columns else None
    return TableTraces(conform(facts.with_columns(lists)), groups, faults)


def _traces_apart(table: pl.DataFrame, named: NamedColumns) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """A table with one row a position in the order of its traces, and the row where each begins."""
    key = named.one.get("trace_id")
    label = named.one.get("label")
    if key is None:
        if label is not None and table[label].n_unique() > 1:
            raise InputError(
                "one label where all rows are one series",
                f"{table[label].n_unique()} in the column {label!r}",
                "say which rows belong together with --columns trace_id=NAME",
            )
        return table, np.zeros(min(len(table), 1), np.int64)
    table = table.sort(key, maintain_order=True)
    return table, np.flatnonzero(table[key].rle_id().diff().fill_null(1).to_numpy() != 0)


def _facts(rows: pl.DataFrame, named: NamedColumns, label: str | None) -> pl.DataFrame:
    """What a trace has once: label, group, split, source, n_packets, start_ns."""
    one = named.one
    made = [
        rows[one["label"]].cast(pl.String)
        if "label" in one
        else pl.repeat(label, len(rows), dtype=pl.String, eager=True)
    ]
    made = [made[0].alias("label")]
    made += [rows[one[name]].cast(pl.String).alias(name) for name in ("group", "source") if name in one]
    if "split" in one:
        said = rows[one["split"]].cast(pl.String).fill_null("").str.to_lowercase()
        strange = said.filter(~said.is_in(list(SPLITS))).unique().sort()
        if len(strange):
            raise InputError(
                f"a column split with {', '.join(filter(None, SPLITS))} or nothing",
                ", ".join(strange.head(5)),
                "name another column, or rename this one",
            )
        made.append(said.replace_strict(SPLITS, return_dtype=pl.String).alias("split"))
    if "n_packets" in one:
        made.append(rows[one["n_packets"]].cast(pl.Int64, strict=False).alias("n_packets"))
    for unit, factor in NS.items():
        if f"start_{unit}" in one:
            start = rows[one[f"start_{unit}"]].cast(pl.Float64 if factor > 1 else pl.Int64, strict=False).fill_null(0)
            made.append((start * factor).cast(pl.Int64, strict=False).fill_null(0).alias("start_ns"))
            break
    return pl.DataFrame(made)


def _unusable(facts: pl.DataFrame, series: dict[str, Flat]) -> tuple[dict[str, NDArray[np.bool_]], dict[str, Flat]]:
    """Traces without a label or with series of different lengths; the latter without values, so that all agree."""
    bad: dict[str, NDArray[np.bool_]] = {}
    label = facts["label"]
    _leave_out(bad, "trace has no label", (label.is_null() | (label.str.strip_chars() == "")).to_numpy())
    counts = np.stack([flat.counts for flat in series.values()])
    uneven = (counts != counts[0]).any(axis=0)
    _leave_out(bad, "series of a trace differ in length", uneven)
    kept = {name: flat.rows(~uneven) for name, flat in series.items()}
    counts = np.where(uneven, 0, counts[0])
    return bad, {name: Flat(flat.values, flat.missing, counts) for name, flat in kept.items()}


def _leave_out(bad: dict[str, NDArray[np.bool_]], reason: str, where: NDArray[np.bool_]) -> None:
    """Mark traces as unusable for a reason, unless they are for an earlier one."""
    bad[reason] = where & ~np.any(list(bad.values()), axis=0) if bad else where


def _cut(series: dict[str, Flat], strip_padding: bool) -> tuple[dict[str, Flat], NDArray[np.int64]]:
    """The series without what is missing, or padding, at the tail; and how long each trace then is (N,)."""
    first = next(iter(series.values()))
    rows = np.repeat(np.arange(len(first.counts)), first.counts)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(first.counts) - first.counts, first.counts)
    there = ~np.all([flat.missing for flat in series.values()], axis=0)
    ends = _last(rows, place, there, len(first.counts))
    if strip_padding:
        there &= np.any([~flat.missing & (flat.values != 0) for flat in series.values()], axis=0)
        ends = np.maximum(_last(rows, place, there, len(first.counts)), np.minimum(ends, 1))
    keep = place < ends[rows]
    return {name: flat.where(keep, ends) for name, flat in series.items()}, ends


def _last(rows: NDArray[np.int64], place: NDArray[np.int64], there: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
    """One more than the last place of each row that is there; 0 where none is."""
    ends = np.zeros(n, np.int64)
    ends[rows[there]] = place[there] + 1  # of several values for one row the last stays
    return ends
