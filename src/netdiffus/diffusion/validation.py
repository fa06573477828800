"""Validation of a training: the loss of averaged weights on held-out traces, which are the same at every check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from netdiffus.diffusion.fit import Batch, Recipe, Sample

VALIDATION_SEED = 0  # every check uses the same traces, noise levels and noise: only the weights differ
VALIDATION_BATCHES = 4


@dataclass(frozen=True)
class Validation:
    """How training is validated.

    Attributes:
        batch: draws held-out traces.
        every: steps between two checks; the last step is checked too.
        patience: stop after this many checks without improvement; None: no early stopping.
    """

    batch: Batch
    every: int
    patience: int | None = None


def validated(batch: Batch, network: nn.Module, recipe: Recipe, weights: Mapping[str, Tensor]) -> float:
    """The loss on held-out traces of a network with weights other than its own."""
    generator = torch.Generator(next(network.parameters()).device).manual_seed(VALIDATION_SEED)
    samples = (batch(generator) for _ in range(VALIDATION_BATCHES))
    return float(losses(samples, network, recipe, weights, generator).mean())


@torch.no_grad()
def losses(
    samples: Iterable[Sample],
    network: nn.Module,
    recipe: Recipe,
    weights: Mapping[str, Tensor],
    generator: torch.Generator,
) -> Tensor:
    """The loss (N,) of each trace of some batches, of a network with weights other than its own."""
    network.eval()
    given = {f"network.{name}": tensor for name, tensor in weights.items()}
    objective = _Objective(network, recipe)
    return torch.cat([torch.func.functional_call(objective, given, (sample, generator)) for sample in samples])


class _Objective(nn.Module):
    """A recipe's loss as a module, so that it can be computed with weights other than the network's own."""

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        super().__init__()
        self.network, self.recipe = network, recipe

    def forward(self, sample: Sample, generator: torch.Generator) -> Tensor:
        """Per trace (B,)."""
        return self.recipe.loss(sample, generator)
