"""Columns whose rows differ in length, made from flat arrays without a copy, as Arrow lays them out."""

from __future__ import annotations

import nanoarrow
import numpy as np
import polars as pl
from numpy.typing import NDArray

MAX_COLUMN_BYTES = 1 << 30
"""Bytes of one piece of a binary column; polars counts them with 32 bits."""


def list_column(name: str, flat: NDArray[np.generic], counts: NDArray[np.int64]) -> pl.Series:
    """A list column; row i holds the next counts[i] values of `flat`, which are numbers."""
    flat = np.ascontiguousarray(flat)
    kind = getattr(nanoarrow, str(flat.dtype))()
    values = nanoarrow.c_array_from_buffers(kind, len(flat), [None, flat])
    offsets = _offsets(counts)
    lists = nanoarrow.c_array_from_buffers(nanoarrow.large_list(kind), len(counts), [None, offsets], children=[values])
    return pl.Series(lists).alias(name)


def binary_column(name: str, flat: NDArray[np.uint8], counts: NDArray[np.int64]) -> pl.Series:
    """A binary column; row i holds the next counts[i] bytes of `flat`."""
    offsets = _offsets(counts)
    pieces, row = [pl.Series(dtype=pl.Binary)], 0
    while row < len(counts):
        first = offsets[row]
        stop = max(row + 1, int(np.searchsorted(offsets, first + MAX_COLUMN_BYTES, side="right")) - 1)
        buffers = [None, offsets[row : stop + 1] - first, np.ascontiguousarray(flat[first : offsets[stop]])]
        pieces.append(pl.Series(nanoarrow.c_array_from_buffers(nanoarrow.large_binary(), stop - row, buffers)))
        row = stop
    return pl.concat(pieces[1:] or pieces).alias(name)


def _offsets(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each row begins, and where the last one ends."""
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets
