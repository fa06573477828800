"""Training data: a dataset's training part as a fitted codec, counted priors, and batches."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from netdiffus.diffusion.fit import Batch, Sample
from netdiffus.diffusion.prior import Smoothing, count_priors
from netdiffus.imaging.channels import image_channels
from netdiffus.imaging.coarse import CoarseCodebook
from netdiffus.imaging.codec import MEASURED, GasfCodec
from netdiffus.models.network import batch_size, coarse_rows, most_classes
from netdiffus.models.options import TrainConfig
from netdiffus.traffic.holdout import FOLDS, folds, held_back, units
from netdiffus.traffic.traces import channel_names, series

Ids = NDArray[np.int64]
Priors = tuple[list[Tensor], list[Tensor]]

COUNTED = ("up_bytes", "down_bytes", *MEASURED)
"""Channels that are quantities by their nature."""
EXACT = Smoothing(codes=0.0, positions=1.0)
QUANTITY = Smoothing(codes=2.0, positions=1.0)
COARSE = Smoothing(codes=2.0, positions=1.0)
"""How priors are smoothed: the codes of quantities with their neighbours', those of exact sizes never."""
ATOMS = 0.5
"""A channel is a quantity where less than this share of its values has a code of its own."""


@dataclass(frozen=True)
class TrainingData:
    """What a training draws from.

    Attributes:
        codec: fitted on the training part.
        coarse: the codebook of the coarse rows, if the model has any.
        labels: label → training traces (those held back included), in the order of the label ids.
        priors: log-priors of the traces that are not held back, of the rows' channels and of the coarse rows'.
        crossed: the same, out-of-fold: a first axis for the fold that is left out.
        batch: draws training batches: codes (B, C, n) for the causal denoiser, z for the U-Net.
        validation: draws held-back traces; None if there are too few.
    """

    codec: GasfCodec
    coarse: CoarseCodebook | None
    labels: dict[str, int]
    priors: Priors
    crossed: Priors
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
    counts = dict(sorted(labels.value_counts().iter_rows()))
    names = list(counts)
    ids = labels.replace_strict(names, range(len(names)), return_dtype=pl.Int64).to_numpy()
    together = units(group, ids)
    held = held_back(ids, config.validation, np.random.default_rng(config.seed), together)
    nothing: Priors = ([], [])
    if config.network == "unet":
        codec = GasfCodec.fit(data, channels, config.scale, "direct")
        z = torch.from_numpy(codec.quantiles(data).astype(np.float32)).to(device)
        sets = _Sets(config, z, None, None, torch.tensor(ids, device=device), len(names))
        return TrainingData(codec, None, counts, nothing, nothing, *sets.batches(ids, held, data.shape[2]))
    codec = _codec(data, channels, ids, config, limits, named)
    codes = codec.classes(data)
    z_of = np.stack([centres[codes[:, k]] for k, centres in enumerate(codec.centres)], axis=1)
    small = coarse_rows(config.model_dump(), codec.length)
    coarse = CoarseCodebook.fit(z_of, small) if small else None
    fold = folds(ids, np.random.default_rng(config.seed + 1), together)
    values, label = torch.from_numpy(codes).to(device), torch.tensor(ids, device=device)
    little = None if coarse is None else torch.from_numpy(coarse.encode(z_of)).to(device)
    counted = _Priors(codec, coarse, values, little, label, len(names), keep_null=config.label_dropout > 0)
    kept, dealt = torch.from_numpy(~held).to(device), torch.from_numpy(fold).to(device)
    priors = counted.of(kept)
    crossed = _stacked([counted.of(kept & (dealt != k)) for k in range(FOLDS)])
    sets = _Sets(config, values, little, dealt, label, len(names))
    return TrainingData(codec, coarse, counts, priors, crossed, *sets.batches(ids, held, data.shape[2]))


def _codec(
    data: NDArray[np.float64],
    channels: Sequence[str],
    ids: Ids,
    config: TrainConfig,
    limits: Mapping[str, int],
    named: Container[str],
) -> GasfCodec:
    most = most_classes(config.model_dump(), data.shape[2], len(data))
    classes = [config.classes or limits.get(name, most) for name in image_channels(channels)]
    return GasfCodec.fit(data, channels, config.scale, ids=ids, classes=classes, names=named)


@dataclass(frozen=True)
class _Priors:
    """Counts the priors of some of the traces."""

    codec: GasfCodec
    coarse: CoarseCodebook | None
    codes: Tensor
    coarse_codes: Tensor | None
    label: Tensor
    labels: int
    keep_null: bool

    def of(self, rows: Tensor) -> Priors:
        """Log-priors (labels, n, K) of each channel and those of the coarse rows, counted in the traces `rows` (N,).

        There is one label more where the network learns without labels, too.
        """
        smoothing = [QUANTITY if quantity else EXACT for quantity in quantities(self.codec)]
        fine = self._count(self.codes[rows], self.label[rows], self.codec.centres, smoothing, self.codec.absent)
        if self.coarse is None or self.coarse_codes is None:
            return fine, []
        centres = self.coarse.centres
        smooth, ends = [COARSE] * len(centres), [False] * len(centres)
        return fine, self._count(self.coarse_codes[rows], self.label[rows], centres, smooth, ends)

    def _count(
        self,
        codes: Tensor,
        label: Tensor,
        centres: Sequence[NDArray[np.float64]],
        smoothing: Sequence[Smoothing],
        ends: Sequence[bool],
    ) -> list[Tensor]:
        found = count_priors(codes, label, self.labels, [len(z) for z in centres], smoothing, ends)
        return found if self.keep_null else [table[:-1] for table in found]


def quantities(codec: GasfCodec) -> list[bool]:
    """Of every channel of the image, whether its codes are ordered quantities rather than exact values that recur."""
    found = []
    for name, alphabet in zip(codec.image_channels, codec.alphabets, strict=True):
        present = ~np.isnan(alphabet.known.values)
        counts = np.where(present, alphabet.counts.sum(axis=0), 0)
        alone = np.bincount(alphabet.classes)[alphabet.classes] == 1
        found.append(name in COUNTED or counts[alone].sum() < ATOMS * counts.sum())
    return found


def _stacked(priors: Sequence[Priors]) -> Priors:
    """Priors with a first axis for the fold that each leaves out."""
    fine, coarse = ([torch.stack(tables) for tables in zip(*parts, strict=True)] for parts in zip(*priors, strict=True))
    return fine, coarse


@dataclass(frozen=True)
class _Sets:
    """The traces that batches are drawn from."""

    config: TrainConfig
    values: Tensor
    coarse: Tensor | None
    fold: Tensor | None
    label: Tensor
    null: int

    def batches(self, ids: Ids, held: NDArray[np.bool_], length: int) -> tuple[Batch, Batch | None]:
        """What draws a training batch and a validation batch; none where no trace is held back."""
        config, device, size = self.config, self.label.device, batch_size(self.config.model_dump(), length)
        kept, watched = (torch.from_numpy(np.flatnonzero(rows)).to(device) for rows in (~held, held))
        ends = balanced_ends(ids[~held], config.balance).to(device) if config.balance else None

        def batch(generator: torch.Generator) -> Sample:
            if ends is None:
                index = kept[torch.randint(len(kept), (size,), generator=generator, device=device)]
            else:
                point = torch.rand(size, generator=generator, device=device, dtype=torch.float64)
                index = kept[torch.searchsorted(ends, point, right=True).clamp(max=len(kept) - 1)]
            sample = self._sample(index)
            if not config.label_dropout:
                return sample
            hidden = torch.rand(size, generator=generator, device=device) < config.label_dropout
            label = torch.where(hidden, self.null, sample.label)
            return Sample(sample.traces, label, sample.coarse, sample.fold)

        def validation(generator: torch.Generator) -> Sample:
            index = watched[torch.randint(len(watched), (size,), generator=generator, device=device)]
            sample = self._sample(index)
            return Sample(sample.traces, sample.label, sample.coarse)

        return batch, validation if len(watched) else None

    def _sample(self, index: Tensor) -> Sample:
        coarse, fold = (None if part is None else part[index] for part in (self.coarse, self.fold))
        return Sample(self.values[index], self.label[index], coarse, fold)


def trace_length(part: pl.DataFrame, config: TrainConfig) -> int:
    """Positions that are learned: of the U-Net its pixels, else those of the longest trace up to `length`."""
    if config.network == "unet" and config.length is not None:
        return config.length
    longest = int(part.select(pl.col(channel_names(part)[0]).list.len().max()).item())
    return max(2, min(config.length or 1000, longest))


def balanced_ends(ids: Ids, balance: float) -> Tensor:
    """(N,) where each trace's share of [0, 1] ends: labels as often as count^(1 - balance) says."""
    counts = np.bincount(ids).astype(np.float64)
    weights = counts[ids] ** -balance
    return torch.from_numpy(np.cumsum(weights) / weights.sum())
