"""How the causal denoiser is fitted: the loss of diffusion forcing, AdamW, a warm-up, then a linear fall to the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from netdiffus.diffusion import forcing
from netdiffus.diffusion.average import Average, PowerAverage
from netdiffus.diffusion.causal import CausalDenoiser
from netdiffus.diffusion.contexts import Contexts
from netdiffus.diffusion.fit import Sample
from netdiffus.diffusion.forcing import Rows

COOLING = 0.5
"""Factor of the learning rate at each check where validation is no better than before."""
NOISED = 0.25
"""Share of the traces of a training batch whose rows are noised."""


@dataclass(frozen=True)
class Crossed:
    """Out-of-fold counts: each trace is given those of the other folds.

    Attributes:
        fine: log-priors (folds, labels, n, K) of each channel. coarse: (folds, labels, m, K) of the coarse rows'.
        contexts: with a column of counts for each fold that is left out.
    """

    fine: Sequence[Tensor]
    coarse: Sequence[Tensor]
    contexts: Contexts


class ForcingRecipe:
    """What is minimised for a causal denoiser, and how.

    Args:
        network: the denoiser.
        rows: what is observed.
        crossed: out-of-fold counts; None: samples know no folds.
        noised: share of the traces whose rows are noised.
    """

    WARM_UP = 100
    LAST_RATE = 0.01

    def __init__(
        self,
        network: CausalDenoiser,
        rows: Rows,
        crossed: Crossed | None = None,
        noised: float = NOISED,
    ) -> None:
        self.network, self.rows, self.crossed, self.noised = network, rows, crossed, noised
        self.clip: float | None = 1.0
        self.cooling = COOLING
        self.likelihood = True

    def loss(self, sample: Sample, generator: torch.Generator) -> Tensor:
        """Nats of each trace (B,), per position and channel; rows are noised in training mode only."""
        network = self.network
        noised = round(self.noised * len(sample.label)) if network.training else 0
        priors = self._priors(sample, noised)
        return forcing.loss(
            network, self.rows, sample.traces, sample.coarse, sample.label, priors, generator, noised=noised
        )

    def _priors(self, sample: Sample, noised: int) -> tuple[list[Tensor], list[Tensor]]:
        """Log-priors (B, n, K) of each channel, and (B, m, K) of the coarse rows'; out-of-fold if the fold is known.

        Those of clean traces are given their contexts; of the first `noised` traces the codes before are not known.
        """
        network, label, fold = self.network, sample.label, sample.fold
        channels, contexts = range(network.channels), network.contexts
        if self.crossed is not None and fold is not None:
            fine = [table[fold, label] for table in self.crossed.fine]
            coarse = [table[fold, label] for table in self.crossed.coarse]
            contexts = self.crossed.contexts
        else:
            fine = [network.prior(k)[label] for k in channels]
            coarse = [network.prior(k, coarse=True)[label] for k in range(network.coarse_channels)]
            fold = None
        clean = slice(noised, None)
        for k, prior in enumerate(fine):
            if not contexts.tables(k):
                continue
            given = contexts.log_prior(
                prior[clean], sample.traces[clean], label[clean], k, fold=None if fold is None else fold[clean]
            )
            fine[k] = torch.cat([prior[:noised], given]) if noised else given
        return fine, coarse

    def optimisers(self, learning_rate: float) -> list[torch.optim.Optimizer]:
        """AdamW; docs/results/archive.md has what Muon brought an earlier core."""
        parameters = self.network.parameters()
        return [torch.optim.AdamW(parameters, lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)]

    def rate(self, step: int, done: float) -> float:
        """Rises over WARM_UP steps and falls linearly to LAST_RATE at the end."""
        return min(1.0, (step + 1) / self.WARM_UP) * max(self.LAST_RATE, 1 - done)

    def average(self, tensors: dict[str, Tensor]) -> Average:
        """Over the last tenth."""
        return PowerAverage(tensors)
