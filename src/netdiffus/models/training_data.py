"""Training data: labelled series as batches of codes with their priors, and what is held out of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import torch
from torch import Tensor

from netdiffus import limits
from netdiffus.arrays import Bools, Floats, Ints
from netdiffus.diffusion.contexts import Contexts
from netdiffus.diffusion.fit import Batch, Sample
from netdiffus.diffusion.forcing_recipe import Crossed
from netdiffus.diffusion.workers import ALONE, Workers
from netdiffus.imaging.counting import HERE
from netdiffus.models.counted import Channels, PriorCounts, Priors, channel_codes, count_labels, fit_codec
from netdiffus.models.counting import CountingTogether
from netdiffus.models.network import batch_size
from netdiffus.models.options import RowOptions, TrainOptions
from netdiffus.models.seeds import training_stream
from netdiffus.models.series_codec import SeriesCodec
from netdiffus.traffic.holdout import FOLDS, folds, held_back, units
from netdiffus.traffic.shifts import shifted
from netdiffus.traffic.traces import channel_names, series


@dataclass(frozen=True)
class LabelledSeries:
    """What is learned.

    Attributes:
        series: (N, C, n), NaN = absent. labels: (N,).
        group: numbers of what each trace belongs to (a session, a host); None: each is on its own.
        course: (N, C', m) of what goes on beyond the series, NaN = absent; None: nothing does.
    """

    series: Floats
    labels: pl.Series
    group: pl.Series | None = None
    course: Floats | None = None

    @classmethod
    def of(cls, part: pl.DataFrame, length: int) -> LabelledSeries:
        """The first `length` positions of a dataset's traces."""
        return cls(series(part, length), part["label"], part.get_column("group", default=None))


@dataclass(frozen=True)
class TrainingData:
    """What a training draws from.

    Attributes:
        codec: fitted on the training part.
        labels: label → training traces (those held out included), in the order of the label ids.
        held: which traces (N,) are held out for the validation.
        batch: draws training batches: codes (B, C, n) for the causal denoiser, z for the U-Net.
        validation: draws held-out traces; None if there are too few.
    """

    codec: SeriesCodec
    labels: dict[str, int]
    held: Bools
    batch: Batch
    validation: Batch | None


@dataclass(frozen=True)
class RowData(TrainingData):
    """The same for the causal denoiser.

    Attributes:
        priors: log-priors of the traces that are not held out, of the rows' channels and of the coarse rows'.
        contexts: counted in them. crossed: priors and contexts out-of-fold.
    """

    priors: Priors
    contexts: Contexts
    crossed: Crossed


def row_data(
    learned: LabelledSeries,
    channels: Channels,
    options: RowOptions,
    device: torch.device,
    workers: Workers = ALONE,
) -> RowData:
    """Codes of labelled series, their priors, which the workers count together, and batches of both."""
    counts, ids = count_labels(learned.labels)
    together = units(learned.group, ids)
    held = hold_out(ids, options, together)
    fold = folds(ids, np.random.default_rng(training_stream(options.seed, "folds")), together)
    rows, data, of_copies = _with_shifts(learned.series, held, options)
    ids, held, fold = ids[rows], held[rows], np.concatenate([fold, of_copies])
    counting = HERE if workers.size == 1 else CountingTogether(workers, device)
    codec = fit_codec(data, channels, ids, options, learned.course, counting)
    codes = codec.gasf.classes(data)
    values, label = torch.from_numpy(codes).to(device), torch.tensor(ids, device=device)
    small = _small_codes(codec, codes, learned.course)
    little = None if small is None else torch.from_numpy(small).to(device)
    kept, dealt = torch.from_numpy(~held).to(device), torch.from_numpy(fold).to(device)
    fine, coarse = channel_codes(codec, values, little, label, dealt, len(counts))
    counted = PriorCounts.fit(fine, coarse, kept, options.label_dropout > 0, workers)
    batch, validation = Batches(options, values, label, len(counts), little, dealt).of(ids, held)
    crossed = counted.crossed(kept, dealt, options.contexts)
    contexts = crossed.contexts.whole()
    codec = replace(codec, contexts=contexts.specs)
    own = held[: len(learned.series)]
    return RowData(codec, counts, own, batch, validation, counted.of(kept), contexts, crossed)


def _with_shifts(series: Floats, held: Bools, options: RowOptions) -> tuple[Ints, Floats, Ints]:
    """Shifted copies after the traces: which traces these are (N + M,), their series (N + M, C, n), and folds (M,).

    Held-out traces have no copies. Copies are in folds of their own: what is counted in some of them tells of others,
    as it tells of new traces that are shifted.
    """
    rows = np.concatenate([np.arange(len(series)), np.repeat(np.flatnonzero(~held), options.shifts)])
    rng = np.random.default_rng(training_stream(options.seed, "shifts"))
    copies = shifted(series[rows[len(series) :]], rng)
    return rows, np.concatenate([series, copies]), rng.permutation(len(copies)) % FOLDS


def _small_codes(codec: SeriesCodec, codes: Ints, course: Floats | None) -> Ints | None:
    """Codes of the coarse rows, of either kind, of traces of codes (N, C, n)."""
    if codec.course is not None and course is not None:
        return codec.course.encode(course)
    return None if codec.coarse is None else codec.coarse.encode(codec.z(codes))


@dataclass(frozen=True)
class Batches:
    """The traces that batches are drawn from.

    Attributes:
        values: (N, C, n) of each trace. label: (N,) ids. null: the id that stands for no label.
        coarse: (N, C, m) codes of the coarse rows, if there are any. fold: (N,) of each trace, where priors have folds.
    """

    options: TrainOptions
    values: Tensor
    label: Tensor
    null: int
    coarse: Tensor | None = None
    fold: Tensor | None = None

    def of(self, ids: Ints, held: Bools) -> tuple[Batch, Batch | None]:
        """What draws a training batch and a validation batch; none where no trace is held out."""
        options, device = self.options, self.label.device
        size = batch_size(options, self.values.shape[2])
        kept, watched = (torch.from_numpy(np.flatnonzero(rows)).to(device) for rows in (~held, held))
        ends = balanced_ends(ids[~held], options.balance).to(device) if options.balance else None

        def batch(generator: torch.Generator) -> Sample:
            if ends is None:
                index = kept[torch.randint(len(kept), (size,), generator=generator, device=device)]
            else:
                point = torch.rand(size, generator=generator, device=device, dtype=torch.float64)
                index = kept[torch.searchsorted(ends, point, right=True).clamp(max=len(kept) - 1)]
            sample = self._sample(index)
            if not options.label_dropout:
                return sample
            hidden = torch.rand(size, generator=generator, device=device) < options.label_dropout
            return replace(sample, label=torch.where(hidden, self.null, sample.label))

        def validation(generator: torch.Generator) -> Sample:
            index = watched[torch.randint(len(watched), (size,), generator=generator, device=device)]
            return replace(self._sample(index), fold=None)

        return batch, validation if len(watched) else None

    def _sample(self, index: Tensor) -> Sample:
        coarse, fold = (None if part is None else part[index] for part in (self.coarse, self.fold))
        return Sample(self.values[index], self.label[index], coarse, fold)


def hold_out(ids: Ints, options: TrainOptions, together: Ints | None) -> Bools:
    """Which traces (N,) of label ids (N,) the validation has; those with one number in `together` (N,) go together."""
    rng = np.random.default_rng(training_stream(options.seed, "hold-out"))
    return held_back(ids, options.validation, rng, together)


def longest_trace(part: pl.DataFrame, most: int | None) -> int:
    """Positions that are learned: those of the longest trace, at most `most`."""
    longest = int(part.select(pl.col(channel_names(part)[0]).list.len().max()).item())
    return max(2, min(most or limits.LENGTH, longest))


def balanced_ends(ids: Ints, balance: float) -> Tensor:
    """(N,) where each trace's share of [0, 1] ends: labels as often as count^(1 - balance) says."""
    counts = np.bincount(ids).astype(np.float64)
    weights = counts[ids] ** -balance
    return torch.from_numpy(np.cumsum(weights) / weights.sum())
