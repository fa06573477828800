"""Maximum mean discrepancy (Gretton et al. 2012) by random Fourier features (Rahimi and Recht 2007), in linear time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import measured, score_of
from netdiffus.metrics.ranks import rank_scale, ranks
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

MOST = 4_000  # traces of each side
FEATURES = 256
PAIRS = 1_000  # that the bandwidth is the median distance of
DISTANCE = ScoreType(
    "mmd", "min", "maximum mean discrepancy by random Fourier features of ranks", range=(0.0, 2 * 2**0.5)
)


def mmd(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The distance between the mean features of real and synthetic traces, a Gaussian kernel of median bandwidth."""
    scale = rank_scale(sets.train)
    known = ranks(sets.train.sample(MOST, rng), scale)
    one, two = (known[rng.integers(len(known), size=PAIRS)] for _ in range(2))
    width = float(np.median(np.linalg.norm(one - two, axis=1))) or 1.0
    directions = rng.standard_normal((known.shape[1], FEATURES)) / width
    phases = rng.uniform(0, 2 * np.pi, FEATURES)

    def measure(real: Traces, other: Traces) -> dict[str, float]:
        means = [np.cos(ranks(part, scale) @ directions + phases).mean(axis=0) for part in (real, other)]
        return {DISTANCE.name: float(np.sqrt(2 / FEATURES) * np.linalg.norm(means[0] - means[1]))}

    with threadpool_limits(1):
        found = measured(sets, rng, measure, MOST)
    note = f"{FEATURES} random Fourier features of ranks; at most {MOST:,} traces of each side"
    yield score_of(DISTANCE, found, note=note)


METRIC = Metric(mmd, Comparison, "Are real and synthetic traces alike as whole series?", "fidelity", (DISTANCE,))
