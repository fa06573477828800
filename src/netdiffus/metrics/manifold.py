"""Precision, recall, density and coverage: is every synthetic trace near real ones, and every real one near synthetic?

Precision and recall of Kynkäänniemi et al. (NeurIPS 2019), density and coverage of Naeem et al. (ICML 2020), with
Euclidean distance in ranks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.arrays import Floats32
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import Measure, measured, score_of, values_of
from netdiffus.metrics.ranks import rank_scale, ranks
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

MOST = 1_000  # traces of each side
NEIGHBOURS = 5
PRECISION = ScoreType(
    "manifold.precision", "max", "share of synthetic traces inside the ball of a real one", useless=0.0, useless_is="0",
    compared=True,
)  # fmt: skip
RECALL = ScoreType(
    "manifold.recall", "max", "share of real traces inside the ball of a synthetic one", useless=0.0, useless_is="0"
)
DENSITY = ScoreType(
    "manifold.density", "max", "real balls around a synthetic trace, over their expected number",
    range=(0.0, float("inf")), useless=0.0, useless_is="0",
)  # fmt: skip
COVERAGE = ScoreType(
    "manifold.coverage", "max", "share of real traces whose ball holds a synthetic one", useless=0.0, useless_is="0",
    compared=True,
)  # fmt: skip
TYPES = (PRECISION, RECALL, DENSITY, COVERAGE)
SHARES = (PRECISION.name, RECALL.name, COVERAGE.name)


def manifold(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The four figures; a ball reaches to the fifth nearest neighbour of its own side."""
    with threadpool_limits(1):
        found = measured(sets, rng, _measure(sets), MOST, shares=SHARES)
    missing = f"needs more than {NEIGHBOURS} traces of shared labels"
    for kind in TYPES:
        yield score_of(kind, found, note=f"{kind.meaning}; at most {MOST:,} traces of each side", missing=missing)


def _values(sets: Comparison, rng: np.random.Generator) -> Mapping[str, float | None]:
    with threadpool_limits(1):
        return dict.fromkeys(kind.name for kind in TYPES) | values_of(sets, rng, _measure(sets), MOST)


def _measure(sets: Comparison) -> Measure[Traces]:
    scale = rank_scale(sets.train)

    def measure(real: Traces, other: Traces) -> dict[str, float]:
        if min(len(real), len(other)) <= NEIGHBOURS:
            return {}
        figures = balls(*(ranks(part, scale).astype(np.float32) for part in (real, other)))
        return {f"manifold.{name}": value for name, value in figures.items()}

    return measure


def balls(real: Floats32, other: Floats32) -> dict[str, float]:
    """The four figures of two sets of points (N, d) and (M, d), each with more than five."""
    between = squared(real, other)
    real_radius, other_radius = (_radius(squared(part, part)) for part in (real, other))
    in_real = between <= real_radius[:, None]  # (N, M)
    in_other = between <= other_radius[None, :]
    return {
        "precision": float(in_real.any(axis=0).mean()),
        "recall": float(in_other.any(axis=1).mean()),
        "density": float(in_real.sum(axis=0).mean() / NEIGHBOURS),
        "coverage": float(in_real.any(axis=1).mean()),
    }


def squared(a: Floats32, b: Floats32) -> Floats32:
    """Squared Euclidean distances (N, M); 0 for points that differ by rounding only."""
    found = np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1)[None, :] - 2 * a @ b.T
    return np.where(found < 1e-4, np.float32(0.0), found)


def _radius(within: Floats32) -> Floats32:
    """The squared distance (N,) to the fifth nearest other point."""
    return np.asarray(np.partition(within, NEIGHBOURS, axis=1)[:, NEIGHBOURS])


METRIC = Metric(
    manifold,
    Comparison,
    "Is every synthetic trace like some real one, and every kind of real trace among the synthetic ones?",
    "fidelity",
    TYPES,
    baselines=True,
    values=_values,
)
