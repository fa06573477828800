"""A training that has begun: what it learns from, the loop, and what model.json will say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl
import torch
from torch import Tensor, nn

from netdiffus.diffusion.fit import Batch, Fit, Recipe, TrainStep
from netdiffus.diffusion.validation import Validation
from netdiffus.diffusion.workers import ALONE, Workers
from netdiffus.models.codecs import Codec
from netdiffus.models.options import DEFAULT_MINUTES, TrainOptions
from netdiffus.models.public import PublicPart
from netdiffus.models.seeds import torch_seed, training_stream
from netdiffus.privacy.ledger import Guarantee

VALIDATE_EVERY = 50
"""Steps between two checks of the averaged weights; a check costs about as much as two steps."""


@dataclass(frozen=True)
class TrainingPart:
    """What a model learns from.

    Attributes:
        traces: the training part of a dataset.
        share: of all flows of their sources that these are; the others arrive between them.
        dataset: the folder, which may hold the packets of the traces.
        public: traces that a private training begins from. workers: who train together; each has all of this.
    """

    traces: pl.DataFrame
    share: float
    dataset: Path
    public: PublicPart | None = None
    workers: Workers = ALONE


class Training(Protocol):
    """The loop of a training.

    Attributes:
        step, seconds: done so far. best_loss, best_step: of the best weights, if there are any.
    """

    step: int
    seconds: float
    best_loss: float
    best_step: int

    @property
    def device(self) -> torch.device:
        """Where it trains."""

    @property
    def best(self) -> dict[str, Tensor]:
        """The best averaged weights; empty where nothing is validated."""

    @property
    def result(self) -> dict[str, Tensor]:
        """The weights for sampling."""

    def run(self, share: Callable[[TrainStep], float]) -> Iterator[TrainStep]:
        """Train until the share that is done is 1."""

    def state(self) -> dict[str, Tensor] | None:
        """What resuming needs; None: it cannot be resumed."""


@dataclass(frozen=True)
class Fitting:
    """A training that has begun.

    Attributes:
        fit: the loop; its state is what resuming needs.
        privacy: what the model promises; None: nothing.
        options: as they were resolved. codec: fitted to the training part.
        labels: training traces by label, in the order of the label ids.
        held_out: ids of the traces that the validation has; None: they are not known by id.
        notes: what a user should know before the first step, one line each.
    """

    fit: Training
    options: TrainOptions
    codec: Codec
    labels: dict[str, int]
    held_out: list[int] | None
    privacy: Guarantee | None = None
    notes: tuple[str, ...] = ()


def begin(
    network: nn.Module,
    recipe: Recipe,
    batches: tuple[Batch, Batch | None],
    options: TrainOptions,
    accumulate: int = 1,
) -> Fit:
    """The training loop of a network.

    Args:
        batches: what draws a training batch and a validation batch; none where no trace is held out.
        accumulate: batches that make a step.
    """
    batch, validation = batches
    return Fit(
        network,
        batch,
        learning_rate=options.learning_rate,
        seed=torch_seed(training_stream(options.seed, "batches")),
        recipe=recipe,
        validation=Validation(validation, VALIDATE_EVERY, options.patience) if validation else None,
        accumulate=accumulate,
    )


def share_done(options: TrainOptions) -> Callable[[TrainStep], float]:
    """How much of a training a step's record says is done, by steps or by the clock."""

    def share(record: TrainStep) -> float:
        if options.steps is None:
            return record.seconds / (60 * (options.minutes or DEFAULT_MINUTES))
        return record.step / options.steps

    return share
