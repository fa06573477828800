"""Copies: are synthetic traces new, or do training traces come out again?"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.arrays import Floats
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.intervals import NORMAL, Interval, share_interval
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.ranks import rank_scale, ranks
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

MOST = 20_000  # traces of each part in the search for nearest neighbours
NEAR = 0.05  # of the real test traces are nearer than this border
BOOTSTRAPS = 200
CHUNK = 512
EXACT = ScoreType(
    "copies.exact", "min", "share that equals a training trace on all channels; floor: of the test part", useless=1.0,
    useless_is="1", unit="share", evidence=("privacy",), attack="copies", compared=True,
)  # fmt: skip
SHAPE = ScoreType(
    "copies.exact_shape", "min", "the same without the gaps", useless=1.0, useless_is="1", unit="share",
    evidence=("privacy",),
)  # fmt: skip
NEARNESS = ScoreType(
    "copies.near", "min", "share nearer to a training trace than 95 % of the test part; exact copies are not counted",
    useless=1.0, useless_is="1", unit="share", evidence=("privacy",), attack="nearness", compared=True,
)  # fmt: skip
RATIO = ScoreType(
    "copies.nearest_ratio", "max",
    "5th percentile of the distance to the nearest training trace, divided by the test part's",
    range=(0.0, float("inf")), useless=0.0, useless_is="0", evidence=("privacy",),
)  # fmt: skip


def copies(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Exact copies of training traces, and how near the nearest ones are, each compared with the real test part's own.

    Real traffic repeats itself, so test traces also equal training traces: that share is the floor.
    """
    for kind, (chosen, where) in zip((EXACT, SHAPE), views(sets), strict=False):
        real, synthetic = (seen_before(part, sets.train, chosen) for part in (sets.test, sets.synthetic))
        note = f"traces that occur in the training part, {where}; the floor is the real test part's own share"
        span = share_interval(float(real.mean()), len(sets.test), len(sets.synthetic))
        yield kind.score(float(synthetic.mean()), span, note=note)
    yield from nearness(sets, rng)


def views(sets: Comparison) -> list[tuple[list[int], str]]:
    """The channels that copies are looked for on, and these in words: all, then those without timing, if any."""
    shapes = [index for index, channel in enumerate(sets.channels) if not channel.startswith("gap")]
    found = [(list(range(len(sets.channels))), "on all channels")]
    if 0 < len(shapes) < len(sets.channels):
        found.append((shapes, f"on {' and '.join(sets.channels[i] for i in shapes)} only"))
    return found


def seen_before(traces: Traces, train: Traces, channels: list[int]) -> NDArray[np.bool_]:
    """Which traces (N,) are exactly equal to a training trace on these channels."""
    known = distinct(train, channels)
    return np.array([row.tobytes() in known for row in _comparable(traces, channels)])


def distinct(traces: Traces, channels: list[int]) -> set[bytes]:
    """The traces that differ on these channels, each as bytes."""
    return {row.tobytes() for row in _comparable(traces, channels)}


def _comparable(traces: Traces, channels: list[int]) -> Floats:
    """Rows whose bytes are equal where the traces are: one kind of NaN and one kind of zero."""
    return np.ascontiguousarray(np.nan_to_num(traces.series[:, channels], nan=-np.inf) + 0.0)


def nearness(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """How near the nearest training trace is, to synthetic traces and to the real test part.

    `copies.near`: the share that is nearer than 95 % of the test part, so the floor is 5 %. `copies.nearest_ratio`:
    the 5th percentile of the distance, divided by that of the test part. Neither side counts exact copies, which
    `copies.exact` does.
    """
    real, synthetic = nearest_distances(sets, rng)
    for name, found in (("real test", real), ("synthetic", synthetic)):
        if not len(found):
            why = f"every {name} trace is an exact copy of a training trace"
            yield NEARNESS.score(None, NEAR, note=why)
            yield RATIO.score(None, 1.0, note=why)
            return
    border = float(np.percentile(real, 100 * NEAR))
    note = f"nearer to a training trace than {1 - NEAR:.0%} of the real test traces are; exact copies are not counted"
    span = share_interval(float(np.mean(real < border)), len(real), len(synthetic))
    yield NEARNESS.score(float(np.mean(synthetic < border)), span, note=note)
    if border == 0:
        yield RATIO.score(None, 1.0, note="the real test traces are at distance 0")
        return
    note = f"{100 * NEAR:.0f}th percentile of distance to the nearest training trace, synthetic / real test; 0: copies"
    draws = [np.percentile(rng.choice(real, min(len(real), len(synthetic))), 100 * NEAR) for _ in range(BOOTSTRAPS)]
    half = NORMAL * sqrt(2) * float(np.std(draws)) / border
    ratio = float(np.percentile(synthetic, 100 * NEAR)) / border
    yield RATIO.score(ratio, Interval(1.0, max(0.0, 1 - half), 1 + half), note=note)


def nearest_distances(sets: Comparison, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The distance in ranks to the nearest training trace, of real test and of synthetic traces without exact copies.

    Values are replaced by their ranks in the training part (a gap and a size then count alike), absent ones by -0.5.
    """
    everything = list(range(len(sets.channels)))
    train = sets.train.sample(MOST, rng)
    found = []
    for part in (sets.test, sets.synthetic):
        part = part.sample(MOST, rng)
        found.append(distances(part.take(~seen_before(part, sets.train, everything)), train))
    return found[0], found[1]


def distances(traces: Traces, train: Traces) -> Floats:
    """The Euclidean distance (N,) in ranks to the nearest training trace."""
    scale = rank_scale(train)
    rows, known = ranks(traces, scale), ranks(train, scale)
    coarse = known.astype(np.float32)
    offsets = np.sum(coarse**2, axis=1) / 2
    nearest = np.zeros(len(rows), dtype=np.intp)
    with threadpool_limits(1):  # threads that wait for each other on busy cores cost more than they bring
        for start in range(0, len(rows), CHUNK):
            some = slice(start, start + CHUNK)
            # |x - y|² / 2 = |x|² / 2 + (|y|² / 2 - xy), and only the bracket depends on y
            nearest[some] = np.argmin(offsets - rows[some].astype(np.float32) @ coarse.T, axis=1)
    return np.asarray(np.linalg.norm(rows - known[nearest], axis=1))


METRIC = Metric(
    copies,
    Comparison,
    "Are the synthetic traces new, or training traces again?",
    "privacy",
    (EXACT, SHAPE, NEARNESS, RATIO),
    baselines=True,
)
