"""What a trace of a table has once beside its series: label, group, split, source, n_packets, start_ns."""

from __future__ import annotations

import polars as pl

from netdiffus.errors import InputError
from netdiffus.text import EDGES
from netdiffus.traffic.tables.columns import NS, NamedColumns

SPLITS = {"test": "test", "synthetic": "synthetic", "": ""} | dict.fromkeys(
    ("train", "training", "valid", "val", "validation"), "train"
)
"""What a column `split` may say; netdiffus holds nothing back for tuning, so what others validate on is trained on."""

AS_WRITTEN = "label as written"
"""A column beside `label`, which has no blanks at its ends."""


MOST_NOTES = 5
"""Labels with blanks that are named."""


def trace_facts(rows: pl.DataFrame, named: NamedColumns, label: str | None) -> pl.DataFrame:
    """The facts of traces, one row each: `label`, AS_WRITTEN, and what else the table has.

    Args:
        rows: of each trace the row that tells of it.
        label: of every trace where the table has no column for it.

    Raises:
        InputError: a column split says something else than SPLITS, or a column holds lists.
    """
    one = named.one
    for name in ("label", "group", "source", "split", "n_packets", *(f"start_{unit}" for unit in NS)):
        if name in one and (rows[one[name]].dtype.is_nested() or rows[one[name]].dtype in (pl.Binary, pl.Object)):
            got = f"{one[name]!r}, a column of {rows[one[name]].dtype}"
            raise InputError(f"one number or text a row as {name}", got, "name another column")
    written = _text(rows[one["label"]]) if "label" in one else pl.repeat(label, len(rows), dtype=pl.String, eager=True)
    made = [written.str.replace_all(EDGES, "").alias("label"), written.alias(AS_WRITTEN)]
    made += [_text(rows[one[name]]).alias(name) for name in ("group", "source") if name in one]
    if "split" in one:
        made.append(_split(_text(rows[one["split"]])))
    if "n_packets" in one:
        made.append(rows[one["n_packets"]].cast(pl.Int64, strict=False).alias("n_packets"))
    for unit, factor in NS.items():
        if f"start_{unit}" in one:
            start = rows[one[f"start_{unit}"]].cast(pl.Float64 if factor > 1 else pl.Int64, strict=False).fill_null(0)
            made.append((start * factor).cast(pl.Int64, strict=False).fill_null(0).alias("start_ns"))
            break
    return pl.DataFrame(made)


def blank_labels(facts: pl.DataFrame) -> list[str]:
    """Notes on labels that were written with blanks at their ends."""
    odd = facts.filter((pl.col("label") != pl.col(AS_WRITTEN)) & (pl.col("label") != ""))
    labels = odd.group_by(AS_WRITTEN, "label").len().sort(AS_WRITTEN)
    notes = [
        f"label {written!r} has blanks at its ends; it is taken as {label!r}, {count:,} times"
        for written, label, count in labels.head(MOST_NOTES).iter_rows()
    ]
    more = len(labels) - MOST_NOTES
    return notes + ([f"{more:,} more labels have blanks at their ends, which are not taken"] if more > 0 else [])


def _text(column: pl.Series) -> pl.Series:
    return column.cast(pl.String, strict=False)


def _split(column: pl.Series) -> pl.Series:
    said = column.fill_null("").str.strip_chars().str.to_lowercase()
    strange = said.filter(~said.is_in(list(SPLITS))).unique().sort()
    if len(strange):
        raise InputError(
            f"a column split with {', '.join(filter(None, SPLITS))} or nothing",
            ", ".join(strange.head(5)),
            "name another column, or rename this one",
        )
    return said.replace_strict(SPLITS, return_dtype=pl.String).alias("split")
