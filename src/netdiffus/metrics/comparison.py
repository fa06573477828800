"""What every metric is given: real training and test traces, synthetic traces, and the names of their channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.errors import InputError


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


@dataclass(frozen=True)
class Comparison:
    """Real training traces, real test traces and synthetic traces of the same channels and length.

    Raises:
        InputError: the arrays do not fit each other, or a part has no traces.
    """

    train: Traces
    test: Traces
    synthetic: Traces
    channels: tuple[str, ...]

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
        return Comparison(train, test, synthetic, self.channels)


def comparison(train: Traces, test: Traces, synthetic: Traces, channels: Sequence[str]) -> Comparison:
    """A Comparison of parts whose arrays may differ in length: the shorter ones are filled with NaN."""
    length = max(part.series.shape[-1] for part in (train, test, synthetic))

    def widened(part: Traces) -> Traces:
        series = np.asarray(part.series, dtype=np.float64)
        missing = length - series.shape[-1]
        return Traces(np.pad(series, ((0, 0), (0, 0), (0, missing)), constant_values=np.nan), part.labels)

    return Comparison(widened(train), widened(test), widened(synthetic), tuple(channels))
