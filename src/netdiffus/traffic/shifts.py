"""Copies of traces with one position left out or repeated: what is known beforehand of flows, that they shift.

Of the augmentations of traffic that have been compared, those of the order of packets help classifiers most (Wang et
al., "Data augmentation for traffic classification", PAM 2024).
"""

from __future__ import annotations

import numpy as np

from netdiffus.arrays import Floats

SHORTEST = 3
"""Positions that must be left."""


def shifted(series: Floats, rng: np.random.Generator) -> Floats:
    """Each trace of (N, C, n), NaN = absent, with one position left out or, as often, one that comes twice.

    One that filled all n positions still does: where it became shorter its last position is repeated, as nobody knows
    what would have come; where it became longer the end falls off. Traces of 3 positions or fewer only become longer.
    """
    N, _, n = series.shape
    position = np.arange(n)
    length = np.where(~np.isnan(series).all(axis=1), position + 1, 0).max(axis=1, initial=0)
    left_out = (rng.random(N) < 0.5) & (length > SHORTEST)
    place = rng.integers(np.maximum(length, 1))[:, None]
    source = np.where(left_out[:, None], position + (position >= place), position - (position > place))
    source = np.clip(source, 0, np.maximum(length - 1, 0)[:, None])
    found = np.take_along_axis(series, source[:, None], axis=2)
    after = np.where(left_out & (length < n), length - 1, np.minimum(length + ~left_out, n))
    found[np.broadcast_to((position >= after[:, None])[:, None], found.shape)] = np.nan
    return found
