"""Everything that is counted in the training data beside the network: one place to see it all, and to bound it.

Of traces that is: labels and how often each occurs, the scales and codebooks of the channels (with the values they
know and how often each label has them), the codebook of coarse rows, and the priors. Of packets it is also the
vocabularies, server ports and option templates of their fields, and the gaps between flows.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import torch
from torch import Tensor

from netdiffus.arrays import Floats, Ints
from netdiffus.compiler import FlowRows, arrival_gaps
from netdiffus.compiler.arrivals import Arrivals
from netdiffus.compiler.features.codec import FieldsCodec
from netdiffus.diffusion.context_fit import CountedTraces, fit_contexts
from netdiffus.diffusion.forcing_recipe import Crossed
from netdiffus.diffusion.prior import ChannelCodes, PriorSpec, log_prior
from netdiffus.diffusion.prior_fit import fit_prior
from netdiffus.diffusion.workers import ALONE, Workers
from netdiffus.imaging.channels import image_channels
from netdiffus.imaging.coarse import CoarseCodebook
from netdiffus.imaging.codec import MEASURED, GasfCodec
from netdiffus.imaging.counting import HERE, Counting
from netdiffus.imaging.course import CourseCodebook
from netdiffus.models.network import coarse_rows, most_classes
from netdiffus.models.options import RowOptions
from netdiffus.models.packet_codec import MOST_GAPS
from netdiffus.models.series_codec import SeriesCodec
from netdiffus.traffic.holdout import FOLDS

Priors = tuple[list[Tensor], list[Tensor]]

COUNTED = ("up_bytes", "down_bytes", *MEASURED)
"""Channels that are quantities by their nature."""
ATOMS = 0.5
"""A channel is a quantity where less than this share of its values has a code of its own."""


@dataclass(frozen=True)
class Channels:
    """The channels of series.

    Attributes:
        names: of the C channels.
        limits: classes of some channels at most, instead of what their length suggests.
        named: channels that hold names of things, not quantities.
    """

    names: Sequence[str]
    limits: Mapping[str, int] = field(default_factory=dict)
    named: Container[str] = ()


def count_labels(labels: pl.Series) -> tuple[dict[str, int], Ints]:
    """How often each label occurs, in the order of the label ids, and the id (N,) of each trace."""
    counts = dict(sorted(labels.value_counts().iter_rows()))
    return counts, labels.replace_strict(list(counts), range(len(counts)), return_dtype=pl.Int64).to_numpy()


def fit_codec(
    data: Floats,
    channels: Channels,
    ids: Ints,
    options: RowOptions,
    course: Floats | None = None,
    counting: Counting = HERE,
) -> SeriesCodec:
    """The scales and codebooks of training series (N, C, n), NaN = absent, of labels (N,), and of their course."""
    most = most_classes(options, data.shape[2], len(data))
    classes = [options.classes or channels.limits.get(name, most) for name in image_channels(channels.names)]
    gasf = GasfCodec.fit(
        data, channels.names, options.scale, ids=ids, classes=classes, names=channels.named, counting=counting
    )
    if course is not None:
        return SeriesCodec(gasf, course=CourseCodebook.fit(course, ids, counting))
    rows = coarse_rows(options, gasf.length)
    codec = SeriesCodec(gasf)
    return SeriesCodec(gasf, CoarseCodebook.fit(codec.z(gasf.classes(data)), rows, counting)) if rows else codec


@dataclass(frozen=True)
class PriorCounts:
    """Counts the priors of some of the traces.

    Attributes:
        fine: the channels of the traces (N,). coarse: those of their coarse rows, if there are any.
        specs: how each prior is counted, of the fine channels, then of the coarse ones.
        keep_null: whether there is one label more, of all traces. workers: who count together.
    """

    fine: list[ChannelCodes]
    coarse: list[ChannelCodes]
    specs: list[PriorSpec]
    keep_null: bool
    workers: Workers = ALONE

    @classmethod
    def fit(
        cls, fine: list[ChannelCodes], coarse: list[ChannelCodes], kept: Tensor, keep_null: bool, workers: Workers
    ) -> PriorCounts:
        """Choose how priors are counted by the traces `kept` (N,)."""
        specs = [fit_prior(channel.of(kept), workers) for channel in fine + coarse]
        return cls(fine, coarse, specs, keep_null, workers)

    def of(self, rows: Tensor) -> Priors:
        """Log-priors (labels, n, K) of each channel and those of the coarse rows, counted in the traces `rows` (N,)."""
        return self._priors([channel.counted_by(self.workers, rows) for channel in self.fine + self.coarse])

    def crossed(self, kept: Tensor, fold: Tensor, most: int) -> Crossed:
        """The same out-of-fold, and contexts of `most` codes at most; of the traces `kept` (N,) in folds (N,).

        Channels of quantities have no contexts: their values hardly recur.
        """
        channels = self.fine + self.coarse
        whole = [channel.counted_by(self.workers, kept) for channel in channels]
        folds = []
        for k in range(FOLDS):
            own = (channel.counted_by(self.workers, kept & (fold == k)) for channel in channels)
            folds.append(self._priors([all_ - part for all_, part in zip(whole, own, strict=True)]))
        fine, coarse = (
            [torch.stack(tables) for tables in zip(*parts, strict=True)] for parts in zip(*folds, strict=True)
        )
        exact = [k for k, channel in enumerate(self.fine) if not channel.ordered]
        return Crossed(fine, coarse, fit_contexts(self._traces(kept, fold), fine, exact, most, self.workers))

    def _traces(self, kept: Tensor, fold: Tensor) -> CountedTraces:
        """What contexts are counted in; with the traces of all labels once more where the null label is learned."""
        codes = torch.stack([channel.codes for channel in self.fine], dim=1)[kept]
        label, fold = self.fine[0].label[kept], fold[kept]
        if self.keep_null:
            codes, fold = torch.cat([codes, codes]), torch.cat([fold, fold])
            label = torch.cat([label, torch.full_like(label, self.fine[0].labels)])
        return CountedTraces(codes, label, fold, FOLDS)

    def _priors(self, counts: list[Tensor]) -> Priors:
        """Log-priors of the counts (labels, n, K) of each channel."""
        found = [
            log_prior(table, spec, channel.end)
            for table, spec, channel in zip(counts, self.specs, self.fine + self.coarse, strict=True)
        ]
        kept = found if self.keep_null else [table[:-1] for table in found]
        return kept[: len(self.fine)], kept[len(self.fine) :]


def channel_codes(
    codec: SeriesCodec, codes: Tensor, coarse: Tensor | None, label: Tensor, fold: Tensor, labels: int
) -> tuple[list[ChannelCodes], list[ChannelCodes]]:
    """The channels of codes (N, C, n), and those of the coarse rows' (N, C, m)."""
    gasf, small = codec.gasf, codec.small
    fine = [
        ChannelCodes(codes[:, k], label, fold, labels, len(gasf.centres[k]), gasf.absent[k], ordered)
        for k, ordered in enumerate(quantities(gasf))
    ]
    if small is None or coarse is None:
        return fine, []
    ends = [False] * len(small.centres) if codec.course is None else codec.course.absent
    return fine, [
        ChannelCodes(coarse[:, k], label, fold, labels, len(z), ends[k], True) for k, z in enumerate(small.centres)
    ]


def quantities(codec: GasfCodec) -> list[bool]:
    """Of every channel of the image, whether its codes are ordered quantities rather than exact values that recur."""
    found = []
    for name, alphabet in zip(codec.image_channels, codec.alphabets, strict=True):
        present = ~np.isnan(alphabet.known.values)
        counts = np.where(present, alphabet.counts.sum(axis=0), 0)
        alone = np.bincount(alphabet.classes)[alphabet.classes] == 1
        found.append(name in COUNTED or counts[alone].sum() < ATOMS * counts.sum())
    return found


def count_fields(rows: FlowRows, length: int) -> FieldsCodec:
    """Vocabularies, server ports and option templates of flows; `length` packets of a flow are learned."""
    return FieldsCodec.fit(rows, length)


def count_arrivals(part: pl.DataFrame, share: float) -> Arrivals:
    """Gaps between the starts of flows, within each of their sources.

    Args:
        part: the training traces. share: of all flows of their sources that these are.
    """
    found = arrival_gaps(starts.to_numpy() for starts in part.group_by("source").agg("start_ns")["start_ns"])
    gaps = found.gaps * share
    if len(gaps) > MOST_GAPS:
        gaps = np.quantile(gaps, (np.arange(MOST_GAPS) + 0.5) / MOST_GAPS)
    return Arrivals(gaps.astype(np.int64), found.breaks)
