"""Private training: noisy tables take the place of what is counted, and the network stays as it was made.

Everything that a model folder says of the training data comes out of a look that its ledger names (privacy/ledger.py),
or is public by declaration: the labels' names, the channels, the length (an option, or `prepare --packets`), and the
order of magnitude of n in delta. What a dataset's card says of its own (hash, warnings, payload) stays out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import Tensor

from netdiffus.arrays import Floats, Ints
from netdiffus.diffusion.fit import TrainStep
from netdiffus.errors import InputError
from netdiffus.imaging.alphabet import Alphabet
from netdiffus.imaging.channels import fold, image_channels
from netdiffus.imaging.codec import GasfCodec
from netdiffus.imaging.scale import EmpiricalScale
from netdiffus.models.fitting import Fitting, TrainingPart
from netdiffus.models.network import build_causal
from netdiffus.models.options import RowOptions
from netdiffus.models.private_contexts import contexts_of, priors_of
from netdiffus.models.public import public_codes
from netdiffus.models.seeds import torch_seed, training_stream
from netdiffus.models.series_codec import SeriesCodec
from netdiffus.privacy.alphabet import Codes, private_codes
from netdiffus.privacy.grid import public_grid
from netdiffus.privacy.ledger import Guarantee, Look, plan
from netdiffus.privacy.noise import noisy
from netdiffus.privacy.tables import Cell, Coded, Noise, tables
from netdiffus.privacy.units import MOST_PER_GROUP, check_delta, counted_rows, default_delta
from netdiffus.store.cards import DatasetCard
from netdiffus.traffic.traces import channel_names, series

LABELS, VALUES, CODES, PAIRS, CONTEXTS = (
    "traces of each label",
    "values of each channel by position",
    "codes by label and position",
    "codes after codes by position",
    "codes after contexts by label and position",
)
WEIGHTS = {LABELS: 0.01, VALUES: 0.08, CODES: 0.3, PAIRS: 0.06, CONTEXTS: 0.55}
"""The budget of each look, chosen on a part of the training traces of one data set."""
SIZES = {"width": 8, "depth": 1, "heads": 1, "coarse": 0, "validation": 0.0}
"""Of the network, which says nothing."""


@dataclass(frozen=True)
class PrivateTraces:
    """The rows that count.

    Attributes:
        values: (N, C', n) of the image's channels, NaN = absent. ids: (N,) of `labels`.
    """

    values: Floats
    ids: Ints
    labels: list[str]
    channels: list[str]


@dataclass
class PrivateFit:
    """A training whose looks are all done: a record for each position that was counted.

    Attributes:
        result: the weights. nats: of each position.
    """

    result: dict[str, Tensor]
    nats: list[float]
    device: torch.device
    step: int = 0
    seconds: float = 0.0
    best_loss: float = math.inf
    best_step: int = 0

    def run(self, share: Callable[[TrainStep], float]) -> Iterator[TrainStep]:
        """What was counted, position by position."""
        for nats in self.nats[self.step :]:
            self.step += 1
            yield TrainStep(self.step, nats, self.seconds, None, self.step / len(self.nats))

    @property
    def best(self) -> dict[str, Tensor]:
        """None: nothing is validated."""
        return {}

    def state(self) -> None:
        """None: a training that goes on would have to pay once more."""


def fit_private(part: TrainingPart, options: RowOptions, device: torch.device) -> Fitting:
    """Look at the traces of a dataset as often as the ledger says, and make a model of what is seen.

    Raises:
        InputError: the part or the options do not allow a guarantee.
    """
    traces, guarantee = private_traces(part, options)
    public = part.public
    options = options.model_copy(update=SIZES | {"public": None if public is None else public.name})
    sigma = guarantee.sigma
    traces_of = np.maximum(noisy(np.bincount(traces.ids, minlength=len(traces.labels)), sigma(LABELS)), 1)
    books = [
        private_codes(traces.values[:, k], public_grid(name), sigma(VALUES))
        for k, name in enumerate(image_channels(traces.channels))
    ]
    codes = np.stack([book.encode(traces.values[:, k]) for k, book in enumerate(books)], axis=1)
    coded = Coded(codes, traces.ids, [len(book) for book in books])
    noise = Noise(sigma(CODES), sigma(PAIRS), sigma(CONTEXTS))
    shape = (traces.labels, traces.channels, traces.values.shape[2])
    start = None if public is None else public_codes(public, *shape, books)
    rng = np.random.default_rng(training_stream(options.seed, "batches"))
    cells = list(tables(coded, traces_of.astype(np.float64), noise, rng, start))
    counts = dict(zip(traces.labels, traces_of.tolist(), strict=True))
    fit, codec = counted_model(books, cells, counts, options, device, (traces.channels, traces.values.shape[2]))
    return Fitting(fit, options, codec, counts, [], guarantee)


def private_traces(part: TrainingPart, options: RowOptions) -> tuple[PrivateTraces, Guarantee]:
    """The rows that count, and what they are promised.

    Raises:
        InputError: delta is too large, a label has one trace, groups or the length are not known.
    """
    length, names = counted_length(part, options), list(channel_names(part.traces))
    cells = length * len(image_channels(names))
    wanted = {
        name: (1 if name == LABELS else cells, weight)
        for name, weight in WEIGHTS.items()
        if cells > 1 or name not in (PAIRS, CONTEXTS)
    }
    rows, labels, guarantee = promised(part, options, wanted)
    ids = rows["label"].replace_strict(labels, range(len(labels)), return_dtype=pl.Int64).to_numpy()
    values = fold(series(rows, length, names), names)
    return PrivateTraces(values, ids, labels, names), guarantee


def promised(
    part: TrainingPart, options: RowOptions, wanted: Mapping[str, tuple[int, float]]
) -> tuple[pl.DataFrame, list[str], Guarantee]:
    """The rows that count, their labels, and what they are promised.

    Args:
        wanted: of each look the counts that one row changes by 1 at most, and the weight in the budget.

    Raises:
        InputError: delta is too large, a label has one row, or groups are not known.
    """
    epsilon, unit = options.epsilon, options.unit or "flow"
    if epsilon is None:
        raise TypeError("a private training without epsilon")
    counts = dict(sorted(part.traces["label"].value_counts().iter_rows()))
    if alone := [label for label, count in counts.items() if count < 2]:
        raise InputError(
            "labels of two traces or more with --epsilon: their names are public",
            f"{alone[0]!r} of one, whose name would tell of that trace", "join it with another label, or leave it out",
        )  # fmt: skip
    rows, units, most = part.traces, len(part.traces), 1
    if unit == "group":
        if "group" not in rows.columns:
            raise InputError(
                "a dataset with groups for --unit group", "one without a column 'group'",
                "prepare it with --columns group=COLUMN, or protect every flow with --unit flow",
            )  # fmt: skip
        groups, most = rows["group"].to_numpy(), options.most_per_group or MOST_PER_GROUP
        units = rows["group"].n_unique()
        rows = rows[counted_rows(groups, most)]
    delta = options.delta or default_delta(units)
    check_delta(delta, units)
    entries = plan([Look(name, cells, most, weight) for name, (cells, weight) in wanted.items()], epsilon, delta)
    name = None if part.public is None else part.public.name
    guarantee = Guarantee(epsilon=epsilon, delta=delta, unit=unit, most_per_group=most, entries=entries, public=name)
    return rows, list(counts), guarantee


def counted_length(part: TrainingPart, options: RowOptions) -> int:
    """Positions that are learned: no look at the traces says how many.

    Raises:
        InputError: neither an option nor the dataset says it.
    """
    kept = DatasetCard.read(part.dataset).packets
    if options.length is None and not isinstance(kept, int):
        raise InputError(
            "--length N with --epsilon", "none: the longest trace is private", "say how many positions are learned"
        )
    known = [length for length in (options.length, kept) if isinstance(length, int)]
    return max(2, min(known))


def codec_of(books: Sequence[Codes], labels: int, channels: Sequence[str], length: int) -> GasfCodec:
    """Scales and alphabets of the codes: what stands in them of values is public, of counts noisy."""
    scales, alphabets = [], []
    for book in books:
        shown, weights = book.shown, book.weights
        values, counts = book.grid.values[shown[:-1]], weights[shown]
        scale = EmpiricalScale.of_counts(values, counts[:-1], counts[-1])
        every = np.tile(np.round(counts).astype(np.int64), (labels, 1))
        scales.append(scale)
        alphabets.append(Alphabet(scale, book.of_value[shown], every))
    return GasfCodec(tuple(channels), length, tuple(scales), tuple(alphabets))


def counted_model(
    books: Sequence[Codes],
    cells: Sequence[Cell],
    counts: Mapping[str, int],
    options: RowOptions,
    device: torch.device,
    channels: tuple[Sequence[str], int],
) -> tuple[PrivateFit, SeriesCodec]:
    """The network that draws what was counted, and its codec.

    Args:
        books, cells: of the channels of its image. counts: rows by label.
        channels: of the series, and their length.
    """
    contexts = contexts_of(cells, [len(book) for book in books])
    codec = SeriesCodec(codec_of(books, len(counts), *channels), contexts=contexts.specs)
    torch.manual_seed(torch_seed(training_stream(options.seed, "network")))
    priors = priors_of(cells, [len(book) for book in books])
    network = build_causal(options, codec, (priors, []), device, contexts)
    return PrivateFit(network.state_dict(), [cell.nats for cell in cells], device), codec
