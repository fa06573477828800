"""The Gramian Angular Summation Field: G_ij = cos(theta_i + theta_j), theta = arccos x, x in [0, 1]; and the way back.

Source: Wang and Oates, "Imaging time-series to improve classification and imputation", IJCAI 2015, section 2.1.
With x in [0, 1] theta lies in [0, pi/2] and nothing is lost: the diagonal alone gives x back, the whole image gives it
back under noise.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from netdiffus.arrays import Floats
from netdiffus.errors import InputError
from netdiffus.wire.kernels.compiled import compiled_parallel


def gasf(x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Images (..., n, n) in [-1, 1] of series (..., n) in [0, 1]; what rounding put outside is clipped.

    Computed as cos a cos b - sin a sin b with cos theta = x, so that a series costs n roots and an entry of its image
    two products: what is left is the time that memory needs to be written.

    Args:
        out: where the images go, C-contiguous, float64 or float32 (then computed as such); None: a new float64 array.

    Raises:
        InputError: `out` is none that can take them.
    """
    series = np.ascontiguousarray(x, dtype=np.float64)
    n = series.shape[-1]
    shape = (*series.shape, n)
    images = np.empty(shape) if out is None else out
    if images.shape != shape or images.dtype not in (np.float64, np.float32) or not images.flags.c_contiguous:
        raise InputError(
            f"an array for images of shape {shape}, C-contiguous, float64 or float32",
            f"{images.dtype} of shape {images.shape}",
            "pass such an array, or none",
        )
    _outer(series.reshape(-1, n), images.reshape(-1, n, n))
    return images


@compiled_parallel
def _outer(x: Floats, images: NDArray[Any]) -> None:
    """images[k, i, j] = cos(arccos x_ki + arccos x_kj); x (N, n), images (N, n, n)."""
    n = x.shape[1]
    for k in numba.prange(len(x)):
        cos, sin = np.empty(n, images.dtype), np.empty(n, images.dtype)
        for i in range(n):
            value = x[k, i]
            if value < 0.0:
                value = 0.0
            elif value > 1.0:
                value = 1.0
            cos[i], sin[i] = value, math.sqrt((1.0 - value) * (1.0 + value))
        for i in range(n):
            c, s = cos[i], sin[i]
            for j in range(n):
                images[k, i, j] = c * cos[j] - s * sin[j]


def from_diagonal(images: ArrayLike) -> Floats:
    """Series (..., n) in [0, 1] by the published way, x = sqrt((G_ii + 1) / 2): exact without noise, poor with it."""
    diagonal = np.diagonal(np.asarray(images, dtype=np.float64), axis1=-2, axis2=-1)
    return np.sqrt(np.clip((diagonal + 1.0) / 2.0, 0.0, 1.0))


def from_image(images: ArrayLike, tolerance: float = 1e-9, sweeps: int = 200) -> Floats:
    """Angles theta (..., n) in [0, pi/2] that minimise sum_ij (G_ij - cos(theta_i + theta_j))^2 over the whole image.

    Starts at the diagonal's answer; each sweep minimises over one angle after the other (Newton in one dimension)
    until no angle moves by more than `tolerance`. x = cos(theta). The antisymmetric part of an image has no influence.
    """
    stack = np.ascontiguousarray(images, dtype=np.float64)
    n = stack.shape[-1]
    theta = np.ascontiguousarray(np.arccos(from_diagonal(stack)).reshape(-1, n))
    _descend(stack.reshape(-1, n, n), theta, tolerance, sweeps)
    return theta.reshape(stack.shape[:-1])


@compiled_parallel
def _descend(images: Floats, theta: Floats, tolerance: float, sweeps: int) -> None:
    """Coordinate descent in place; images (N, n, n), theta (N, n)."""
    n = theta.shape[1]
    for k in numba.prange(len(theta)):
        G, th = images[k], theta[k]
        for _ in range(sweeps):
            moved = 0.0
            for i in range(n):
                # Two cycles share each off-diagonal pair: G_ij and G_ji weigh alike, so their mean counts twice.
                # f(t) = sum_j 2 (g_ij - cos(t + th_j))^2 + (G_ii - cos 2t)^2
                t = th[i]
                slope = 2.0 * (G[i, i] - math.cos(2.0 * t)) * 2.0 * math.sin(2.0 * t)
                curve = 8.0 * math.sin(2.0 * t) ** 2
                for j in range(n):
                    if j != i:
                        s, c = math.sin(t + th[j]), math.cos(t + th[j])
                        slope += 4.0 * (0.5 * (G[i, j] + G[j, i]) - c) * s
                        curve += 4.0 * s * s
                step = -slope / (curve + 1e-12)
                new = min(max(t + step, 0.0), 0.5 * math.pi)
                moved = max(moved, abs(new - t))
                th[i] = new
            if moved < tolerance:
                break
