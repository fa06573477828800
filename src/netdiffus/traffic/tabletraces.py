"""Tables as traces: names, units, signs and padding of other people's columns, and what cannot be used, counted.

Missing values (null, NaN) at the end of a trace, in all its series, are where it ends. Elsewhere they are 0 where bytes
per bin are counted; a trace that lacks a size, a direction or a time is left out, as is one with an impossible value.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.errors import InputError
from netdiffus.traffic.columns import NS, NamedColumns, find_columns
from netdiffus.traffic.positions import Flat, flat_series, is_long
from netdiffus.traffic.ragged import list_column
from netdiffus.traffic.traces import CHANNELS, conform

LARGEST = {"size": 2**31 - 1, "gap_ns": 2**62, "up_bytes": 2**62, "down_bytes": 2**62}
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
    channels, odd, wrong = _channels(series)
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


def _channels(
    series: dict[str, Flat],
) -> tuple[dict[str, NDArray[np.int64]], dict[str, int], dict[str, NDArray[np.bool_]]]:
    """The channels (M,), how many values were mended, and which traces (N,) are wrong, both by reason."""
    odd: Counter[str] = Counter()
    made: dict[str, Flat] = {}
    for name, flat in series.items():
        match name.rsplit("_", 1):
            case ["signed", "size"]:
                made["size"] = Flat(np.abs(flat.values), flat.missing, flat.counts)
                made["direction"] = Flat((flat.values >= 0).astype(np.int64), flat.missing, flat.counts)
            case ["gap" | "time" as kind, unit]:
                made.setdefault("gap_ns", _gaps(flat, kind, NS[unit], odd))
            case ["up" | "down" as way, unit]:
                counted = int(flat.missing.sum())
                if counted:
                    odd["bytes of a bin are missing, taken as 0"] += counted
                flat = flat.filled()
                values = flat.values if unit == "bytes" else flat.values / 8
                made.setdefault(f"{way}_bytes", Flat(values, flat.missing, flat.counts))
            case _:
                made.setdefault(name, flat)
    wrong: dict[str, NDArray[np.bool_]] = {}
    channels = {}
    for name in CHANNELS:
        if name in made:
            channels[name] = _checked(made[name], name, wrong, odd)
    return channels, dict(odd), wrong


def _checked(flat: Flat, name: str, wrong: dict[str, NDArray[np.bool_]], odd: Counter[str]) -> NDArray[np.int64]:
    """A channel's values, whole and in range; what is not marks its trace."""
    missing = flat.missing | np.isnan(flat.values)
    values = np.where(missing, 0, flat.values)
    faults = {"a value is missing or not a number": missing, "a value is infinite": np.isinf(values)}
    if name == "direction":
        strange = ~np.isin(values, (-1, 0, 1)) & ~np.isinf(values)
        if strange.any():
            raise InputError(
                "directions 1 (server → client) and 0 or -1 (client → server)",
                f"{values[strange][0]:g}",
                "map the column to these, or give signed sizes",
            )
        values = np.where(values > 0, 1, 0)
    else:
        faults["a size or a number of bytes is negative"] = values < 0
        faults["a value is too large"] = (values > LARGEST[name]) & ~np.isinf(values)
        if values.dtype.kind == "f" and name == "size":
            fraction = np.isfinite(values) & (values != np.round(values))
            if fraction.any():
                odd["size is not a whole number, rounded"] += int(fraction.sum())
    rows = np.repeat(np.arange(len(flat.counts)), flat.counts)
    impossible = np.zeros(len(values), np.bool_)
    for reason, where in faults.items():
        if where.any():
            traces = wrong.setdefault(f"trace in which {reason}", np.zeros(len(flat.counts), np.bool_))
            traces[rows[where]] = True
            impossible |= where
    values = np.where(impossible, 0, values)
    return values if values.dtype.kind == "i" else np.round(values).astype(np.int64)


def _gaps(flat: Flat, kind: str, factor: int, odd: Counter[str]) -> Flat:
    """Nanoseconds since the packet before: first 0, and 0 where time runs backwards, as in captures."""
    firsts = np.cumsum(flat.counts) - flat.counts
    values = flat.values
    if kind == "time":
        rows = np.repeat(np.arange(len(flat.counts)), flat.counts)
        clock = pl.DataFrame({"row": rows, "time": values}).select(pl.col("time").cum_max().over("row")).to_series()
        before = np.concatenate([values[:1], clock.to_numpy()[:-1]])
        with np.errstate(invalid="ignore"):  # of two infinite times
            values = values - before
    values = values.copy()
    values[firsts[flat.counts > 0]] = 0
    backward = values < 0
    if backward.any():
        odd["time runs backwards, gap taken as 0"] += int(backward.sum())
    values[backward] = 0
    if values.dtype.kind == "f" or (len(values) and values.max() > LARGEST["gap_ns"] // factor):
        values = values.astype(np.float64)
    with np.errstate(over="ignore"):  # to infinite, which is found later
        return Flat(values * factor, flat.missing, flat.counts)
