"""Wavelet energy: how much the load differs between neighbouring times, by scale (Haar 1910; Abry, Veitch 1998)."""

from __future__ import annotations

import numpy as np

from netdiffus.arrays import Floats, Ints

SCALES = 14
"""From 1 to 2^13 bins: of milliseconds, from 1 ms to 8 s."""


def haar_energy(window: Ints, bin_: Ints, value: Floats, valid: Ints, scales: int = SCALES) -> tuple[Floats, Ints]:
    """The energy of series of 2^scales bins each, most of which may be empty: both (W, scales).

    At scale j (from 0) a coefficient is the difference of the sums over two neighbouring runs of 2^j bins, divided by
    the square root of 2^(j + 1). Returned are the sums of the squares, and the number of coefficients.

    Args:
        window, bin_, value: the series, the bin in it and the value of each bin that is not empty (N,), sorted by
            window and bin.
        valid: bins of each series that count (W,); a coefficient that reaches beyond them does not.
    """
    energy, pairs = np.zeros((len(valid), scales)), np.zeros((len(valid), scales), np.int64)
    place, x = window << scales | bin_, value
    for j in range(scales):
        pairs[:, j] = valid >> (j + 1)
        if not len(place):
            continue
        first = np.flatnonzero(np.diff(place >> 1, prepend=-1))
        difference = np.add.reduceat(np.where(place & 1, -x, x), first)
        place, x = place[first] >> 1, np.add.reduceat(x, first)
        owner, pair = place >> (scales - j - 1), place & ((1 << (scales - j - 1)) - 1)
        inside = pair < pairs[owner, j]
        energy[:, j] = np.bincount(owner[inside], difference[inside] ** 2 / 2 ** (j + 1), len(valid))
    return energy, pairs
