"""Sessions beside the flows of a model of packets: what they are learned from, their network, and what it draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch

from netdiffus.arrays import Floats, Ints
from netdiffus.compiler.arrivals import Arrivals
from netdiffus.compiler.daily import Day
from netdiffus.compiler.sessions.codec import CHANNELS, NAMES, SessionsCodec, Slots
from netdiffus.compiler.sessions.flows import SessionFlows
from netdiffus.compiler.sessions.habits import Habits
from netdiffus.diffusion.fit import Fit
from netdiffus.diffusion.forcing_recipe import ForcingRecipe
from netdiffus.errors import InputError
from netdiffus.models.counted import Channels, count_arrivals
from netdiffus.models.fitting import begin
from netdiffus.models.label_counts import label_counts
from netdiffus.models.manifest import ModelManifest
from netdiffus.models.options import RowOptions
from netdiffus.models.packet_codec import PacketCodec, class_names
from netdiffus.models.rows import RowModel, row_recipe, untrained, with_network
from netdiffus.models.sampling import Request, Sampling
from netdiffus.models.services import label_of, service_names
from netdiffus.models.session_codec import SessionCodec, session_label, version_of
from netdiffus.models.together import BothRecipe, Together, both, build_both
from netdiffus.models.training_data import LabelledSeries, RowData, row_data
from netdiffus.models.weights import SavedWeights
from netdiffus.models.whole_flows import batches
from netdiffus.traffic.session_split import FEWEST_SESSIONS

CLASSES = {"kind": 512, "link": 256, "gap_ns": 64, "server": 32, "duration_ns": 32}
"""Classes that are enough for a channel."""
BATCH = 16
"""Sessions of a training step: they are few, and a session has many rows."""
STREAM = 0x5E55
"""Sets the draws of sessions apart from those of flows of the same seed."""


@dataclass(frozen=True)
class SessionPart:
    """The training sessions.

    Attributes:
        series: (N, C, n). labels: session label of each. kinds, arrivals, habits, day: see SessionCodec.
    """

    series: Floats
    labels: list[str]
    kinds: SessionsCodec
    arrivals: Arrivals
    habits: Habits
    day: Day | None


def session_part(part: pl.DataFrame, packets: pl.DataFrame, share: float, classes: list[str]) -> SessionPart | None:
    """The sessions of the training part of a dataset, whose traces say which session they are of; None if none do.

    Args:
        part: traces. packets: packets.parquet. share: of all flows of their sources that these are.
        classes: of the model's flows (services.py), ascending.
    """
    if "session" not in part.columns or part["session"].dtype != pl.Int64 or part["session"].null_count():
        return None
    flows = _flows(part, packets)
    if int(flows.session.max(initial=-1)) + 1 < FEWEST_SESSIONS:
        return None
    numbers = np.searchsorted(classes, service_names(flows.names, flows.port)).astype(np.int64)
    kinds = SessionsCodec.fit(flows, numbers)
    starts = part.group_by("session").agg(pl.col("source").first(), pl.col("start_ns").min())
    arrivals = count_arrivals(starts, share)
    return SessionPart(
        kinds.encode(flows, numbers), _labels(flows), kinds, arrivals, Habits.fit(flows),
        Day.fit(starts["start_ns"].to_numpy()),
    )  # fmt: skip


def _flows(part: pl.DataFrame, packets: pl.DataFrame) -> SessionFlows:
    """The flows of all sessions; labels carry the session while rows are read."""
    named = part.with_columns(label=pl.concat_str(pl.col("session").cast(pl.String), "label", separator=" "))
    found = []
    for rows, _ in batches(named, packets):
        texts = [name.partition(" ") for name in class_names(rows)]
        session = np.array([int(number) for number, _, _ in texts], np.int64)
        found.append((rows, session, [name for _, _, name in texts]))
    return SessionFlows.of(found)


def _labels(flows: SessionFlows) -> list[str]:
    """The session label of each session: the label of most of its flows (the first in the alphabet, where several)."""
    version = flows.flows["version"][np.flatnonzero(np.diff(flows.session, prepend=-1))].tolist()
    names = pl.DataFrame({"session": flows.session, "label": [label_of(name) for name in flows.names]})
    most = names.group_by("session", "label").len().sort("session", "len", "label", descending=[False, True, False])
    leading = most.unique("session", keep="first", maintain_order=True)["label"].to_list()
    return [session_label(label, number) for label, number in zip(leading, version, strict=True)]


def session_options(options: RowOptions, length: int) -> RowOptions:
    """The options of the sessions' network: those of the flows', for series of so many rows, without coarse ones."""
    few = {"length": length, "coarse": 0, "batch": BATCH, "classes": None, "balance": 0.0, "whole": None}
    return options.model_copy(update=few)


def with_sessions(
    flows: ForcingRecipe, data: RowData, found: SessionPart, options: RowOptions, device: torch.device
) -> tuple[Fit, SessionCodec]:
    """Begin the training of the sessions' network together with that of the flows; and the sessions' codec."""
    own = session_options(options, found.kinds.length)
    learned = LabelledSeries(found.series, pl.Series(found.labels, dtype=pl.String))
    beside = row_data(learned, Channels(CHANNELS, CLASSES, NAMES), own, device)
    codec = SessionCodec(beside.codec, found.kinds, beside.labels, found.arrivals, found.habits, found.day)
    _, sessions = row_recipe(beside, own, device)
    network = Together(flows.network, sessions.network)
    validation = None if data.validation is None else both(data.validation, beside.validation)
    recipe = BothRecipe(network, flows, sessions)
    return begin(network, recipe, (both(data.batch, beside.batch), validation), options), codec


def models_together(
    manifest: ModelManifest, codec: PacketCodec, saved: SavedWeights, device: torch.device
) -> tuple[RowModel, PacketCodec, SessionModel]:
    """The models of flows and of sessions of a manifest.

    Raises:
        TypeError: the manifest is of another model (manifest.py refuses such a file).
        InputError: the weights do not fit it.
    """
    options, sessions = manifest.options, codec.sessions
    if not isinstance(options, RowOptions) or sessions is None:
        raise TypeError(f"no model of sessions: {type(options).__name__}")
    own = session_options(options, sessions.kinds.length)
    builds = (
        untrained(options, codec.series, len(manifest.labels)),
        untrained(own, sessions.series, len(sessions.labels)),
    )
    network = saved.into(build_both(*builds), device)
    of_sessions = ModelManifest(manifest.card.model_copy(update={"labels": sessions.labels}), own, sessions.series)
    flows = with_network(manifest, saved.hash, options, codec.series, network.flows)
    core = with_network(of_sessions, saved.hash, own, sessions.series, network.sessions)
    return flows, codec, SessionModel(core, sessions)


@dataclass(frozen=True)
class DrawnSessions:
    """Sessions that were drawn.

    Attributes:
        slots: what their flows are to be. version: the IP version of each session.
    """

    slots: Slots
    version: Ints


@dataclass(frozen=True)
class SessionModel:
    """The trained network of sessions.

    Attributes:
        core: of series of flows. codec: what leads from those to clients.
    """

    core: RowModel
    codec: SessionCodec

    def draw(self, sessions: int, how: Sampling, seed: int, *, balance: bool) -> DrawnSessions:
        """So many sessions, in random order, by the training mix or in equal parts.

        Raises:
            InputError: the model cannot be sampled that way.
        """
        stream = np.random.SeedSequence(seed, spawn_key=(STREAM,))
        counts, names = label_counts(self.codec.labels, sessions, balance=balance), list(self.codec.labels)
        ids = np.repeat(np.arange(len(names)), [counts.get(name, 0) for name in names])
        request = Request(ids, how, int(stream.generate_state(1)[0]))
        parts = list(self._series(request))
        order = np.random.default_rng(stream).permutation(sessions)
        series = np.concatenate([part for part, _ in parts])[order]
        label = np.concatenate([part for _, part in parts])[order]
        version = np.array([version_of(name) for name in names])[label]
        return DrawnSessions(self.codec.kinds.decode(series), version)

    def _series(self, request: Request) -> Iterator[tuple[Floats, Ints]]:
        for draw in self.core.sample(request):
            yield draw.series(), draw.ids


def no_sessions(packets: int | None) -> InputError:
    """What to say where a model has no sessions; `packets` of each flow is all that it knows, None: whole flows."""
    got = "one of whole flows that are no sessions" if packets is None else f"one of {packets:,} packets of each flow"
    return InputError(
        "a model of sessions for --sessions", got,
        f"prepare captures in which each label leads {FEWEST_SESSIONS} sessions of clients with --packets all, and "
        "train with --image fields",
    )  # fmt: skip
