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


def binary_column(name: str, flat: NDArray[np.uint8], counts: NDArray[np.int64]) -> pl.Series:
    """A binary column; row i holds the next counts[i] bytes of `flat`."""
    ends = np.cumsum(counts)
    parts, row, first = [pl.Series(name, [], dtype=pl.Binary)], 0, 0
    while row < len(counts):
        stop = max(row + 1, int(np.searchsorted(ends, first + MAX_VALUE_BYTES, side="right")))
        rows = pl.DataFrame({"first": ends[row:stop] - counts[row:stop] - first, "count": counts[row:stop]})
        whole = pl.lit(pl.Series(name, [flat[first : ends[stop - 1]].tobytes()]))
        parts.append(rows.select(whole.bin.slice(pl.col("first"), pl.col("count")).alias(name)).to_series())
        row, first = stop, int(ends[stop - 1])
    return pl.concat(parts, rechunk=True)
