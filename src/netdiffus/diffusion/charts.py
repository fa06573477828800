"""Charts: how a series z of normal quantiles becomes the image that is diffused, and how a noisy image is read.

The denoiser works on any chart: `image` is the image of a series, `estimate` the least-squares series of a noisy
image, `noise_gain` how much noise in the image is worth noise of 1 in that estimate, `pixel_gain` by how much an entry
of the image moves (rms) as z moves by 1, `noise` a draw of image noise.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor


class Chart(Protocol):
    """A differentiable map from series z (B, C, n) to images, with a reading of noisy images."""

    noise_gain: float
    pixel_gain: float

    def image(self, z: Tensor) -> Tensor: ...

    def estimate(self, image: Tensor, sigma: Tensor) -> Tensor: ...

    def noise(self, z: Tensor, generator: torch.Generator) -> Tensor: ...


class SeriesChart:
    """No imaging: the series itself is diffused (the ablation of the images)."""

    noise_gain = 1.0
    pixel_gain = 1.0

    def image(self, z: Tensor) -> Tensor:
        """(B, C, n) → (B, C, n)."""
        return z

    def estimate(self, image: Tensor, sigma: Tensor) -> Tensor:
        """(B, C, n) → (B, C, n)."""
        return image

    def noise(self, z: Tensor, generator: torch.Generator) -> Tensor:
        """Independent standard normal noise (B, C, n)."""
        return torch.randn(z.shape, generator=generator, device=z.device, dtype=z.dtype)


class GasfChart:
    """The Gramian Angular Summation Field of theta = pi/4 - step * z: G_ij = sin(step * (z_i + z_j)).

    A GASF is symmetric, so its noise is drawn symmetric. In the linear range G_ij = step * (z_i + z_j) and the
    least-squares estimate of z_i from symmetric noise of sigma has a standard deviation of sigma / (step * sqrt(n)).
    """

    def __init__(self, length: int, step: float) -> None:
        self.length, self.step = length, step
        self.noise_gain = step * math.sqrt(length)
        self.pixel_gain = step * math.sqrt(2)

    def image(self, z: Tensor) -> Tensor:
        """(B, C, n) → (B, C, n, n) in [-1, 1], as products: a sine for every entry would take ten times as long."""
        sin, cos = torch.sin(self.step * z), torch.cos(self.step * z)
        return torch.stack([sin, cos], dim=-1) @ torch.stack([cos, sin], dim=-2)

    def estimate(self, image: Tensor, sigma: Tensor) -> Tensor:
        """(B, C, n, n) with noise sigma (B,) → z (B, C, n): least squares on z_i + z_j = A_ij.

        A_ij = arcsin(k G_ij) / (k step), with k = 1 without noise (then the estimate is exact) and k towards 0, the
        linear reading, as the noise would clip the arcsine.
        """
        k = (1.0 / (1.0 + 4.0 * sigma**2))[:, None, None, None]
        angle_sums = torch.asin((image * k).clamp(-1.0, 1.0)) / (k * self.step)
        rows = angle_sums.sum(dim=-1)  # (B, C, n) = n z_i + sum z
        return (rows - rows.sum(dim=-1, keepdim=True) / (2 * self.length)) / self.length

    def noise(self, z: Tensor, generator: torch.Generator) -> Tensor:
        """Symmetric noise (B, C, n, n), every entry of standard deviation 1."""
        shape = (*z.shape, z.shape[-1])
        upper = torch.randn(shape, generator=generator, device=z.device, dtype=z.dtype).triu()
        return upper + upper.triu(1).mT
