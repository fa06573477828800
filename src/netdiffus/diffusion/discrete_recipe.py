"""The published training: uniform steps, squared error of the noise plus the variance's bound, AdamW, constant rate.

Source: Nichol and Dhariwal, "Improved denoising diffusion probabilistic models", ICML 2021, as trained by NetDiffus:
no weight decay, no warm-up, no gradient clipping.
"""

from __future__ import annotations

import torch
from torch import Tensor

from netdiffus.diffusion import discrete
from netdiffus.diffusion.average import Average, ExponentialAverage, PowerAverage
from netdiffus.diffusion.fit import Sample
from netdiffus.diffusion.observation import GasfRows
from netdiffus.diffusion.schedule import Schedule
from netdiffus.diffusion.unet import UNet


class DiscreteRecipe:
    """Training of a U-Net on images.

    Args:
        ema: rate of the published average (0.9999); None: an average over the last tenth of the training, because
            after a few thousand steps the published one still consists mostly of untrained weights.
    """

    def __init__(self, network: UNet, rows: GasfRows, schedule: Schedule, ema: float | None) -> None:
        self.network, self.rows, self.schedule, self.ema = network, rows, schedule, ema
        self.clip: float | None = None
        self.cooling = 1.0
        self.likelihood = False

    def loss(self, sample: Sample, generator: torch.Generator) -> Tensor:
        """Per trace (B,); traces are series z (B, C, n). The noise is independent at every pixel, as published."""
        x0, label = self.rows.image(sample.traces), sample.label
        k = torch.randint(len(self.schedule), (len(x0),), generator=generator, device=x0.device)
        noise = torch.randn(x0.shape, generator=generator, device=x0.device, dtype=x0.dtype)
        return discrete.losses(self.schedule, lambda x, t: self.network(x, t, label), x0, k, noise).loss

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """AdamW without weight decay."""
        return [torch.optim.AdamW(self.network.parameters(), lr=learning_rate, weight_decay=0.0)]

    def rate(self, step: int, done: float) -> float:
        """Constant."""
        return 1.0

    def average(self, tensors: dict[str, Tensor]) -> Average:
        """The one selected by `ema`."""
        return PowerAverage(tensors) if self.ema is None else ExponentialAverage(tensors, self.ema)
