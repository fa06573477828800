"""Labelled traces as arrays, which every metric of traces is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Floats
from netdiffus.metrics import samples


@dataclass(frozen=True)
class Traces:
    """Labelled traces as arrays: series (N, C, n) with NaN past the end of a trace, labels (N,)."""

    series: Floats
    labels: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Traces:
        """The traces of these rows, given by index or by mask."""
        return Traces(self.series[rows], self.labels[rows])

    def of(self, label: str) -> Traces:
        """The traces of one label."""
        return self.take(self.labels == label)

    def lengths(self) -> Floats:
        """Packets or bins of each trace (N,), as many as fit the array."""
        counts: NDArray[np.intp] = np.count_nonzero(~np.isnan(self.series[:, 0]), axis=1)
        return counts.astype(np.float64)

    def sample(self, count: int, rng: np.random.Generator) -> Traces:
        """At most `count` traces, drawn without replacement."""
        return samples.sample(self, count, rng)

    def matching(self, other: samples.Labelled, rng: np.random.Generator) -> Traces:
        """As many traces of each label as `other` has, drawn without replacement; all of a label that has fewer."""
        return samples.matching(self, other, rng)

    def joined(self, other: Traces) -> Traces:
        """These traces, followed by the others."""
        return Traces(np.concatenate([self.series, other.series]), np.concatenate([self.labels, other.labels]))

    def counts(self, labels: Iterable[str] | None = None) -> dict[str, int]:
        """The number of traces of each of these labels; default: of the labels present, sorted."""
        return samples.counts(self, labels)

    def two_draws(self, counts: Mapping[str, int], rng: np.random.Generator) -> tuple[Traces, Traces]:
        """Two sets with `counts` traces of each label, as disjoint as possible.

        The first has each trace at most once, and all traces of a label that has too few; the second takes those that
        the first left and, where these are too few, any of the label again.
        """
        pairs = []
        for label, count in counts.items():
            own = rng.permutation(np.flatnonzero(self.labels == label))
            first, rest = own[:count], own[count : 2 * count]
            pairs.append((first, np.concatenate([rest, rng.choice(own, len(first) - len(rest))])))
        one, two = (np.sort(np.concatenate(rows)) for rows in zip(*pairs, strict=True))
        return self.take(one), self.take(two)
