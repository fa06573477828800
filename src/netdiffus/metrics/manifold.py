"""Precision, recall, density and coverage: is every synthetic trace near real ones, and every real one near synthetic?

Precision and recall of Kynkäänniemi et al. (NeurIPS 2019), density and coverage of Naeem et al. (ICML 2020), with
Euclidean distance in ranks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.arrays import Floats32
from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.ranks import rank_scale, ranks
from netdiffus.metrics.reference import measured, measured_score
from netdiffus.metrics.score import Score

MOST = 1_000  # traces of each side
NEIGHBOURS = 5
NAMES = {
    "precision": "share of synthetic traces inside the ball of a real one",
    "recall": "share of real traces inside the ball of a synthetic one",
    "density": "real balls around a synthetic trace, over their expected number",
    "coverage": "share of real traces whose ball holds a synthetic one",
}


def manifold(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The four figures; a ball reaches to the fifth nearest neighbour of its own side."""
    scale = rank_scale(sets.train)

    def measure(real: Traces, other: Traces) -> dict[str, float]:
        if min(len(real), len(other)) <= NEIGHBOURS:
            return {}
        return balls(*(ranks(part, scale).astype(np.float32) for part in (real, other)))

    with threadpool_limits(1):
        found = measured(sets, rng, measure, MOST, shares=("precision", "recall", "coverage"))
    for name, meaning in NAMES.items():
        if name in found:
            note = f"{meaning}; at most {MOST:,} traces of each side"
            yield measured_score(f"manifold.{name}", found[name], "max", 0.0, note=note)
        else:
            note = f"needs more than {NEIGHBOURS} traces of shared labels"
            yield Score(f"manifold.{name}", None, 0.0, None, "max", note=note)


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
    """Squared Euclidean distances (N, M); what rounding made of equal points is 0."""
    found = np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1)[None, :] - 2 * a @ b.T
    return np.where(found < 1e-4, np.float32(0.0), found)


def _radius(within: Floats32) -> Floats32:
    """The squared distance (N,) to the fifth nearest other point."""
    return np.asarray(np.partition(within, NEIGHBOURS, axis=1)[:, NEIGHBOURS])
