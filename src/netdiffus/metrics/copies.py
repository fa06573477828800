"""Copies: are synthetic traces new, or training traces handed out again?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.score import Score

MOST = 20_000  # traces of each part in the search for nearest neighbours
PERCENTILE = 5
CHUNK = 512
ABSENT = -0.5  # beside ranks in [0, 1]


def copies(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Exact copies of training traces, and how near the nearest ones come, each beside the real test part's own.

    Real traffic repeats itself, so test traces too have twins in the training part: that share is the floor.
    """
    shapes = [index for index, channel in enumerate(sets.channels) if not channel.startswith("gap")]
    views = [("copies.exact", list(range(len(sets.channels))), "on all channels")]
    if 0 < len(shapes) < len(sets.channels):
        views.append(("copies.exact_shape", shapes, f"on {' and '.join(sets.channels[i] for i in shapes)} only"))
    for name, chosen, where in views:
        real, synthetic = (seen_before(part, sets.train, chosen) for part in (sets.test, sets.synthetic))
        yield Score(
            name,
            float(synthetic.mean()),
            float(real.mean()),
            1.0,
            "min",
            "share",
            note=f"traces that occur in the training part, {where}; the floor is the real test part's own share",
        )
    yield nearest(sets, rng)


def seen_before(traces: Traces, train: Traces, channels: list[int]) -> NDArray[np.bool_]:
    """Which traces (N,) are exactly equal to a training trace on these channels."""
    known = {row.tobytes() for row in _comparable(train, channels)}
    return np.array([row.tobytes() in known for row in _comparable(traces, channels)])


def _comparable(traces: Traces, channels: list[int]) -> NDArray[np.float64]:
    """Rows whose bytes are equal where the traces are: one kind of NaN and one kind of zero."""
    return np.ascontiguousarray(np.nan_to_num(traces.series[:, channels], nan=-np.inf) + 0.0)


def nearest(sets: Comparison, rng: np.random.Generator) -> Score:
    """The 5th percentile of the distance to the nearest training trace, divided by that of the real test part.

    Values are replaced by their ranks in the training part (a gap and a size then count alike), absent ones by -0.5.
    Exact copies are left out on both sides: `copies.exact` counts them.
    """
    everything = list(range(len(sets.channels)))
    train = sets.train.sample(MOST, rng)
    low = []
    for name, part in (("real test", sets.test), ("synthetic", sets.synthetic)):
        part = part.sample(MOST, rng)
        fresh = part.take(~seen_before(part, sets.train, everything))
        if not len(fresh):
            why = f"every {name} trace is an exact copy of a training trace"
            return Score("copies.nearest_ratio", None, 0.0, 1.0, "max", note=why)
        low.append(float(np.percentile(distances(fresh, train), PERCENTILE)))
    note = f"{PERCENTILE}th percentile of distance to the nearest training trace, synthetic / real test; 0: near copies"
    if low[0] == 0:
        return Score("copies.nearest_ratio", None, 0.0, 1.0, "max", note="the real test traces are at distance 0")
    return Score("copies.nearest_ratio", low[1] / low[0], 0.0, 1.0, "max", note=note)


def distances(traces: Traces, train: Traces) -> NDArray[np.float64]:
    """The Euclidean distance (N,) in ranks to the nearest training trace."""
    scale = [np.sort(channel[~np.isnan(channel)]) for channel in np.moveaxis(train.series, 1, 0)]
    rows, known = ranks(traces, scale), ranks(train, scale)
    coarse = known.astype(np.float32)
    offsets = np.sum(coarse**2, axis=1) / 2
    nearest = np.zeros(len(rows), dtype=np.intp)
    with threadpool_limits(1):  # threads that wait for each other on busy cores cost more than they bring
        for start in range(0, len(rows), CHUNK):
            some = slice(start, start + CHUNK)
            # |x - y|² / 2 = |x|² / 2 + (|y|² / 2 - xy), and only the bracket tells the y apart
            nearest[some] = np.argmin(offsets - rows[some].astype(np.float32) @ coarse.T, axis=1)
    found: NDArray[np.float64] = np.linalg.norm(rows - known[nearest], axis=1)
    return found


def ranks(traces: Traces, scale: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Each value as its mid-rank in [0, 1] among the sorted values of its channel, as rows (N, C * n)."""
    result = np.full(traces.series.shape, ABSENT)
    for index, values in enumerate(scale):
        channel = traces.series[:, index]
        there = ~np.isnan(channel)
        low, high = (np.searchsorted(values, channel[there], side=side) for side in ("left", "right"))
        result[:, index][there] = (low + high) / (2 * max(1, len(values)))
    return result.reshape(len(traces), -1)
