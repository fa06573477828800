"""The codebook of a channel: the codes (classes) that the denoiser distinguishes, and the values behind each.

Traffic has atoms: a few hundred values make up most of a channel. Each frequent value has its own class; rare
neighbouring values share one, so that no class identifies a single training trace and the network stays small. A class
sampled for a label becomes one of its values in proportion to that label's training traces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.arrays import Floats, Ints
from netdiffus.imaging.counting import HERE, Counting
from netdiffus.imaging.scale import EmpiricalManifest, EmpiricalScale, join_rare
from netdiffus.imaging.scales import Scale
from netdiffus.manifest import Manifest

Class = Annotated[int, Field(ge=0, le=limits.VALUES)]
Seen = Annotated[int, Field(ge=0, lt=1 << 32)]


class AlphabetManifest(Manifest):
    """An alphabet in a manifest."""

    known: EmpiricalManifest
    classes: list[Class]
    counts: list[list[Seen]] = Field(min_length=1, max_length=limits.LABELS)

    @model_validator(mode="after")
    def _fit(self) -> AlphabetManifest:
        wanted = len(self.known.values)
        if len(self.classes) != wanted or self.classes[0] != 0 or not np.isin(np.diff(self.classes), (0, 1)).all():
            raise ValueError(f"with a class of each of {wanted} values, ascending from 0 without holes")
        if any(len(row) != wanted for row in self.counts):
            raise ValueError(f"with {wanted} counts of every label")
        if not np.bincount(self.classes, np.asarray(self.counts, dtype=np.int64).sum(axis=0)).all():
            raise ValueError("with classes that occur")
        return self


@dataclass(frozen=True)
class Alphabet:
    """Known values, their classes, and their counts per label.

    Attributes:
        known: the values, ascending; the last is NaN if absence occurred.
        classes: (V,) class of each known value, ascending from 0 without gaps.
        counts: (labels, V) occurrences in the training traces.
    """

    known: EmpiricalScale
    classes: Ints
    counts: Ints

    @classmethod
    def fit(cls, values: Floats, ids: Ints, most: int, counting: Counting = HERE) -> Alphabet:
        """The alphabet of training values (N, n), NaN = absent, with labels (N,) and at most `most` classes.

        Raises:
            InputError: all values are absent.
        """
        known = EmpiricalScale.of_atoms(values, counting)
        V = len(known.values)

        def count(rows: slice) -> Ints:
            index, labels = known.index(values[rows]), range(int(ids.max()) + 1)
            return np.stack([np.bincount(index[ids[rows] == k].ravel(), minlength=V) for k in labels])

        counts = counting.summed(count)
        return cls(known, join_rare(counts.sum(axis=0), most), counts)

    def __len__(self) -> int:
        return int(self.classes[-1]) + 1

    @property
    def ends_in_absence(self) -> bool:
        """Whether the last class is absence alone."""
        return bool(np.isnan(self.known.values[-1])) and int(np.sum(self.classes == self.classes[-1])) == 1

    def index(self, values: ArrayLike) -> Ints:
        """The class of each value; unknown values get the class of the nearest known one."""
        return np.asarray(self.classes[self.known.index(values)])

    def middles(self, scale: Scale) -> Floats:
        """u (K,) in [0, 1] of each class: the mean position of its values on a scale, weighted by their counts."""
        low, high = scale.interval(self.known.values)
        weights = self.counts.sum(axis=0)
        return np.asarray(np.bincount(self.classes, weights * (low + high) / 2) / np.bincount(self.classes, weights))

    def draw(self, classes: Ints, ids: Ints, rng: np.random.Generator, *, between: bool = False) -> Floats:
        """Values (B, n), NaN = absent, for sampled classes (B, n) of labels (B,).

        A class of several values yields one of them, in proportion to the label's counts (or those of all labels, if
        this one has none). With `between`, the value is drawn between it and a neighbour within the class and rounded
        to an integer: for measured quantities, such as times.
        """
        first = np.searchsorted(self.classes, np.arange(len(self) + 1))  # the first value of each class, and the end
        ends = np.concatenate([np.zeros((len(self.counts), 1)), self._weights(first[:-1]).cumsum(axis=1)], axis=1)
        place = np.empty(classes.shape, dtype=np.int64)
        shares = rng.random(classes.shape)
        for label in np.unique(ids).tolist():
            rows = ids == label
            low, high = (ends[label, first[classes[rows] + side]] for side in (0, 1))
            place[rows] = np.searchsorted(ends[label], low + shares[rows] * (high - low), side="right") - 1
        place = np.clip(place, first[classes], first[classes + 1] - 1)  # rounding may pass an end
        values: Floats = self.known.values[place]
        if not between:
            return values
        side = rng.choice([-1, 1], classes.shape)
        other = self.known.values[np.clip(place + side, first[classes], first[classes + 1] - 1)]
        return np.asarray(np.round(values + (other - values) * rng.random(classes.shape) / 2))

    def _weights(self, first: Ints) -> Floats:
        """(labels, V): the counts of each label; in classes where it has none, those of all labels."""
        holds = np.add.reduceat(self.counts, first, axis=1)[:, self.classes] > 0
        return np.where(holds, self.counts, self.counts.sum(axis=0)).astype(np.float64)

    def to_json(self) -> dict[str, Any]:
        """Plain lists."""
        return {"known": self.known.to_json(), "classes": self.classes.tolist(), "counts": self.counts.tolist()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Alphabet:
        """The inverse of `to_json`, exact.

        Raises:
            InputError: the data is not an alphabet.
        """
        return cls.of_manifest(AlphabetManifest.of(data, "alphabet"))

    @classmethod
    def of_manifest(cls, found: AlphabetManifest) -> Alphabet:
        """The same, from a validated manifest."""
        classes, counts = np.asarray(found.classes, dtype=np.int64), np.asarray(found.counts, dtype=np.int64)
        return cls(EmpiricalScale.of_manifest(found.known), classes, counts)
