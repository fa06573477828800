"""The split into a training and a test part: stratified by label, by flow (or group), seeded."""

from __future__ import annotations

import numpy as np
import polars as pl

RULE = "stratified by label; rows of one group stay together; seeded"
GIVEN = "as the sources say"
LAST = "the last windows of a single series are for testing"


def split(labels: pl.Series, groups: pl.Series | None, test: float, rng: np.random.Generator) -> pl.Series:
    """ "train" or "test" for each row.

    Of each label's groups (rows without `groups` are their own) the share `test` in [0, 1) goes to the test part:
    at least one where the label has two or more, never all.
    """
    rows = pl.DataFrame({"row": np.arange(len(labels)), "label": labels})
    rows = rows.with_columns(pl.col("row").alias("group") if groups is None else groups.alias("group"))
    units = rows
    if groups is not None and groups.n_unique() < len(groups):
        units = rows.unique("group", keep="first", maintain_order=True)
    chosen = [pl.Series("group", [], dtype=rows.schema["group"])]
    for _, members in sorted(units.group_by("label"), key=lambda item: str(item[0][0])):
        ordered = members["group"].sort()
        count = min(max(round(test * len(ordered)), int(test > 0)), len(ordered) - 1)
        chosen.append(ordered.gather(rng.permutation(len(ordered))[:count]))
    in_test = rows["group"].is_in(pl.concat(chosen).implode())
    return pl.select(pl.when(in_test).then(pl.lit("test")).otherwise(pl.lit("train")).alias("split")).to_series()


def given(said: pl.Series, otherwise: pl.Series | str) -> pl.Series:
    """The split that the sources say ("train", "test"), and another where they say nothing."""
    other = pl.repeat(otherwise, len(said), eager=True) if isinstance(otherwise, str) else otherwise
    return said.zip_with(said.is_in(["train", "test"]), other.cast(pl.String)).alias("split")


def rule(is_given: pl.Series, windowed: bool) -> str:
    """How rows were split, in words: for each whether its source, or its place in a series of windows, said so."""
    said = LAST if windowed else GIVEN
    if is_given.all():
        return said
    return f"{said}; elsewhere {RULE}" if is_given.any() else RULE


def untested(labels: pl.Series, split: pl.Series) -> int:
    """How many labels have two traces or more, and none of them in the test part."""
    counts = (
        pl.DataFrame({"label": labels, "test": split == "test"}).group_by("label").agg(pl.len(), pl.col("test").any())
    )
    return counts.filter((pl.col("len") > 1) & ~pl.col("test")).height


def keys(traces: pl.DataFrame, channels: list[str]) -> pl.Series:
    """64 bits of each trace's series: equal where the series are, and hardly ever elsewhere."""
    return traces.select(pl.struct(*channels).hash().alias("key")).to_series()


def duplicates(split: pl.Series, keys: pl.Series) -> pl.Series:
    """For each row of the test part whether it equals a training row in its `keys`; False for training rows."""
    is_test = split == "test"
    return is_test & keys.is_in(keys.filter(~is_test).implode())
