"""Coarse rows: the small image of a trace, whose rows are averages over segments of the trace (piecewise aggregation).

Averages over segments are how GASF images are made small (Keogh et al. 2001; pyts). A model of long traces draws the
small image first and the rows of the large one given it. Averages are told apart by quantiles: a code each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.errors import InputError

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

CODES = 64
"""Codes of a channel's averages, at most."""


@dataclass(frozen=True)
class CoarseCodebook:
    """Averages over segments ↔ codes.

    Attributes:
        rows: segments, m.
        edges: of each channel, the ascending boundaries (K - 1,) between neighbouring codes, in z.
        centres: of each channel, the mean (K,) of each code's averages, in z.
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
            centres.append(np.bincount(code, values) / np.bincount(code))
        return cls(rows, tuple(edges), tuple(centres))

    def encode(self, z: Floats) -> Ids:
        """Codes (N, C, m) of series z (N, C, n)."""
        averages = segment_means(z, self.rows)
        return np.stack([np.searchsorted(edges, averages[:, k]) for k, edges in enumerate(self.edges)], axis=1)

    def settled(self, known: int, length: int) -> int:
        """How many of the segments of `length` positions lie within the first `known`."""
        return int(np.searchsorted(segment_ends(length, self.rows), known, side="right"))

    def to_json(self) -> dict[str, Any]:
        """Plain lists."""
        return {
            "rows": self.rows,
            "edges": [edges.tolist() for edges in self.edges],
            "centres": [centres.tolist() for centres in self.centres],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CoarseCodebook:
        """The way back from `to_json`, exact."""
        edges, centres = ([np.asarray(part, np.float64) for part in data[name]] for name in ("edges", "centres"))
        return cls(int(data["rows"]), tuple(edges), tuple(centres))


def segment_ends(length: int, rows: int) -> Ids:
    """Where each of `rows` segments of `length` positions ends; lengths differ by one at most."""
    return np.arange(1, rows + 1) * length // rows


def segment_means(z: Floats, rows: int) -> Floats:
    """Averages (N, C, m) of series (N, C, n) over m segments."""
    length = z.shape[2]
    if length < rows:
        raise InputError(f"at least {rows} positions for as many coarse rows", str(length), "ask for fewer")
    ends = segment_ends(length, rows)
    begins = np.concatenate([[0], ends[:-1]])
    return np.asarray(np.add.reduceat(z, begins, axis=2) / (ends - begins))
