"""Charts: what is diffused, as the denoiser sees it.

A trace is a series of classes, each with a centre z. On a chart it becomes an observation (B, C, n), to which noise of
sigma is added. For the bare series the observation is z itself. For the GASF it is the sums of the image's rows, which
is what linear least squares reads of an image G = sin(step (z_i + z_j)): in the range of angles used they tell each z
to within a few per cent of what the whole image tells. Noise, expectation and samplers are linear in the image, so the
images' diffusion is their row sums', at the cost of a series; tests/diffusion/test_rows.py runs both.

A chart also knows how likely an observation makes each class at each position, as far as the observation of that
position alone says: a product of `coefficients` and `features`. That much need not be learned.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor


class Chart(Protocol):
    """How a series z (B, C, n) is observed.

    Attributes:
        noise_gain: how much noise in the image (or series) is worth noise of 1 in z.
    """

    noise_gain: float

    def observe(self, z: Tensor) -> Tensor:
        """(B, C, n) → the observation without noise, (B, C, n)."""

    def noise(self, like: Tensor, generator: torch.Generator) -> Tensor:
        """What noise of sigma = 1 adds to observations of this shape."""

    def features(self, z: Tensor) -> Tensor:
        """(F, K) of the centres (K,)."""

    def coefficients(self, observation: Tensor, sigma: Tensor) -> Tensor:
        """(B, C, n, F): times `features`, the log-likelihood of each class but for a constant; sigma (B,)."""

    def moments(self, z: Tensor) -> Tensor:
        """(M, K) of the centres (K,): what `expected` needs the means of."""

    def expected(self, means: Tensor) -> Tensor:
        """The expected observation (B, C, n) when positions are independent, from means (B, C, n, M) of the moments."""


class SeriesChart:
    """No imaging: the series itself is diffused (the ablation of the images)."""

    noise_gain = 1.0

    def observe(self, z: Tensor) -> Tensor:
        """The series."""
        return z

    def noise(self, like: Tensor, generator: torch.Generator) -> Tensor:
        """Independent standard normal noise."""
        return torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)

    def features(self, z: Tensor) -> Tensor:
        """-(o - z)^2 / (2 sigma^2) is linear in z and z^2."""
        return torch.stack([z, z * z])

    def coefficients(self, observation: Tensor, sigma: Tensor) -> Tensor:
        """(B, C, n, 2)."""
        precision = sigma.view(-1, 1, 1) ** -2
        return torch.stack([observation * precision, (-precision / 2).expand(observation.shape)], dim=-1)

    def moments(self, z: Tensor) -> Tensor:
        """(1, K)."""
        return z[None]

    def expected(self, means: Tensor) -> Tensor:
        """The mean."""
        return means[..., 0]


class GasfChart:
    """Row sums of the Gramian Angular Summation Field of theta = pi/4 - step * z.

    With a = step * z the image is G_ij = sin(a_i + a_j), and the row sums are R_i = C sin a_i + S cos a_i with
    C = sum cos a_j, S = sum sin a_j. Symmetric noise of deviation sigma at every entry adds to R what has variance n
    and covariance 1. In the linear range a_i is known to sigma / sqrt(n).
    """

    SWEEPS = 4
    MEAN_VARIANCE = 0.25  # of a trace's mean z: how far the mean of a noisy row sum is believed

    def __init__(self, length: int, step: float) -> None:
        self.length, self.step = length, step
        self.noise_gain = step * math.sqrt(length)

    def image(self, z: Tensor) -> Tensor:
        """(B, C, n) → (B, C, n, n) in [-1, 1], as products: a sine for every entry would take ten times as long."""
        sin, cos = torch.sin(self.step * z), torch.cos(self.step * z)
        return torch.stack([sin, cos], dim=-1) @ torch.stack([cos, sin], dim=-2)

    def image_noise(self, like: Tensor, generator: torch.Generator) -> Tensor:
        """Symmetric noise for images (B, C, n, n), every entry of deviation 1."""
        upper = torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype).triu()
        return upper + upper.triu(1).mT

    def observe(self, z: Tensor) -> Tensor:
        """The row sums of `image`."""
        s, c = torch.sin(self.step * z), torch.cos(self.step * z)
        return s * c.sum(-1, keepdim=True) + c * s.sum(-1, keepdim=True)

    def noise(self, like: Tensor, generator: torch.Generator) -> Tensor:
        """The row sums of `image_noise`: variance n, covariance 1."""
        own = torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)
        shared = torch.randn(like.shape[:-1], generator=generator, device=like.device, dtype=like.dtype)
        return math.sqrt(self.length - 1) * own + shared[..., None]

    def features(self, z: Tensor) -> Tensor:
        """-(R - C sin a - S cos a)^2 / (2 n sigma^2) is linear in sin a, cos a, sin^2 a and sin a cos a."""
        s, c = torch.sin(self.step * z), torch.cos(self.step * z)
        return torch.stack([s, c, s * s, s * c])

    def coefficients(self, observation: Tensor, sigma: Tensor) -> Tensor:
        """(B, C, n, 4)."""
        S, C = self._sums(observation, sigma.view(-1, 1, 1))
        precision = 1.0 / (self.length * sigma.view(-1, 1, 1) ** 2)
        shape = observation.shape
        return torch.stack(
            [
                observation * (C * precision),
                observation * (S * precision),
                ((S * S - C * C) / 2 * precision).expand(shape),
                (-S * C * precision).expand(shape),
            ],
            dim=-1,
        )

    def _sums(self, observation: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """S and C (B, C, 1) from noisy row sums: least squares, shrunk as far as the noise asks for."""
        n = self.length
        noise = (sigma / self.noise_gain) ** 2
        own, mean = 1 / (1 + noise), 1 / (1 + noise / (2 * n * self.MEAN_VARIANCE))
        a = torch.zeros_like(observation)
        for _ in range(self.SWEEPS):
            s, c = torch.sin(a), torch.cos(a)
            S, C = s.sum(-1, keepdim=True), c.sum(-1, keepdim=True)
            rows = (observation - s * C - c * S) / C + a + a.mean(-1, keepdim=True)  # a_i + mean a, were it linear
            middle = rows.mean(-1, keepdim=True)
            a = (own * (rows - middle) + mean * middle / 2).clamp(-math.pi / 4, math.pi / 4)
        return torch.sin(a).sum(-1, keepdim=True), torch.cos(a).sum(-1, keepdim=True)

    def moments(self, z: Tensor) -> Tensor:
        """(3, K)."""
        a = self.step * z
        return torch.stack([torch.sin(a), torch.cos(a), torch.sin(2 * a)])

    def expected(self, means: Tensor) -> Tensor:
        """The row sums of the expected image: products of means off the diagonal, the mean on it."""
        s, c, diagonal = means.unbind(-1)
        return s * (c.sum(-1, keepdim=True) - c) + c * (s.sum(-1, keepdim=True) - s) + diagonal
