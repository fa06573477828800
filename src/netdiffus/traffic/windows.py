"""Long series cut into windows, and neighbouring positions summed into wider ones."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.errors import InputError
from netdiffus.traffic.ragged import list_column
from netdiffus.traffic.traces import CHANNELS, channel_names

SUMMABLE = ("size", "bytes")


def summed(traces: pl.DataFrame, n: int) -> pl.DataFrame:
    """Every n neighbouring positions of a trace as one, their bytes added up; a rest of fewer than n is left out.

    Raises:
        InputError: the traces have channels that cannot be added up (direction, gap), or a sum is too large.
    """
    names = channel_names(traces)
    odd = [name for name in names if CHANNELS[name].kind not in SUMMABLE]
    if odd:
        raise InputError("traces of bytes only, for --sum", f"the channels {', '.join(names)}", "leave --sum out")
    counts = _counts(traces)
    whole = counts // n
    keep = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts) < np.repeat(whole * n, counts)
    columns = []
    for name in names:
        sums = _values(traces, name).astype(np.int64)[keep].reshape(-1, n).sum(axis=1)
        if CHANNELS[name].dtype == pl.Int32 and len(sums) and sums.max() > 2**31 - 1:
            raise InputError("sums of sizes below 2 GiB", f"{sums.max()} bytes", "sum fewer positions")
        columns.append(list_column(name, sums, whole).cast(pl.List(CHANNELS[name].dtype)))
    return traces.with_columns(columns)


def windows(
    traces: pl.DataFrame, groups: pl.Series | None, length: int, stride: int, *, test: float, bin_ns: int | None
) -> tuple[pl.DataFrame, pl.Series]:
    """Each trace cut into windows of `length` positions, one every `stride`; what is left at the end is left out.

    Windows of one trace stay on one side of the split: they share a group, the one of their trace. Where a label has
    one trace only, the last share `test` of its windows is its test part instead, and windows that reach over from the
    training part into it are left out. A window's start_ns moves on where the width of a bin is known.

    Returns:
        (the windows, the group of each).
    """
    counts = _counts(traces)
    n_windows = np.where(counts < length, 0, (counts - length) // stride + 1)
    parent = np.repeat(np.arange(len(traces)), n_windows)
    order = np.arange(len(parent)) - np.repeat(np.cumsum(n_windows) - n_windows, n_windows)
    places = ((np.cumsum(counts) - counts)[parent] + order * stride)[:, None] + np.arange(length)
    cut = traces[parent].with_columns(
        list_column(name, _values(traces, name)[places].ravel(), np.full(len(parent), length))
        for name in channel_names(traces)
    )
    cut = cut.with_columns(
        pl.lit(length, dtype=pl.Int64).alias("n_packets"),
        pl.col("start_ns") + pl.Series(order * stride * (bin_ns or 0)),
    )
    group = (groups.cast(pl.String) if groups is not None else pl.Series(np.arange(len(traces))).cast(pl.String))[
        parent
    ]
    alone = (pl.len().over("label") == 1) & ~pl.col("split").is_in(["train", "test"])
    single = traces.select(alone & (test > 0)).to_series().to_numpy()[parent]
    n_test = np.clip(np.round(test * n_windows), 1, np.maximum(n_windows - 1, 0))[parent]
    first_test = n_windows[parent] - n_test
    in_test = order >= first_test
    reaches_over = single & ~in_test & (order * stride + length > first_test * stride)
    side = pl.Series(np.where(single, np.where(in_test, "test", "train"), cut["split"].to_numpy()), dtype=pl.String)
    keep = pl.Series(~reaches_over)
    return cut.with_columns(side.alias("split")).filter(keep), group.alias("group").filter(keep)


def _counts(traces: pl.DataFrame) -> NDArray[np.int64]:
    return traces[channel_names(traces)[0]].list.len().to_numpy().astype(np.int64)


def _values(traces: pl.DataFrame, name: str) -> NDArray[np.int64]:
    lists = traces[name]
    return lists.filter(lists.list.len() > 0).explode().to_numpy()
