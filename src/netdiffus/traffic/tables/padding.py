"""Where the traces of a table end before their lists do: missing values, or -1 as NFStream's SPLT columns have it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.traffic.tables.positions import Flat

END_MARK = -1
SIGNED = ("signed_size", "direction")
"""Series in which -1 may be a value: there it marks the end only beside one in a series without negative values."""


def ended(series: dict[str, Flat]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Positions (M,) where all series are missing, and where all are missing or -1, at least one being a plain -1.

    At the tail of a trace they are where it has ended; elsewhere they are values that cannot be used.
    """
    missing = np.all([flat.missing for flat in series.values()], axis=0)
    marks = [~flat.missing & (flat.values == END_MARK) for flat in series.values()]
    is_mark = np.any([mark for name, mark in zip(series, marks, strict=True) if name not in SIGNED], axis=0)
    if not np.any(is_mark):
        return missing, np.zeros_like(missing)
    every = np.all([flat.missing | mark for flat, mark in zip(series.values(), marks, strict=True)], axis=0)
    return missing, every & is_mark
