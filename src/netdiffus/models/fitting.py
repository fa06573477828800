"""A training that has begun: what it learns from, the loop, and what model.json will say of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
from torch import nn

from netdiffus.diffusion.fit import Fit, Recipe, Validation
from netdiffus.models.codecs import Codec
from netdiffus.models.options import TrainOptions
from netdiffus.models.seeds import torch_seed, training_stream
from netdiffus.models.training_data import TrainingData

VALIDATE_EVERY = 50
"""Steps between two checks of the averaged weights; a check costs about as much as two steps."""


@dataclass(frozen=True)
class TrainingPart:
    """What a model learns from.

    Attributes:
        traces: the training part of a dataset.
        share: of all flows of their sources that these are; the others arrive between them.
        dataset: the folder, which may hold the packets of the traces.
    """

    traces: pl.DataFrame
    share: float
    dataset: Path


@dataclass(frozen=True)
class Fitting:
    """A training that has begun.

    Attributes:
        fit: the loop; its state is what resuming needs.
        options: as they were resolved. codec: fitted to the training part.
        labels: training traces by label, in the order of the label ids.
        held_out: ids of the traces that the validation has; None: they are not known by id.
    """

    fit: Fit
    options: TrainOptions
    codec: Codec
    labels: dict[str, int]
    held_out: list[int] | None


def begin(network: nn.Module, recipe: Recipe, data: TrainingData, options: TrainOptions) -> Fit:
    """The training loop of a network on data."""
    return Fit(
        network,
        data.batch,
        learning_rate=options.learning_rate,
        seed=torch_seed(training_stream(options.seed, "batches")),
        recipe=recipe,
        validation=Validation(data.validation, VALIDATE_EVERY, options.patience) if data.validation else None,
    )
