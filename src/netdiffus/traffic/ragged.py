"""Columns whose rows differ in length, made from flat arrays without a loop over rows."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

MAX_VALUE_BYTES = 1 << 30
"""Bytes that one polars value can safely hold (its lengths are 32 bits wide)."""


def list_column(name: str, flat: NDArray[np.generic], counts: NDArray[np.int64]) -> pl.Series:
    """A list column; row i holds the next counts[i] values of `flat`."""
    rows = pl.DataFrame({"first": np.cumsum(counts) - counts, "count": counts})
    values = pl.Series(name, flat)
    if not len(counts):
        return pl.Series(name, [], dtype=pl.List(values.dtype))
    return rows.select(pl.lit(values.implode()).list.slice(pl.col("first"), pl.col("count")).alias(name)).to_series()


def binary_columns(flat: NDArray[np.uint8], counts: dict[str, NDArray[np.int64]]) -> pl.DataFrame:
    """Binary columns that lie side by side in `flat`: row by row, counts[name][i] bytes of each column in turn."""
    sizes = np.sum(list(counts.values()), axis=0)
    ends = np.cumsum(sizes)
    parts, row, begin = [pl.DataFrame(schema=dict.fromkeys(counts, pl.Binary))], 0, 0
    while row < len(sizes):
        stop = max(row + 1, int(np.searchsorted(ends, begin + MAX_VALUE_BYTES, side="right")))
        whole = pl.lit(pl.Series([flat[begin : ends[stop - 1]].tobytes()]))
        rows = pl.DataFrame({name: count[row:stop] for name, count in counts.items()})
        first = pl.lit(pl.Series(ends[row:stop] - sizes[row:stop] - begin))
        columns = []
        for name in counts:
            columns.append(whole.bin.slice(first, pl.col(name)).alias(name))
            first = first + pl.col(name)
        parts.append(rows.select(columns))
        row, begin = stop, int(ends[stop - 1])
    return pl.concat(parts[1:] or parts)
