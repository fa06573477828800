"""How the causal denoiser is fitted: the loss of diffusion forcing, AdamW, a warm-up, then a linear fall to the end."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from netdiffus.diffusion import forcing
from netdiffus.diffusion.average import Average, PowerAverage
from netdiffus.diffusion.causal import CausalDenoiser
from netdiffus.diffusion.fit import Sample
from netdiffus.diffusion.forcing import Rows

NOISED = 0.25
"""Share of the traces of a training batch whose rows are noised."""


class ForcingRecipe:
    """What is minimised for a causal denoiser, and how.

    Args:
        network: the denoiser.
        rows: what is observed.
        crossed: out-of-fold log-priors (folds, labels, n, K) of each channel, and (folds, labels, m, K) of the coarse
            rows'; None: samples know no folds.
        noised: share of the traces whose rows are noised.
    """

    WARM_UP = 100
    LAST_RATE = 0.01

    def __init__(
        self,
        network: CausalDenoiser,
        rows: Rows,
        crossed: tuple[Sequence[Tensor], Sequence[Tensor]] | None = None,
        noised: float = NOISED,
    ) -> None:
        self.network, self.rows, self.crossed, self.noised = network, rows, crossed, noised
        self.clip: float | None = 1.0

    def loss(self, sample: Sample, generator: torch.Generator) -> Tensor:
        """Nats of each trace (B,), per position and channel; rows are noised in training mode only."""
        network = self.network
        noised = self.noised if network.training else 0.0
        priors = self._priors(sample)
        return forcing.loss(
            network, self.rows, sample.traces, sample.coarse, sample.label, priors, generator, noised=noised
        )

    def _priors(self, sample: Sample) -> tuple[list[Tensor], list[Tensor]]:
        """Log-priors (B, n, K) of each channel, and (B, m, K) of the coarse rows'; out-of-fold if the fold is known."""
        network, channels = self.network, range(self.network.channels)
        if self.crossed is not None and sample.fold is not None:
            fine, coarse = ([table[sample.fold, sample.label] for table in tables] for tables in self.crossed)
            return fine, coarse
        fine = [network.prior(k)[sample.label] for k in channels]
        return fine, [network.prior(k, coarse=True)[sample.label] for k in channels if network.coarse is not None]

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """AdamW; docs/results.md has what Muon brings and costs."""
        parameters = self.network.parameters()
        return [torch.optim.AdamW(parameters, lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)]

    def rate(self, step: int, done: float) -> float:
        """Rises over WARM_UP steps and falls linearly to LAST_RATE at the end."""
        return min(1.0, (step + 1) / self.WARM_UP) * max(self.LAST_RATE, 1 - done)

    def average(self, tensors: dict[str, Tensor]) -> Average:
        """Over the last tenth."""
        return PowerAverage(tensors)
