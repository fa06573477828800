"""Training data: a dataset's training part as a fitted codec and as batches for training and for validation."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from netdiffus.diffusion.components import COARSE, FINE, OF_COPIES, fit_mixtures
from netdiffus.diffusion.fit import Batch
from netdiffus.diffusion.mixture import Mixture
from netdiffus.imaging.channels import image_channels
from netdiffus.imaging.codec import GasfCodec
from netdiffus.steps.folds import folds, held_back, units
from netdiffus.steps.network import batch_size, most_classes
from netdiffus.steps.train_config import TrainConfig
from netdiffus.traffic.shifts import rows_to_fill, shifted
from netdiffus.traffic.traces import channel_names, series


@dataclass(frozen=True)
class TrainingData:
    """What a training draws from.

    Attributes:
        codec: fitted on the training part, without the copies that fill it up.
        labels: label → training traces (those held back included), in the order of the label ids.
        mixtures: what is counted in the traces that are not held back, of all and by folds; None for the U-Net.
        batch: draws training batches: classes (B, C, n) for the row denoiser, whose labels are groups by fold
            (diffusion/components.py); z for the U-Net.
        validation: draws held-back traces; None if there are too few.
    """

    codec: GasfCodec
    labels: dict[str, int]
    mixtures: tuple[Mixture, Mixture] | None
    batch: Batch
    validation: Batch | None


def training_data(part: pl.DataFrame, config: TrainConfig, device: torch.device) -> TrainingData:
    """The training part of a dataset, as its configuration wants it."""
    data = series(part, trace_length(part, config))
    group = part.get_column("group", default=None)
    return series_data(data, channel_names(part), part["label"], config, device, group=group)


def series_data(
    data: NDArray[np.float64],
    channels: Sequence[str],
    labels: pl.Series,
    config: TrainConfig,
    device: torch.device,
    limits: Mapping[str, int] = MappingProxyType({}),
    named: Container[str] = (),
    group: pl.Series | None = None,
) -> TrainingData:
    """The same of series (N, C, n), NaN = absent, of named channels, and their labels.

    Args:
        limits: classes of some channels at most, instead of what their length suggests.
        named: channels that hold names of things.
        group: numbers of what each trace belongs to (a session, a host); None: each is on its own.
    """
    length = data.shape[2]
    counts = dict(sorted(labels.value_counts().iter_rows()))
    names = list(counts)
    ids = labels.replace_strict(names, range(len(names)), return_dtype=pl.Int64).to_numpy()
    if config.network == "unet":
        codec = GasfCodec.fit(data, channels, config.scale, "direct")
    else:
        most = most_classes(config.model_dump(), length, len(data))
        classes = [config.classes or limits.get(name, most) for name in image_channels(channels)]
        codec = GasfCodec.fit(data, channels, config.scale, ids=ids, classes=classes, names=named)
    size = batch_size(config.model_dump(), length, sum(map(len, codec.alphabets)) or 1)
    together = units(group, ids)
    held = held_back(ids, config.validation, np.random.default_rng(config.seed), together)
    grain, components = COARSE if together is None else FINE, config.components
    if config.fill and len(rows := _to_fill(ids, held, config)):
        data = np.concatenate([data, shifted(data[rows], np.random.default_rng(config.seed))])
        unit = np.arange(len(ids)) if together is None else together
        together = np.concatenate([unit, unit[rows]])
        ids, held = np.concatenate([ids, ids[rows]]), np.concatenate([held, held[rows]])
        # many copies are not the many traces that one component would do for
        grain, components = OF_COPIES, components or OF_COPIES.most
    wanted = codec.quantiles(data).astype(np.float32) if config.network == "unet" else codec.classes(data)
    values, label = torch.from_numpy(wanted).to(device), torch.tensor(ids, device=device)
    kept, watched = (torch.from_numpy(np.flatnonzero(rows)).to(device) for rows in (~held, held))
    hides = config.label_dropout > 0
    mixtures, first_group = None, torch.zeros_like(label)  # of each trace's fold
    if config.network == "rows":
        fold = torch.from_numpy(folds(ids, np.random.default_rng(config.seed), together)).to(device)
        mixtures = fit_mixtures(
            values[kept],
            label[kept],
            len(names),
            [torch.from_numpy(z) for z in codec.centres],
            fold[kept],
            codec.absent,
            components,
            grain=grain,
            hidden=hides,
        )
        first_group = (len(names) + hides) * fold
    ends = balanced_ends(ids[~held], config.balance) if config.balance else None
    ends = None if ends is None else ends.to(device)

    def batch(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if ends is None:
            index = kept[torch.randint(len(kept), (size,), generator=generator, device=device)]
        else:
            point = torch.rand(size, generator=generator, device=device, dtype=torch.float64)
            index = kept[torch.searchsorted(ends, point, right=True).clamp(max=len(kept) - 1)]
        known = label[index]
        if hides:
            hidden = torch.rand(size, generator=generator, device=device) < config.label_dropout
            known = torch.where(hidden, len(names), known)
        return values[index], known + first_group[index]

    def validation(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        index = watched[torch.randint(len(watched), (size,), generator=generator, device=device)]
        return values[index], label[index]

    watch = validation if len(watched) else None
    return TrainingData(codec, counts, mixtures, batch, watch)


def _to_fill(ids: NDArray[np.int64], held: NDArray[np.bool_], config: TrainConfig) -> NDArray[np.intp]:
    """Traces that are not held back, each as often as it is to be copied."""
    kept = np.flatnonzero(~held)
    return kept[rows_to_fill(ids[kept], config.fill or 0, np.random.default_rng(config.seed))]


def trace_length(part: pl.DataFrame, config: TrainConfig) -> int:
    """Positions that are learned: of the U-Net its pixels, else those of the longest trace up to `length`."""
    if config.network == "unet" and config.length is not None:
        return config.length
    longest = int(part.select(pl.col(channel_names(part)[0]).list.len().max()).item())
    return max(2, min(config.length or 1000, longest))


def balanced_ends(ids: NDArray[np.int64], balance: float) -> Tensor:
    """(N,) where each trace's share of [0, 1] ends: labels as often as count^(1 - balance) says."""
    counts = np.bincount(ids).astype(np.float64)
    weights = counts[ids] ** -balance
    return torch.from_numpy(np.cumsum(weights) / weights.sum())
