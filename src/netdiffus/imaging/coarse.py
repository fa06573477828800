"""Coarse rows: the small image of a trace, whose rows are averages over segments of the trace (piecewise aggregation).

Averages over segments are how GASF images are made small (Keogh et al. 2001; pyts). A model of long traces samples the
small image first and the rows of the large one conditioned on it. Averages are quantised: one code per quantile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.arrays import Floats, Ints
from netdiffus.errors import InputError
from netdiffus.imaging.counting import HERE, Counting
from netdiffus.manifest import Manifest

CODES = 64
"""Maximum number of codes for a channel's averages."""
LARGEST = 4.0
"""Above every average of z (codec.py defines the largest z)."""
DIGITS = 9
"""Decimal places of an average: sums of the same values in another order differ behind them."""
WIDEST = 1 << 40
"""Above every average, in units of its last decimal place."""
Place = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]


class CoarseManifest(Manifest):
    """Coarse rows in a manifest."""

    rows: int = Field(ge=1, le=limits.COARSE_ROWS)
    edges: list[Annotated[list[Place], Field(max_length=CODES - 1)]] = Field(min_length=1, max_length=limits.CHANNELS)
    centres: list[Annotated[list[Place], Field(min_length=1, max_length=CODES)]] = Field(max_length=limits.CHANNELS)

    @model_validator(mode="after")
    def _fit(self) -> CoarseManifest:
        if [len(edges) + 1 for edges in self.edges] != [len(centres) for centres in self.centres]:
            raise ValueError("with a centre more than edges for each channel")
        if any(np.any(np.diff(part) <= 0) for part in [*self.edges, *self.centres]):
            raise ValueError("with edges and centres that ascend")
        return self


@dataclass(frozen=True)
class CoarseCodebook:
    """Averages over segments ↔ codes.

    Attributes:
        rows: segments, m.
        edges: for each channel, the ascending boundaries (K - 1,) between neighbouring codes, in z.
        centres: for each channel, the mean (K,) of each code's averages, in z.
    """

    rows: int
    edges: tuple[Floats, ...]
    centres: tuple[Floats, ...]

    @classmethod
    def fit(cls, z: Floats, rows: int, counting: Counting = HERE) -> CoarseCodebook:
        """The codebook of training series z (N, C, n) in `rows` segments.

        Args:
            counting: by this process, or by several that have the same series.

        Raises:
            InputError: there are fewer positions than segments.
        """
        averages = segment_means(z, rows)
        edges, centres = [], []
        for channel in range(z.shape[1]):
            ranked = _Ranked(np.rint(averages[:, channel] * 10**DIGITS).astype(np.int64), counting)
            *places, last = ranked.at(-(-averages[:, channel].size * np.arange(1, CODES + 1) // CODES))
            found = np.unique(np.array(places, np.int64))
            found = found[found < last]  # each code then has an average: what lies up to its bound
            bounds, means = found / 10**DIGITS, ranked.means(found) / 10**DIGITS
            edges.append(bounds)
            centres.append(np.append(np.minimum(means[:-1], bounds), means[-1]))  # means of one value are rounded
        return cls(rows, tuple(edges), tuple(centres))

    def encode(self, z: Floats) -> Ints:
        """Codes (N, C, m) of series z (N, C, n)."""
        averages = segment_means(z, self.rows)
        return np.stack([np.searchsorted(edges, averages[:, k]) for k, edges in enumerate(self.edges)], axis=1)

    def settled(self, known: int, length: int) -> int:
        """The number of segments of `length` positions that lie within the first `known`."""
        return int(np.searchsorted(segment_ends(length, self.rows), known, side="right"))

    def to_json(self) -> dict[str, Any]:
        """Plain lists."""
        return {
            "rows": self.rows,
            "edges": [edges.tolist() for edges in self.edges],
            "centres": [centres.tolist() for centres in self.centres],
        }

    @classmethod
    def of_manifest(cls, found: CoarseManifest) -> CoarseCodebook:
        """The inverse of `to_json`, from a validated manifest."""
        edges, centres = ([np.asarray(part, np.float64) for part in parts] for parts in (found.edges, found.centres))
        return cls(found.rows, tuple(edges), tuple(centres))


@dataclass
class _Ranked:
    """Whole numbers (N, m) in ascending order, of which each of those who count has a part; sums are exact."""

    values: Ints
    counting: Counting
    _own: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def at(self, ranks: Ints) -> Ints:
        """The numbers (K,) at ranks (K,) from 1 on, found by halving."""
        low, high = np.full(len(ranks), -WIDEST), np.full(len(ranks), WIDEST)
        while (low < high).any():
            middle = (low + high) // 2
            reached = self.counting.summed(partial(self._up_to, middle)) >= ranks
            low, high = np.where(reached, low, middle + 1), np.where(reached, middle, high)
        return low

    def means(self, bounds: Ints) -> Floats:
        """Means (K + 1,) of the numbers up to each of ascending bounds (K,) and above the one before it."""
        sums, counts = self.counting.summed(partial(self._sums, bounds))
        return np.asarray(sums / counts)

    def _up_to(self, bounds: Ints, part: slice) -> Ints:
        if not len(self._own):
            self._own = np.sort(self.values[part], axis=None)
        return np.searchsorted(self._own, bounds, side="right").astype(np.int64)

    def _sums(self, bounds: Ints, part: slice) -> Ints:
        ends = np.concatenate([[0], self._up_to(bounds, part), [len(self._own)]])
        total = np.concatenate([[0], np.cumsum(self._own)])
        return np.stack([np.diff(total[ends]), np.diff(ends)])


def segment_ends(length: int, rows: int) -> Ints:
    """The end of each of `rows` segments of `length` positions; lengths differ by at most one."""
    return np.arange(1, rows + 1) * length // rows


def segment_means(z: Floats, rows: int) -> Floats:
    """Averages (N, C, m) of series (N, C, n) over m segments, to DIGITS decimal places."""
    length = z.shape[2]
    if length < rows:
        raise InputError(f"at least {rows} positions for as many coarse rows", str(length), "ask for fewer")
    ends = segment_ends(length, rows)
    begins = np.concatenate([[0], ends[:-1]])
    return np.asarray(np.round(np.add.reduceat(z, begins, axis=2) / (ends - begins), DIGITS))
