"""Whole traffic of both sides, which every metric of flows of any length, of load and of sessions is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.metrics.distances import ks
from netdiffus.metrics.fields import Field, by_label, field_scores, joined
from netdiffus.metrics.null import resamples
from netdiffus.metrics.samples import Labels, Parts, Rows, sample
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.traffic.whole.flows import Whole

NEEDS = "needs captures, or datasets of captures with whole flows, on both sides"


@dataclass(frozen=True)
class WholeSets:
    """Whole traffic of the real and the synthetic side.

    Attributes:
        real: all real traffic, of both parts of a split, as the load and the sessions of a part alone are no traffic.
        test: real traffic that was given to test on; None: halves of `real` are compared with each other.
        synthetic: what it is compared with.
    """

    real: Whole
    test: Whole | None
    synthetic: Whole

    @property
    def wholes(self) -> list[Whole]:
        """Real, test if it was given, synthetic."""
        return [part for part in (self.real, self.test, self.synthetic) if part is not None]

    @property
    def tested(self) -> Whole:
        """The real traffic that pictures show."""
        return self.real if self.test is None else self.test

    def rows(self, labels: Sequence[Labels], rng: np.random.Generator, most: int) -> Parts[Rows]:
        """Elements of `wholes` (flows, sessions, windows), counted through, as parts of at most `most` elements.

        Without real traffic to test on, the real elements are halved at random, label by label; the second half stands
        for the test part, so what is compared is as large as its reference.

        Args:
            labels: of the elements of each of `wholes`.
        """
        ends = np.cumsum([len(part) for part in labels])
        parts = [Rows(part, np.arange(end - len(part), end)) for part, end in zip(labels, ends, strict=True)]
        if self.test is None:
            second = second_half(labels[0], rng)
            parts = [parts[0].take(~second), parts[0].take(second), parts[1]]
        return Parts(*(sample(part, most, rng) for part in parts))


def second_half(labels: Labels, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Half of the elements of each label, drawn at random, as a mask; of an odd number the larger half."""
    chosen = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        chosen[own[len(own) // 2 :]] = True
    return chosen


def one_each(values: NDArray[np.generic]) -> Field:
    """A field of which every element has one value (N,)."""
    count = len(values)
    return Field(np.asarray(values, np.float64), np.arange(count), np.ones(count, np.int64))


def some_each(owner: NDArray[np.int64], values: NDArray[np.generic], count: int) -> Field:
    """A field of `count` elements, of which each has the values (M,) that `owner` (M,), ascending, gives it."""
    counts = np.bincount(owner, minlength=count).astype(np.int64)
    return Field(np.asarray(values, np.float64), np.cumsum(counts) - counts, counts)


def compared(kinds: dict[ScoreType, list[Field]], rows: Parts[Rows], rng: np.random.Generator) -> Iterator[Score]:
    """Kolmogorov-Smirnov distances of fields, each label's and their mean, with those between real elements.

    Args:
        kinds: for each score the field of each of `wholes`.
        rows: the elements that are compared.
    """
    labels = [str(label) for label in np.intersect1d(rows.test.labels, rows.synthetic.labels)]
    draws = list(resamples(rows, rng)) if labels else []
    for kind, fields in kinds.items():
        field = joined(fields)
        value = by_label(field, ks, rows.test, rows.synthetic, labels)
        real = [by_label(field, ks, first, second, labels) for first, second in draws]
        yield from field_scores(kind, value, real, rows)


def too_few(rows: Parts[Rows], fewest: int, what: str) -> str:
    """Why these elements cannot be compared; empty if they can: each half and the synthetic side need `fewest`."""
    real, synthetic = min(len(rows.train), len(rows.test)), len(rows.synthetic)
    if min(real, synthetic) >= fewest:
        return ""
    got = f"{len(rows.train) + len(rows.test):,} and {synthetic:,}"
    return f"needs {2 * fewest} {what} of real and {fewest} of synthetic traffic; got {got}"
