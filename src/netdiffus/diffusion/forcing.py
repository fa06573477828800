"""Training by diffusion forcing: every row of the image has a noise level of its own, all rows are learned in one pass.

A share of the traces of a batch is noised: each of their rows has a level drawn log-normally (Karras et al. 2022, table
1) or is hidden altogether. The rows of the others are clean. Either way the loss of a row is the cross-entropy of its
code given the rows before it: what its own noisy row adds is Bayes' rule and needs no learning (causal.py). So one
network learns the conditionals of clean beginnings, which drawing row by row needs, and of noisy ones, which drawing
several rows at once needs; and noise on the rows before keeps a small set from being memorised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from netdiffus.diffusion.causal import CausalDenoiser
from netdiffus.diffusion.observation import Observation

P_MEAN, P_STD = -1.5, 1.7
"""ln sigma ~ N(P_MEAN, P_STD^2), for z of unit variance."""
HIDDEN = 0.2
"""Share of the rows of a noised trace of which nothing is seen."""
SWEEPS = 2
"""Passes in which noisy rows learn of one another what their likelihoods need."""


@dataclass(frozen=True)
class Rows:
    """A codebook's centres in the form that an observation model wants.

    Attributes:
        centres: z (K,) of each channel. features: (F, K). moments: (M, K).
    """

    observation: Observation
    centres: list[Tensor]
    features: list[Tensor]
    moments: list[Tensor]

    @classmethod
    def of(cls, observation: Observation, centres: Sequence[Tensor]) -> Rows:
        """Of centres z (K,) of each channel."""
        exact = [z.double() for z in centres]
        return cls(
            observation,
            [z.float() for z in centres],
            [observation.features(z).float() for z in exact],
            [observation.moments(z).float() for z in exact],
        )

    def series(self, codes: Tensor) -> Tensor:
        """z (B, C, n) of codes (B, C, n)."""
        return torch.stack([z[codes[:, k]] for k, z in enumerate(self.centres)], dim=1)

    def means(self, shares: Sequence[Tensor]) -> Tensor:
        """The moments' means (B, C, n, M) under probabilities (B, n, K) of each channel's codes."""
        return torch.stack([share @ moment.T for share, moment in zip(shares, self.moments, strict=True)], dim=1)

    def likelihoods(self, observed: Tensor, sigma: Tensor, means: Tensor) -> list[Tensor]:
        """The log-likelihood (B, n, K) of each channel's codes, up to a constant of each row."""
        coefficients = self.observation.coefficients(observed, sigma, means)
        return [coefficients[:, k] @ features for k, features in enumerate(self.features)]

    def noised(self, codes: Tensor, sigma: Tensor, generator: torch.Generator) -> Tensor:
        """The observation (B, C, n) of codes (B, C, n) with noise of level sigma (B, n)."""
        clean = self.observation.observe(self.series(codes))
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        return clean + noise * self.observation.spread(sigma)[:, None]


def draw_levels(traces: int, rows: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Levels sigma (B, n) of the rows of noised traces, and which rows (B, n) are hidden."""
    device = generator.device
    sigma = (torch.randn(traces, rows, generator=generator, device=device) * P_STD + P_MEAN).exp()
    return sigma, torch.rand(traces, rows, generator=generator, device=device) < HIDDEN


def posteriors(
    rows: Rows, priors: Sequence[Tensor], observed: Tensor, sigma: Tensor, hidden: Tensor | None = None
) -> list[Tensor]:
    """Probabilities (B, n, K) of each channel's codes behind noisy rows (B, C, n), by the counted prior (B, n, K).

    What a row of the image says depends on the rows before it, which are noisy themselves: their means under the prior
    come first, then those under their posteriors, SWEEPS times.
    """
    shares = [prior.softmax(dim=-1) for prior in priors]
    for _ in range(SWEEPS):
        likelihoods = rows.likelihoods(observed, sigma, rows.means(shares))
        if hidden is not None:
            likelihoods = [part.masked_fill(hidden[..., None], 0.0) for part in likelihoods]
        shares = [(prior + part).softmax(dim=-1) for prior, part in zip(priors, likelihoods, strict=True)]
    return shares


def loss(
    network: CausalDenoiser,
    rows: Rows,
    codes: Tensor,
    coarse: Tensor | None,
    label: Tensor,
    priors: tuple[Sequence[Tensor], Sequence[Tensor]],
    generator: torch.Generator,
    *,
    noised: int,
) -> Tensor:
    """Nats of each trace (B,), per position and channel, that the rows before leave open.

    Args:
        codes: (B, C, n). coarse: (B, C, m) of the coarse rows, if the network has any.
        priors: log-priors (B, n, K), and (B, m, K) of the coarse rows, of each channel.
        noised: traces whose rows are noised, the first ones.
    """
    fine_priors, coarse_priors = priors
    embedded = network.fine.embed(codes)
    if noised:
        first = _noised_rows(network, rows, codes[:noised], [part[:noised] for part in fine_priors], generator)
        embedded = torch.cat([first, embedded[noised:]])
    before = embedded
    if network.coarse is not None and coarse is not None:
        before = torch.cat([network.coarse.embed(coarse), embedded], dim=1)
    before = functional.pad(before[:, :-1], (0, 0, 1, 0))
    hidden = network.hidden(before, label)
    parts = _losses(network.fine.logits(hidden[:, network.coarse_rows :], codes), codes, fine_priors)
    if network.coarse is not None and coarse is not None:
        parts += _losses(network.coarse.logits(hidden[:, : network.coarse_rows], coarse), coarse, coarse_priors)
    total = torch.stack([part.sum(dim=1) for part in parts]).sum(dim=0)
    return total / (codes.shape[1] * codes.shape[2])


def _noised_rows(
    network: CausalDenoiser, rows: Rows, codes: Tensor, priors: Sequence[Tensor], generator: torch.Generator
) -> Tensor:
    """The embeddings (B, n, width) of noised rows: means under what is known of their codes, and their levels."""
    sigma, hidden = draw_levels(len(codes), codes.shape[2], generator)
    with torch.no_grad():
        shares = posteriors(rows, priors, rows.noised(codes, sigma, generator), sigma, hidden)
    return network.fine.embed_shares(shares) + network.levels(sigma.masked_fill(hidden, math.exp(P_MEAN + 4 * P_STD)))


def _losses(logits: Sequence[Tensor], codes: Tensor, priors: Sequence[Tensor]) -> list[Tensor]:
    return [
        functional.cross_entropy((part + prior).flatten(0, 1), codes[:, k].flatten(), reduction="none").view(
            codes.shape[0], codes.shape[2]
        )
        for k, (part, prior) in enumerate(zip(logits, priors, strict=True))
    ]
