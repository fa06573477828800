"""The split into a training and a test part: stratified by label, by flow (or group), seeded."""

from __future__ import annotations

import numpy as np
import polars as pl

RULE = "stratified by label; rows of one group stay together; seeded"


def split(labels: pl.Series, groups: pl.Series | None, test: float, rng: np.random.Generator) -> pl.Series:
    """ "train" or "test" for each row.

    Of each label's groups (rows without `groups` are their own) the share `test` in [0, 1) goes to the test part:
    at least one where the label has two or more, never all.
    """
    frame = pl.DataFrame(
        {
            "row": np.arange(len(labels)),
            "label": labels,
            "group": groups if groups is not None else np.arange(len(labels)),
        }
    )
    units = frame.group_by("group", maintain_order=True).agg(pl.col("label").first(), pl.len())
    chosen: list[object] = []
    for (_,), members in sorted(units.group_by("label"), key=lambda item: str(item[0][0])):
        ordered = members.sort("group")
        count = min(max(round(test * len(ordered)), int(test > 0)), len(ordered) - 1)
        chosen += ordered["group"].gather(rng.permutation(len(ordered))[:count]).to_list()
    in_test = frame["group"].is_in(pl.Series(chosen, dtype=frame["group"].dtype).implode())
    return pl.select(pl.when(in_test).then(pl.lit("test")).otherwise(pl.lit("train")).alias("split")).to_series()


def duplicates(traces: pl.DataFrame, channels: list[str]) -> pl.Series:
    """For each row of the test part whether it equals a training row in every channel; False for training rows."""
    keys = traces.select(
        pl.struct(*(pl.col(name).list.eval(pl.element().cast(pl.String)).list.join(",") for name in channels)).alias(
            "key"
        )
    )["key"]
    is_test = traces["split"] == "test"
    return is_test & keys.is_in(keys.filter(~is_test).implode())
