"""Public traces: what they say of codes is taken as expected, as far as noisy counts of the private ones bear it out.

A row of noisy counts c is expected to be e from other noisy counts, and q from public traces. The weight of q is that
of least squares, <c - e, q - e> / (|q - e|^2 + sigma^2), between 0 and 1: public traces that are like the private ones
get a weight near 1, and others near 0. All of it is post-processing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netdiffus.arrays import Floats, Ints


@dataclass(frozen=True)
class Public:
    """Public traces in the codes of the private ones.

    Attributes:
        codes: (M, C, n), absent past the end. ids: (M,) of the private traces' labels; -1: a label that they lack.
        sizes: of the codebooks, whose last code is absence.
    """

    codes: Ints
    ids: Ints
    sizes: Sequence[int]

    def shares(self, channel: int, row: int) -> Floats:
        """(K,) of the codes of traces that have not ended; 0 where there are none."""
        together = np.zeros(len(self.ids), dtype=np.int64)
        return np.asarray(_shares(self._counted(channel, row, together, 1), np.zeros(1))[0])

    def of_labels(self, channel: int, row: int, shorter: Floats) -> Floats:
        """(labels, K) shares by label, blended with shorter ones (labels, K)."""
        return _shares(self._counted(channel, row, self.ids, len(shorter)), shorter)

    def after(self, channel: int, row: int, place: tuple[int, int], shorter: Floats) -> Floats:
        """(K', K) shares after each code of a place (channel, rows back), blended with shorter ones (K,)."""
        before = self.codes[:, place[0], row - place[1]]
        return _shares(self._counted(channel, row, before, self.sizes[place[0]]), shorter)

    def _counted(self, channel: int, row: int, first: Ints, rows: int) -> Floats:
        going = first >= 0
        if row:
            going &= self.codes[:, 0, row - 1] != self.sizes[0] - 1
        size = self.sizes[channel]
        places = first[going] * size + self.codes[going, channel, row]
        return np.bincount(places, minlength=rows * size).reshape(rows, size).astype(np.float64)


def _shares(counts: Floats, shorter: Floats) -> Floats:
    """Shares (..., K) of counts, and of what shorter contexts expect as one count more."""
    whole = counts.sum(axis=-1, keepdims=True) + shorter.sum(axis=-1, keepdims=True)
    return np.asarray((counts + shorter) / np.maximum(whole, 1e-300))


def moved(expected: Floats, public: Floats, counts: Floats, sigma: float) -> Floats:
    """Expected counts (..., K), moved towards the public ones as far as noisy counts bear it out.

    Args:
        sigma: standard deviation of the noise of one count.
    """
    way = public - expected
    borne = ((counts - expected) * way).sum(axis=-1, keepdims=True)
    weight = np.clip(borne / ((way**2).sum(axis=-1, keepdims=True) + sigma**2), 0.0, 1.0)
    return np.asarray(expected + weight * way)
