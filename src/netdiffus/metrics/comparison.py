"""What every metric is given: real training and test traces, synthetic traces, and the names of their channels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netdiffus.errors import InputError

if TYPE_CHECKING:
    from netdiffus.metrics.packets import PacketSets

DRAWS = 20
Imager = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Traces:
    """Labelled traces as arrays: series (N, C, n) with NaN past the end of a trace, labels (N,)."""

    series: NDArray[np.float64]
    labels: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Traces:
        """The traces of these rows, given by index or by mask."""
        return Traces(self.series[rows], self.labels[rows])

    def of(self, label: str) -> Traces:
        """The traces of one label."""
        return self.take(self.labels == label)

    def lengths(self) -> NDArray[np.float64]:
        """Packets or bins of each trace (N,), as many as fit the array."""
        counts: NDArray[np.intp] = np.count_nonzero(~np.isnan(self.series[:, 0]), axis=1)
        return counts.astype(np.float64)

    def sample(self, count: int, rng: np.random.Generator) -> Traces:
        """At most `count` traces, drawn without replacement."""
        return self if len(self) <= count else self.take(np.sort(rng.choice(len(self), count, replace=False)))

    def matching(self, other: Traces, rng: np.random.Generator) -> Traces:
        """As many traces of each label as `other` has, drawn without replacement; all of a label that has fewer."""
        rows = []
        for label, count in zip(*np.unique(other.labels, return_counts=True), strict=True):
            mine = np.flatnonzero(self.labels == label)
            rows.append(mine if len(mine) <= count else rng.choice(mine, count, replace=False))
        return self.take(np.sort(np.concatenate(rows)) if rows else np.zeros(0, dtype=np.intp))

    def joined(self, other: Traces) -> Traces:
        """These traces, and after them the others."""
        return Traces(np.concatenate([self.series, other.series]), np.concatenate([self.labels, other.labels]))

    def counts(self, labels: Iterable[str] | None = None) -> dict[str, int]:
        """How many traces each of these labels has; default: of the labels that there are, in their order."""
        asked = map(str, np.unique(self.labels)) if labels is None else labels
        return {label: int(np.count_nonzero(self.labels == label)) for label in asked}

    @property
    def guess(self) -> float:
        """How often the answer is right that names the commonest label."""
        return max(self.counts().values()) / len(self)

    def two_draws(self, counts: Mapping[str, int], rng: np.random.Generator) -> tuple[Traces, Traces]:
        """Two sets of so many traces of each label, as far apart as can be.

        The first has each trace once, and all of a label that has fewer; the second has those that the first left, and
        where these are too few, any of the label again.
        """
        pairs = []
        for label, count in counts.items():
            mine = rng.permutation(np.flatnonzero(self.labels == label))
            first, rest = mine[:count], mine[count : 2 * count]
            pairs.append((first, np.concatenate([rest, rng.choice(mine, len(first) - len(rest))])))
        one, two = (np.sort(np.concatenate(rows)) for rows in zip(*pairs, strict=True))
        return self.take(one), self.take(two)


@dataclass(frozen=True)
class Comparison:
    """Real training traces, real test traces and synthetic traces of the same channels and length.

    Attributes:
        draws: real pairs that floors and their intervals are taken from; 0: values only.
        imager: series (N, C, n) → images (N, C', n', n') in [-1, 1], for the metrics that look at images; it must
            know nothing but the training part.
        losses: what the model that made the synthetic traces loses on training traces, and on test traces.
        packets: those of each part, for the metrics that look at headers.
        texts: for each part, the distinct texts that came with its traces, such as addresses and host names.

    Raises:
        InputError: the arrays do not fit each other, or a part has no traces.
    """

    train: Traces
    test: Traces
    synthetic: Traces
    channels: tuple[str, ...]
    draws: int = DRAWS
    imager: Imager | None = None
    packets: PacketSets | None = None
    losses: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    texts: tuple[frozenset[str], frozenset[str], frozenset[str]] | None = None

    def __post_init__(self) -> None:
        for name in ("train", "test", "synthetic"):
            part: Traces = getattr(self, name)
            expected = (len(part.labels), len(self.channels), self.train.series.shape[-1])
            if part.series.shape != expected:
                raise InputError(
                    f"an array (traces, channels, length) of shape {expected} for the part '{name}'",
                    f"one of shape {part.series.shape}",
                    "give all three parts the same channels and length",
                )
            if not len(part):
                raise InputError(
                    f"at least one trace in the part '{name}'", "none", "evaluate with three parts that have traces"
                )

    @property
    def labels(self) -> list[str]:
        """The labels of the real traces, sorted."""
        return [str(label) for label in np.union1d(self.train.labels, self.test.labels)]

    def limited(self, count: int, rng: np.random.Generator) -> Comparison:
        """The same with at most `count` traces in each part."""
        train, test, synthetic = (part.sample(count, rng) for part in (self.train, self.test, self.synthetic))
        return replace(self, train=train, test=test, synthetic=synthetic)


def comparison(
    train: Traces, test: Traces, synthetic: Traces, channels: Sequence[str], *, draws: int = DRAWS
) -> Comparison:
    """A Comparison of parts whose arrays may differ in length: the shorter ones are filled with NaN.

    Raises:
        InputError: the arrays do not fit each other, a part has no traces, or values are missing inside a trace.
    """
    length = max(part.series.shape[-1] for part in (train, test, synthetic))

    def widened(part: Traces, name: str) -> Traces:
        series = np.asarray(part.series, dtype=np.float64)
        check_values(series, name)
        missing = length - series.shape[-1]
        return Traces(np.pad(series, ((0, 0), (0, 0), (0, missing)), constant_values=np.nan), part.labels)

    parts = (widened(train, "train"), widened(test, "test"), widened(synthetic, "synthetic"))
    return Comparison(*parts, tuple(channels), draws)


def check_values(series: NDArray[np.float64], name: str) -> None:
    """Refuse what no trace can hold: infinite values, and NaN before a trace's last value or in some channels only.

    Raises:
        InputError: names the first such trace of the part `name`.
    """
    absent = np.isnan(series)
    holes = np.any(absent[:, :, :-1] & ~absent[:, :, 1:], axis=(1, 2)) | np.any(absent != absent[:, :1], axis=(1, 2))
    for what, wrong in (("NaN inside", holes), ("an infinite value in", np.isinf(series).any(axis=(1, 2)))):
        if wrong.any():
            raise InputError(
                f"finite values in the part '{name}', and NaN only past the end of a trace, in all channels alike",
                f"{what} {np.count_nonzero(wrong):,} traces, the first is number {int(np.argmax(wrong))}",
                "remove those traces, or fill the gaps",
            )
