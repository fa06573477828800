"""Labelled samples and how they are drawn: sets of traces or of flows, and the training, test and synthetic part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.str_]
Index = NDArray[np.intp]


class Labelled(Protocol):
    """Anything with a label for each element, of which some can be taken."""

    @property
    def labels(self) -> Labels:
        """The label of each element (N,)."""
        ...

    def take(self, rows: Index | NDArray[np.bool_]) -> Self:
        """These elements, given by index or by mask."""
        ...

    def joined(self, other: Self) -> Self:
        """These elements, followed by the others."""
        ...


S = TypeVar("S", bound=Labelled)
S_co = TypeVar("S_co", bound=Labelled, covariant=True)


class ThreeParts(Protocol[S_co]):
    """The three parts of an evaluation."""

    @property
    def train(self) -> S_co:
        """Real training part."""
        ...

    @property
    def test(self) -> S_co:
        """Real test part."""
        ...

    @property
    def synthetic(self) -> S_co:
        """Synthetic part."""
        ...


@dataclass(frozen=True)
class Parts(Generic[S]):
    """The plainest ThreeParts."""

    train: S
    test: S
    synthetic: S


@dataclass(frozen=True)
class Rows:
    """Rows of a table by their numbers (N,), with their labels (N,)."""

    labels: Labels
    numbers: Index

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Index | NDArray[np.bool_]) -> Rows:
        """Some of them, by index or by mask."""
        return Rows(self.labels[rows], self.numbers[rows])

    def joined(self, other: Rows) -> Rows:
        """These rows, followed by the others."""
        labels, numbers = (self.labels, other.labels), (self.numbers, other.numbers)
        return Rows(np.concatenate(labels), np.concatenate(numbers))

    def of(self, label: str) -> Rows:
        """The rows of one label."""
        return self.take(self.labels == label)


def numbered(labels: Sequence[Labels]) -> Parts[Rows]:
    """The rows of a table that holds the training, the test and the synthetic part one after another."""
    ends = np.cumsum([len(part) for part in labels])
    numbers = np.split(np.arange(ends[-1]), ends[:-1])
    return Parts(*(Rows(*part) for part in zip(labels, numbers, strict=True)))


def sample(part: S, count: int, rng: np.random.Generator) -> S:
    """At most `count` elements, drawn without replacement."""
    n = len(part.labels)
    return part if n <= count else part.take(np.sort(rng.choice(n, count, replace=False)))


def matching(part: S, other: Labelled, rng: np.random.Generator) -> S:
    """As many elements of each label as `other` has, drawn without replacement; all of a label that has fewer."""
    rows = []
    for label, count in zip(*np.unique(other.labels, return_counts=True), strict=True):
        own = np.flatnonzero(part.labels == label)
        rows.append(own if len(own) <= count else rng.choice(own, count, replace=False))
    return part.take(np.sort(np.concatenate(rows)) if rows else np.zeros(0, dtype=np.intp))


def counts(part: Labelled, labels: Iterable[str] | None = None) -> dict[str, int]:
    """The number of elements of each of these labels; default: of the labels present, sorted."""
    wanted = map(str, np.unique(part.labels)) if labels is None else labels
    return {label: int(np.count_nonzero(part.labels == label)) for label in wanted}


def majority(part: Labelled) -> float:
    """Accuracy of always answering with the most frequent label."""
    return max(counts(part).values()) / len(part.labels)
