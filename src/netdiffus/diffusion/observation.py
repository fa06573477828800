"""Observation models: the noisy quantity that the denoiser sees of a series, and the likelihood of a code given it.

A trace is a series of codes, each with a centre z. Its image is the Gramian G = sin(a_i + a_j) with a = step * z
(imaging/codec.py). The image is symmetric, so its lower triangle suffices; row i of it, the entries with j <= i,
relates position i to the previous ones and to itself. Noise is added row by row, each row with its own level
(diffusion forcing, Chen et al. 2024). The sufficient statistic of linear least squares is the row's sum: for the range
of angles used, it determines z to within a few per cent of what all entries would. Noise, expectation and samplers are
linear in the image, so the image can be diffused as its row sums, at the cost of a series; the tests do both.

`SeriesRows` observes the series itself: the ablation without images.

Levels sigma are in units of z (unit variance) throughout: a row of level sigma determines its z to about sigma.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Observation(Protocol):
    """How the rows of a series z (B, C, n) are observed; `length` is n."""

    length: int

    def observe(self, z: Tensor) -> Tensor:
        """The observation (B, C, n) of z (B, C, n) without noise."""

    def spread(self, sigma: Tensor) -> Tensor:
        """Standard deviation (B, n) of the observation's noise where rows have level sigma (B, n)."""

    def features(self, z: Tensor) -> Tensor:
        """(F, K) of centres (K,): times `coefficients`, the log-likelihood of each code."""

    def moments(self, z: Tensor) -> Tensor:
        """(M, K) of centres (K,): the moments whose means `coefficients` and `expected` need."""

    def coefficients(self, observed: Tensor, sigma: Tensor, means: Tensor) -> Tensor:
        """(B, C, n, F) of observations (B, C, n) of level sigma (B, n), up to a constant per row.

        `means` (B, C, n, M) are the means of the moments at each position; each row uses the previous ones.
        """

    def expected(self, means: Tensor) -> Tensor:
        """The expected observation (B, C, n) for independent positions, from the means of the moments (B, C, n, M)."""


class SeriesRows:
    """No imaging: the series itself is observed."""

    def __init__(self, length: int) -> None:
        self.length = length

    def observe(self, z: Tensor) -> Tensor:
        """The series."""
        return z

    def spread(self, sigma: Tensor) -> Tensor:
        """Sigma."""
        return sigma

    def features(self, z: Tensor) -> Tensor:
        """-(o - z)^2 / (2 sigma^2) is linear in z and z^2."""
        return torch.stack([z, z * z])

    def moments(self, z: Tensor) -> Tensor:
        """(1, K)."""
        return z[None]

    def coefficients(self, observed: Tensor, sigma: Tensor, means: Tensor) -> Tensor:
        """(B, C, n, 2)."""
        precision = sigma[:, None].square().reciprocal()
        return torch.stack([observed * precision, (-precision / 2).expand(observed.shape)], dim=-1)

    def expected(self, means: Tensor) -> Tensor:
        """The mean."""
        return means[..., 0]


class GasfRows:
    """Row sums of the lower triangle of the Gramian Angular Summation Field of theta = pi/4 - step * z.

    With a = step * z, row i sums to R_i = C_i sin a_i + S_i cos a_i + sin 2 a_i, where C_i and S_i are the sums of
    cos a_j and sin a_j over the previous rows. Entries of row i have noise of deviation step (i + 2) / sqrt(i + 1)
    times the row's level (i from 0): the sum then determines z_i to about that level, as sin(a_i + a_j) is near linear.
    """

    def __init__(self, length: int, step: float) -> None:
        self.length, self.step = length, step

    def image(self, z: Tensor) -> Tensor:
        """(B, C, n) → (B, C, n, n) in [-1, 1], as products: a sine per entry would take ten times as long."""
        sin, cos = torch.sin(self.step * z), torch.cos(self.step * z)
        return torch.stack([sin, cos], dim=-1) @ torch.stack([cos, sin], dim=-2)

    def entry_spread(self, sigma: Tensor) -> Tensor:
        """Standard deviation (B, n) of the noise of each entry of a row of the image's lower triangle."""
        entries = torch.arange(1, self.length + 1, device=sigma.device)
        return self.spread(sigma) / entries.sqrt()

    def observe(self, z: Tensor) -> Tensor:
        """The row sums of the lower triangle of `image`."""
        s, c = torch.sin(self.step * z), torch.cos(self.step * z)
        return s * c.cumsum(-1) + c * (s.cumsum(-1) - s) + s * c

    def spread(self, sigma: Tensor) -> Tensor:
        """For a sum of i + 1 entries: step (i + 2) sigma."""
        return sigma * (self.step * torch.arange(2, self.length + 2, device=sigma.device))

    def features(self, z: Tensor) -> Tensor:
        """With s, c, d = sin a, cos a, sin 2a, -(R - C s - S c - d)^2 / (2 spread^2) is linear in these seven."""
        a = self.step * z
        s, c, d = torch.sin(a), torch.cos(a), torch.sin(2 * a)
        return torch.stack([s, c, d, s * s, d * d, s * d, c * d])

    def moments(self, z: Tensor) -> Tensor:
        """(3, K): sin a, cos a, sin 2a."""
        a = self.step * z
        return torch.stack([torch.sin(a), torch.cos(a), torch.sin(2 * a)])

    def coefficients(self, observed: Tensor, sigma: Tensor, means: Tensor) -> Tensor:
        """(B, C, n, 7)."""
        S, C = _before(means[..., 0]), _before(means[..., 1])
        precision = self.spread(sigma)[:, None].square().reciprocal()
        parts = [
            observed * C,
            observed * S,
            observed - C * S / 2,
            (S * S - C * C) / 2,
            torch.full_like(observed, -0.5),
            -C,
            -S,
        ]
        return torch.stack(parts, dim=-1) * precision[..., None]

    def expected(self, means: Tensor) -> Tensor:
        """The row sums of the expected image: products of means off the diagonal, the mean of sin 2a on it."""
        s, c, d = means.unbind(-1)
        return s * _before(c) + c * _before(s) + d


def _before(x: Tensor) -> Tensor:
    """The sum over the previous positions."""
    return x.cumsum(-1) - x
