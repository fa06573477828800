"""What is known of traces only when all were read: the part of the split, the group and the session of each."""

from __future__ import annotations

import polars as pl


def sides_of(split: pl.Series, group: pl.Series | None, session: pl.Series | None) -> pl.DataFrame:
    """A row for each trace; columns that are None are left out."""
    more = [column.alias(name) for name, column in (("session", session), ("group", group)) if column is not None]
    return pl.DataFrame([split.alias("split"), *more])


def beside(traces: pl.LazyFrame, sides: pl.DataFrame) -> pl.LazyFrame:
    """Traces with their sides: the split is theirs, the others stand behind the number of packets."""
    order = traces.collect_schema().names()
    for name in sides.columns[1:]:
        order.insert(order.index("n_packets") + 1, name)
    return pl.concat([traces.drop("split"), sides.lazy()], how="horizontal").select(order)
