"""A two-dimensional embedding of real and synthetic traces (t-SNE, van der Maaten and Hinton 2008)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.arrays import Floats
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.features import shortened
from netdiffus.metrics.ranks import rank_scale, ranks

MOST = 400  # points of each side
COMPONENTS = 20
FEWEST = 20  # points in all; fewer are shown by their principal components
STEPS = 300


@dataclass(frozen=True)
class Embedding:
    """Points (N, 2) and (M, 2), and the method that placed them."""

    real: Floats
    synthetic: Floats
    how: str


def embedding(sets: Comparison, rng: np.random.Generator) -> Embedding:
    """Up to 400 traces of each side, in ranks, labels mixed as in the test part; fewer than 20 points by PCA alone."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    other = sets.synthetic.matching(sets.test, rng)
    other = (other if len(other) else sets.synthetic).sample(MOST, rng)
    real = sets.test.sample(MOST, rng)
    scale = rank_scale(shortened(sets.train))
    points = np.concatenate([ranks(shortened(part), scale) for part in (real, other)])
    seed = int(rng.integers(2**31))
    with threadpool_limits(1), np.errstate(invalid="ignore", divide="ignore"):
        flat = PCA(min(COMPONENTS, *points.shape), random_state=seed).fit_transform(points)
        how = "principal components"
        if len(points) >= FEWEST and np.ptp(flat, axis=0).any():
            perplexity = min(30.0, (len(points) - 1) / 4)
            flat = TSNE(2, perplexity=perplexity, init="pca", max_iter=STEPS, random_state=seed).fit_transform(flat)
            how = "t-SNE"
    flat = np.pad(flat, ((0, 0), (0, 2)))[:, :2].astype(np.float64)
    return Embedding(flat[: len(real)], flat[len(real) :], how)
