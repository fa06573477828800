"""What noisy counts say: those that differ from what is expected by more than noise does.

Noise on a hundred thousand cells would make most of a table of what never happened. So counts are compared with what a
shorter context expects. Those that differ from it by more than noise does are kept, the others are taken to be as
expected: hard thresholding of what is new, at the false discovery rate FALSE, so that a large table of few findings has
a higher threshold than a small one of many (Benjamini and Hochberg, J. R. Stat. Soc. B 1995; Abramovich et al., Annals
of Statistics 2006). All of this is post-processing, which costs nothing.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from netdiffus.arrays import Bools, Floats, Ints

FALSE = 0.3
"""Share of the counts that are kept although they differ by noise alone."""
LEAST = 2.0
"""Standard deviations that counts which are kept differ by at least."""
FLOOR = 1.0
"""Standard deviations of noise that are left to all codes that are as expected, if so many were."""


def normalised(counts: Floats) -> Floats:
    """Shares (..., K) of counts that are not negative; even ones where all are 0."""
    whole = counts.sum(axis=-1, keepdims=True)
    return np.asarray(np.where(whole > 0, counts / np.maximum(whole, 1e-300), 1 / counts.shape[-1]))


def significant(counts: Floats, expected: Floats, sigma: Floats | float) -> Bools:
    """Which noisy counts differ from what is expected, at the false discovery rate FALSE."""
    chance = 2 * ndtr(-np.abs(counts - expected) / sigma)
    ascending = np.sort(chance, axis=None)
    found = np.flatnonzero(ascending <= FALSE * np.arange(1, chance.size + 1) / chance.size)
    rate = ascending[found[-1]] if len(found) else -1.0
    return np.asarray(chance <= min(rate, 2 * ndtr(-LEAST)))


def frequent(counts: Ints, sigma: float) -> Ints:
    """Places of noisy counts, as if they were flat, that are significant; at least one, the largest first."""
    many = counts.astype(np.float64).ravel()
    found = np.flatnonzero(significant(many, np.zeros(len(many)), sigma) & (many > 0))
    chosen = found if len(found) else np.array([many.argmax()])
    return np.asarray(chosen[np.argsort(-many[chosen], kind="stable")])


def kept(counts: Floats, expected: Floats, sigma: Floats | float, least: float = 1.0) -> Floats:
    """Shares (..., K) of noisy counts where they differ significantly from what is expected, else of that.

    What the significant ones leave of the expected total is shared by the others, as they were expected.

    Args:
        least: rows that are expected to hold less than so many standard deviations are taken to be as expected: what
            differs in them is noise.
    """
    held = np.broadcast_to(expected.sum(axis=-1, keepdims=True) >= least * sigma, counts.shape)
    spread = np.broadcast_to(np.asarray(sigma, dtype=np.float64), counts.shape)
    new = np.zeros(counts.shape, dtype=bool)
    if held.any():
        new[held] = significant(counts[held], expected[held], spread[held])
    found, others = np.where(new, np.maximum(counts, 0.0), 0.0), np.where(new, 0.0, expected)
    left = expected.sum(axis=-1, keepdims=True) - found.sum(axis=-1, keepdims=True)
    whole = others.sum(axis=-1, keepdims=True)
    room = np.maximum(left, np.minimum(whole, FLOOR * sigma))
    return normalised(found + others * (room / np.maximum(whole, 1e-300)))
