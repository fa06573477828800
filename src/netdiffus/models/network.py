"""The causal core's network: how large it is by default, and how it is built from options and a codec."""

from __future__ import annotations

import torch
from torch import Tensor

from netdiffus.diffusion.causal import CausalDenoiser, Codebook
from netdiffus.diffusion.contexts import Contexts
from netdiffus.diffusion.forcing import Rows
from netdiffus.diffusion.observation import GasfRows, SeriesRows
from netdiffus.imaging.codec import STEP
from netdiffus.models.options import RowOptions, TrainOptions
from netdiffus.models.series_codec import SeriesCodec

MOST_CLASSES, LEAST_CLASSES, CLASS_BUDGET = 512, 64, 1 << 14  # the budget is positions x classes of a trace
VALUES_PER_CLASS = 64  # on average, or most classes would be guesses
MOST_BATCH, LEAST_BATCH, ROW_BUDGET = 256, 32, 1 << 12
LONG, COARSE_ROWS = 64, 8


def label_rows(label_dropout: float, labels: int) -> int:
    """Rows of a network's label table: one more, for no label, where it is trained with hidden labels."""
    return labels + bool(label_dropout)


def most_classes(options: RowOptions, length: int, traces: int) -> int:
    """Classes of a channel at most: as many as the work of a step and the number of values allow."""
    budget = min(MOST_CLASSES, CLASS_BUDGET // length, traces * length // VALUES_PER_CLASS)
    return options.classes or max(LEAST_CLASSES, budget)


def coarse_rows(options: RowOptions, length: int) -> int:
    """Coarse rows that are drawn first: COARSE_ROWS for traces of LONG positions or more, unless asked otherwise."""
    if options.coarse is None:
        return COARSE_ROWS if length >= LONG else 0
    return min(options.coarse, length)


def batch_size(options: TrainOptions, length: int) -> int:
    """Traces of a training step: as many as hold ROW_BUDGET rows."""
    return options.batch or max(LEAST_BATCH, min(MOST_BATCH, ROW_BUDGET // length))


def build_rows(options: RowOptions, codec: SeriesCodec, device: torch.device) -> Rows:
    """What a causal denoiser's rows are observed as."""
    images = options.image == "gasf"
    observation = GasfRows(codec.length, STEP) if images else SeriesRows(codec.length)
    return Rows.of(observation, [torch.from_numpy(z).to(device) for z in codec.gasf.centres])


def build_causal(
    options: RowOptions,
    codec: SeriesCodec,
    priors: tuple[list[Tensor], list[Tensor]],
    device: torch.device,
    contexts: Contexts | None = None,
) -> CausalDenoiser:
    """An untrained causal denoiser of a model's options.

    Args:
        priors: log-priors of the rows' channels, and of the coarse rows'.
        contexts: counted in the training traces; None: empty ones of the codec's sizes.
    """
    fine, of_coarse = priors
    with device:
        books = [
            Codebook(torch.from_numpy(z).to(device), end)
            for z, end in zip(codec.gasf.centres, codec.gasf.absent, strict=True)
        ]
        small = None
        if codec.small is not None:
            small = ([Codebook(torch.from_numpy(z).to(device), False) for z in codec.small.centres], of_coarse)
        return CausalDenoiser(
            books,
            fine,
            small,
            contexts or Contexts.empty(codec.contexts or [[] for _ in books], device),
            width=options.width,
            depth=options.depth,
            heads=options.heads,
            dropout=options.dropout,
        )
