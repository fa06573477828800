"""What the weights of a training give away: a membership attack by likelihood on traces learned and held out.

The attacker knows the weights and asks which of two traces of a label was learned: the likelier one (Yeom et al.,
"Privacy risk in machine learning", CSF 2018). Held-out traces chose the best weights and were not learned from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from netdiffus.diffusion.fit import Batch, Fit
from netdiffus.diffusion.leak import auc
from netdiffus.diffusion.validation import VALIDATION_BATCHES, losses

ATTACKED, ROWS = 1000, 1 << 16
"""Traces of either side, and rows of them, at most; but VALIDATION_BATCHES batches in any case."""
SEED = 1


@dataclass(frozen=True)
class Attack:
    """How well an attack did.

    Attributes:
        auc: area under its ROC curve; 0.5: it cannot tell. traces: draws of either side, some of one trace, that were
            compared.
    """

    auc: float
    traces: int


def attacked(fit: Fit) -> Attack | None:
    """An attack on the weights that a training would save; None: nothing is held out, or losses are no likelihoods."""
    if fit.validation is None or not fit.recipe.likelihood:
        return None
    generator = torch.Generator(fit.device).manual_seed(SEED)
    learned, own = _losses(fit, fit.batch, generator)
    others, labels = _losses(fit, fit.validation.batch, generator)
    here, there = _matched(own, labels)
    return Attack(round(auc(-learned[here], -others[there]), 4), len(here)) if len(here) else None


def _losses(fit: Fit, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Losses (N,) of traces that a batch draws, and their label ids (N,)."""
    first = batch(generator)
    size, rows = len(first.label), first.traces.shape[2]
    wanted = min(math.ceil(ATTACKED / size), ROWS // (size * rows))
    samples = [first.bare, *(batch(generator).bare for _ in range(max(wanted, VALIDATION_BATCHES) - 1))]
    found = losses(samples, fit.network, fit.recipe, fit.best or fit.average.tensors, generator)
    return found, torch.cat([sample.label for sample in samples])


def _matched(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Places in both of as many of each label: labels differ in how likely their traces are."""
    here, there = [], []
    for label in torch.unique(other).tolist():
        mine, theirs = ((labels == label).nonzero().flatten() for labels in (one, other))
        count = min(len(mine), len(theirs))
        here.append(mine[:count])
        there.append(theirs[:count])
    return torch.cat(here), torch.cat(there)
