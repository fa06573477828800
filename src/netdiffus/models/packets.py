"""A model of packets: the causal core on series of packets' fields, and the codec that leads from those to flows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from netdiffus import limits
from netdiffus.arrays import Floats, Ints
from netdiffus.compiler import FlowRows
from netdiffus.compiler.arrivals import Arrivals
from netdiffus.compiler.features.bodies import BodyCodec, Sketch
from netdiffus.compiler.features.codec import CHANNELS, FieldsCodec, first_packets, living
from netdiffus.compiler.tables import rows_of_tables
from netdiffus.errors import InputError
from netdiffus.metrics import Traces
from netdiffus.models.counted import Channels, count_arrivals, count_fields
from netdiffus.models.fitting import Fitting, TrainingPart, begin
from netdiffus.models.manifest import ModelManifest
from netdiffus.models.membership import no_losses
from netdiffus.models.options import RowOptions
from netdiffus.models.packet_codec import PacketCodec, class_names
from netdiffus.models.private_packets import fit_private_packets
from netdiffus.models.rows import RowDraw, RowModel, row_model, row_recipe
from netdiffus.models.sampling import Draw, Form, Request
from netdiffus.models.services import label_of
from netdiffus.models.sessions import SessionModel, SessionPart, models_together, session_part, with_sessions
from netdiffus.models.together import Together
from netdiffus.models.training_data import LabelledSeries, row_data
from netdiffus.models.weights import SavedWeights, state_of
from netdiffus.models.whole_flows import HEAD, check_rows, read_whole
from netdiffus.store.cards import DatasetCard
from netdiffus.store.dataset import read_packets

CLASSES = {
    "kind": 512, "reply": 64, "window": 128, "size": 256, "gap_ns": 128, "hosts": 256, "server_port": 128,
    "ending": 256,
}  # fmt: skip
"""Classes that are enough for a channel: rare neighbours share one, and are told apart by how often a label has them.
With 512 for each, a step takes twice as long."""
NAMES = ("kind", "reply", "hosts", "server_port", "ending")
"""Channels whose values are names of things, not quantities."""


@dataclass(frozen=True)
class PacketPart:
    """The training flows that a model of packets learns.

    Attributes:
        fields: flows ↔ series. arrivals: when flows begin.
        series: (N, C, n), NaN past the end; classes: of each flow, see `class_names`.
        left_out: flows that cannot be learned, by reason.
        course, bodies: of whole flows. sessions: what they are part of, where the dataset says it.
    """

    fields: FieldsCodec
    arrivals: Arrivals
    series: Floats
    classes: list[str]
    left_out: Counter[str]
    course: Floats | None = None
    bodies: BodyCodec | None = None
    sessions: SessionPart | None = None


def packet_part(
    dataset: Path, part: pl.DataFrame, share: float, length: int | None, *, whole: bool = False
) -> PacketPart:
    """The flows of the training part of a dataset.

    Args:
        part: their traces. share: of all flows of their sources that these are; the others arrive between them.
        length: packets of a flow that are learned one by one; None: all that were kept, or HEAD of whole flows.
        whole: whether what comes behind them is learned, too.

    Raises:
        InputError: the dataset has no packets, or none of the flows can be learned.
    """
    if whole:
        packets = read_packets(dataset)
        read = read_whole(part, packets, min(length or HEAD, limits.LENGTH))
        sessions = session_part(part, packets, share, sorted(set(read.classes)))
        return PacketPart(
            read.fields, count_arrivals(part, share), read.series, read.classes, read.left_out, read.course,
            read.bodies, sessions,
        )  # fmt: skip
    rows, left_out = rows_of_tables(part, read_packets(dataset))
    check_rows(len(rows), left_out)
    longest = int(rows.counts.max())
    fields = count_fields(rows, max(2, min(length or limits.LENGTH, longest)))
    series, _ = fields.encode(rows)
    return PacketPart(fields, count_arrivals(part, share), series, class_names(rows), left_out)


class PacketDraw(Draw):
    """Series of packets' fields that the causal core drew.

    Args:
        labels: of the label ids; a model of packets has one for each label and protocol.
    """

    def __init__(self, inner: RowDraw, codec: PacketCodec, labels: list[str]) -> None:
        super().__init__(inner.block)
        self.inner, self.codec, self.labels = inner, codec, labels

    def flows(self, most: int | None = None) -> tuple[FlowRows, dict[str, int]]:
        """Flows of at most `most` packets."""
        sketch, reasons = self.sketch(most)
        bodies = self.codec.bodies
        if bodies is None:
            return sketch.head, reasons
        return bodies.whole(sketch, self.codec.fields, self.block.rng), reasons

    def sketch(self, most: int | None = None) -> tuple[Sketch, dict[str, int]]:
        """The same before the packets of long flows are made."""
        labels = tuple(self.labels[k] for k in self.ids.tolist())
        series, course, fields = self.inner.series(), self.inner.course(), self.codec.fields
        more, unknown = self._more(series, course, most)
        goes_on = more > 0
        if most is not None and most < series.shape[2]:
            goes_on |= living(series)[:, most]
        head, reasons = fields.decode(series[:, :, :most], labels, self.block.rng, goes_on)
        hosts, ending = fields.facts(series)
        seeds = self.block.rng.integers(0, 1 << 62, len(head)) if course is not None else np.zeros(len(head), np.int64)
        if unknown:
            reasons |= {"a flow that goes on as none of its class does (flows)": unknown}
        none = np.zeros((len(head), 0, 0))
        ended = fields.as_ended(series[:, :, :most], goes_on)
        return Sketch(head, hosts, ending, self.ids, more, none if course is None else course, seeds, ended), reasons

    def _more(self, series: Floats, course: Floats | None, most: int | None) -> tuple[Ints, int]:
        """Packets (B,) behind the first ones, and how many flows have none because their class has none."""
        length = self.codec.fields.length
        if course is None:
            return np.zeros(len(series), np.int64), 0
        full = ~np.isnan(series[:, 0]).any(axis=1)
        asked = np.where(full, np.nan_to_num(course[:, 0, 0]), 0).astype(np.int64)
        known = np.zeros(len(self.labels), np.bool_) if self.codec.bodies is None else self.codec.bodies.known()
        more = np.where(known[self.ids], asked, 0)
        if most is not None:
            more = np.clip(more, 0, max(most - length, 0))
        return more, int(np.count_nonzero((asked > 0) & ~known[self.ids]))


def learns_whole(dataset: Path, asked: bool | None) -> bool:
    """Whether a training learns flows to their ends: as asked, or where the dataset has all their packets.

    Raises:
        InputError: it is asked, and the dataset has the first packets alone.
    """
    kept = DatasetCard.read(dataset).packets
    if asked and kept != "all":
        first = "none" if kept is None else f"the first {kept:,} of each"
        raise InputError(
            "a dataset with all packets of flows for --whole", first,
            "prepare the captures again with 'netdiffus prepare --packets all'",
        )  # fmt: skip
    return kept == "all" if asked is None else asked


@dataclass(frozen=True)
class PacketModel:
    """A causal core that learned packets' fields.

    Attributes:
        core: of series of fields. codec: what leads from those to flows.
        sessions: what the flows are part of; None: no sessions were learned.
    """

    core: RowModel
    codec: PacketCodec
    sessions: SessionModel | None = None

    @property
    def manifest(self) -> ModelManifest:
        """What model.json says of it."""
        return self.core.manifest

    @property
    def hash(self) -> str:
        """Of its weights."""
        return self.core.hash

    @property
    def forms(self) -> tuple[Form, ...]:
        """Flows alone: a series of fields is no trace."""
        return ("flows",)

    @classmethod
    def fit(cls, part: TrainingPart, options: RowOptions, device: torch.device) -> Fitting:
        """Begin a training on the packets of a dataset."""
        if options.epsilon is not None:
            return fit_private_packets(part, options, device)
        whole = learns_whole(part.dataset, options.whole)
        found = packet_part(part.dataset, part.traces, part.share, options.length, whole=whole)
        learned = LabelledSeries(found.series, pl.Series(found.classes, dtype=pl.String), course=found.course)
        data = row_data(learned, Channels(CHANNELS, CLASSES, NAMES), options, device, part.workers)
        options, recipe = row_recipe(data, options, device)
        if found.sessions is None:
            fit, sessions = begin(recipe.network, recipe, (data.batch, data.validation), options), None
        else:
            fit, sessions = with_sessions(recipe, data, found.sessions, options, device)
        codec = PacketCodec(data.codec, found.fields, found.arrivals, found.bodies, sessions)
        return Fitting(fit, options, codec, data.labels, None)  # flows that cannot be learned have no row

    @classmethod
    def from_state(cls, manifest: ModelManifest, saved: SavedWeights, device: torch.device) -> PacketModel:
        """The model of a manifest whose codec is one of packets."""
        codec = manifest.codec
        if not isinstance(codec, PacketCodec):
            raise TypeError(f"no model of packets: {type(codec).__name__}")
        if codec.sessions is not None:
            return cls(*models_together(manifest, codec, saved, device))
        return cls(row_model(manifest, manifest.options, codec.series, saved, device), codec)

    def state(self) -> dict[str, Tensor]:
        """The weights of its networks."""
        if self.sessions is None:
            return self.core.state()
        return state_of(Together(self.core.network, self.sessions.core.network))

    @property
    def batch(self) -> int:
        """Flows that are drawn at a time."""
        return self.core.batch

    def sample(self, request: Request) -> Iterator[Draw]:
        """Draw flows for the label ids of a request."""
        labels = [label_of(name) for name in self.manifest.labels]
        for draw in self.core.sample(request):
            yield PacketDraw(draw, self.codec, labels)

    def flow_losses(self, traces: pl.DataFrame, packets: pl.DataFrame) -> tuple[Floats, list[str]]:
        """Minus the log-likelihood (N,) of the first packets of flows given their classes, and the classes.

        Args:
            traces, packets: of a dataset; flows of classes that the model does not know are left out.
        """
        rows = first_packets(rows_of_tables(traces, packets)[0], self.codec.length)
        known = self.manifest.labels
        rows = rows.select(np.array([name in known for name in class_names(rows)], np.bool_))
        names = class_names(rows)
        codes = self.codec.series.gasf.classes(self.codec.fields.encode(rows)[0])
        return -self.core.log_likelihoods(codes, np.array([known.index(name) for name in names], np.int64)), names

    def losses(self, traces: Traces) -> Floats:
        """A model of packets explains no traces.

        Raises:
            InputError: always.
        """
        raise no_losses("fields")
