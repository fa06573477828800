"""Fréchet distance (Heusel et al. 2017) and kernel distance (Bińkowski et al. 2018) between two sets of features."""

from __future__ import annotations

import numpy as np

from netdiffus.arrays import Floats


def frechet(a: Floats, b: Floats) -> float:
    """|mean_a - mean_b|² + tr(A + B - 2 (AB)^½) of features (N, d) and (M, d), A and B their covariances."""
    A, B = (np.cov(part, rowvar=False).reshape(part.shape[1], -1) for part in (a, b))
    root = _root(A)
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ B @ root), 0.0, None)).sum()
    apart = float(np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2))
    return max(0.0, apart + float(np.trace(A) + np.trace(B) - 2 * cross))


def kernel_distance(a: Floats, b: Floats) -> float:
    """The unbiased squared maximum mean discrepancy with the kernel (xy / d + 1)³; may be slightly below 0."""
    n, m, d = len(a), len(b), a.shape[1]
    within = [(part @ part.T / d + 1) ** 3 for part in (a, b)]
    between = (a @ b.T / d + 1) ** 3
    same = [float((k.sum() - np.trace(k)) / (count * (count - 1))) for k, count in zip(within, (n, m), strict=True)]
    return same[0] + same[1] - 2 * float(between.mean())


def _root(matrix: Floats) -> Floats:
    """The square root of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T)
