"""Coarse rows: the small image of a trace, whose rows are averages over segments of the trace (piecewise aggregation).

Averages over segments are how GASF images are made small (Keogh et al. 2001; pyts). A model of long traces samples the
small image first and the rows of the large one conditioned on it. Averages are quantised: one code per quantile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.arrays import Floats, Ints
from netdiffus.errors import InputError
from netdiffus.manifest import Manifest

CODES = 64
"""Maximum number of codes for a channel's averages."""
LARGEST = 4.0
"""Above every average of z (codec.py defines the largest z)."""
DIGITS = 9
"""Decimal places of an average: sums of the same values in another order differ behind them."""
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
    def fit(cls, z: Floats, rows: int) -> CoarseCodebook:
        """The codebook of training series z (N, C, n) in `rows` segments.

        Raises:
            InputError: there are fewer positions than segments.
        """
        averages = segment_means(z, rows)
        edges, centres = [], []
        for channel in range(z.shape[1]):
            values = averages[:, channel].ravel()
            bounds = np.unique(np.quantile(values, np.linspace(0, 1, CODES + 1)[1:-1], method="inverted_cdf"))
            bounds = bounds[bounds < values.max()]  # each code then has an average: what lies up to its bound
            code = np.searchsorted(bounds, values)
            edges.append(bounds)
            means = np.bincount(code, values) / np.bincount(code)
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
