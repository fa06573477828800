"""The empirical scale: every observed value owns an interval of [0, 1] as wide as its probability.

Traffic has atoms: a few values (0, 1448, 517 ...) make up most packets. Drawing uniformly inside an atom's interval
makes the marginal uniform; decoding returns an observed value; noise smaller than the interval does no harm.
*Absent* (NaN, past the end of a trace) is an atom like any other, the topmost, so the length of a trace is learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.arrays import Floats, Ints
from netdiffus.errors import InputError
from netdiffus.imaging.counting import HERE, Counting, added
from netdiffus.manifest import Manifest
from netdiffus.wire.kernels.compiled import compiled


def round_significant(values: Floats, digits: int) -> Floats:
    """Values rounded to `digits` significant decimal digits; NaN and 0 are unchanged."""
    magnitude = np.floor(np.log10(np.maximum(np.abs(values), 1.0)))
    step = 10.0 ** np.maximum(magnitude - (digits - 1), 0.0)
    return np.asarray(np.round(values / step) * step)


def present_values(values: ArrayLike) -> tuple[Floats, int]:
    """The values that are not absent (NaN), flat, and the number of all values including absent ones.

    Raises:
        InputError: all are absent.
    """
    flat = np.asarray(values, dtype=np.float64).ravel()
    present = flat[~np.isnan(flat)]
    if not len(present):
        raise InputError("at least one value to fit a scale on", "none", "prepare the dataset from non-empty traces")
    return present, len(flat)


def join_rare(counts: Ints, most: int) -> Ints:
    """Groups (V,) of ascending values: neighbours are joined until each group reaches the smallest threshold possible.

    A value that reaches it by itself is never joined; the last one stays alone. There are at most `most` groups.
    """
    if len(counts) <= most:
        return np.arange(len(counts))
    few, enough = 1, int(counts.sum())
    while enough - few > 1:
        middle = (few + enough) // 2
        if _joined(counts, middle)[-1] < most:
            enough = middle
        else:
            few = middle
    return _joined(counts, enough)


@compiled
def _joined(counts: Ints, enough: int) -> Ints:
    groups = np.empty(len(counts), dtype=np.int64)
    current, held = 0, 0
    for k in range(len(counts)):
        if held and (counts[k] >= enough or k == len(counts) - 1):
            current, held = current + 1, 0
        groups[k] = current
        held += counts[k]
        if held >= enough:
            current, held = current + 1, 0
    return groups


Magnitude = Annotated[float, Field(gt=-limits.INTEGER, lt=limits.INTEGER)]
"""A value that fits into a signed 64-bit integer."""


class EmpiricalManifest(Manifest):
    """An empirical scale in a manifest; absence is null."""

    values: list[Magnitude | None] = Field(min_length=1, max_length=limits.VALUES + 1)
    edges: list[float] = Field(min_length=2, max_length=limits.VALUES + 2)
    digits: int | None = Field(ge=1, le=17)

    @model_validator(mode="after")
    def _ascend(self) -> EmpiricalManifest:
        known = [value for value in self.values if value is not None]
        if None in self.values[:-1] or not known or (np.diff(known) <= 0).any():
            raise ValueError("with one value or more, ascending, and absence (null) nowhere but last")
        if len(self.edges) != len(self.values) + 1:
            raise ValueError(f"with {len(self.values) + 1} edges for {len(self.values)} values")
        if self.edges[0] != 0 or self.edges[-1] != 1 or (np.diff(self.edges) < 0).any():
            raise ValueError("with edges that ascend from 0 to 1")
        return self


@dataclass(frozen=True)
class EmpiricalScale:
    """A channel's values, ascending, and the edges of their intervals in [0, 1].

    Attributes:
        values: (K,) the known values; the last is NaN if absence occurred.
        edges: (K + 1,) ascending from 0 to 1; value k owns [edges[k], edges[k + 1]).
        digits: values are rounded to this number of significant digits before they are looked up; None: not rounded.
    """

    values: Floats
    edges: Floats
    digits: int | None

    MOST_VALUES = 4096  # more distinct values are rounded until they fit
    LARGEST_ABSENT = 0.3  # absence is narrowed to this, so that short traces leave room for the values
    NAMES_POWER = 0.5  # intervals of names are as wide as this power of their counts

    @classmethod
    def fit(cls, values: ArrayLike, counting: Counting = HERE) -> EmpiricalScale:
        """The scale of an array of any shape, NaN = absent.

        Raises:
            InputError: all values are absent.
        """
        present, n = present_values(values)
        digits: int | None = None
        exact, of_exact = known, counts = counting.distinct(present)
        for digits_tried in (4, 3, 2):
            if len(known) <= cls.MOST_VALUES:
                break
            digits = digits_tried
            known, counts = added(round_significant(exact, digits), of_exact)
        return cls._of(known, counts, n, digits)

    @classmethod
    def of_atoms(cls, values: ArrayLike, counting: Counting = HERE) -> EmpiricalScale:
        """The same without rounding: if there are too many values, rare neighbours are merged into their median.

        Frequent values stay exact; isolated values may be merged with a distant neighbour.

        Raises:
            InputError: all values are absent.
        """
        return cls._of(*cls._atoms(values, counting), None)

    @classmethod
    def of_names(cls, values: ArrayLike, counting: Counting = HERE) -> EmpiricalScale:
        """The same for categorical values, whose neighbours are no better guesses than others.

        Intervals are proportional to the square root of the counts: rare categories (such as the packet that closes a
        connection) then separate at noise levels where neighbouring positions are still informative.

        Raises:
            InputError: all values are absent.
        """
        known, counts, n = cls._atoms(values, counting)
        width = counts**cls.NAMES_POWER
        return cls._of(known, width * (counts.sum() / width.sum()), n, None)

    @classmethod
    def of_counts(cls, values: Floats, counts: Floats, absent: float) -> EmpiricalScale:
        """The scale of ascending values (V,) with counts (V,), all positive, and a count of absence."""
        return cls._of(values, counts, counts.sum() + absent, None)

    @classmethod
    def _atoms(cls, values: ArrayLike, counting: Counting) -> tuple[Floats, NDArray[Any], int]:
        """Known values, their counts, and the number of all values including absent ones."""
        present, n = present_values(values)
        known, counts = counting.distinct(present)
        if len(known) > cls.MOST_VALUES:
            groups, passed = join_rare(counts, cls.MOST_VALUES), np.cumsum(counts)
            first = np.searchsorted(groups, np.arange(groups[-1] + 2))
            known = known[np.searchsorted(passed, (passed[first[:-1]] + passed[first[1:] - 1]) / 2)]
            counts = np.bincount(groups, counts)
        return known, counts, n

    @classmethod
    def _of(cls, known: Floats, counts: NDArray[Any], n: float, digits: int | None) -> EmpiricalScale:
        """The scale of known values and their counts, out of n including absent ones."""
        share = counts / counts.sum()
        absent = min(1.0 - counts.sum() / n, cls.LARGEST_ABSENT)
        if absent > 0:
            known, share = np.append(known, np.nan), np.append(share * (1 - absent), absent)
        edges = np.concatenate([[0.0], np.cumsum(share)])
        edges[-1] = 1.0
        return cls(known, edges, digits)

    def index(self, values: ArrayLike) -> NDArray[np.int64]:
        """The index of each value; unknown values get the nearest one, absence without an atom the largest."""
        flat = np.asarray(values, dtype=np.float64)
        known = self.values[:-1] if self._knows_absence else self.values
        rounded = flat if self.digits is None else round_significant(flat, self.digits)
        right = np.clip(np.searchsorted(known, rounded), 0, len(known) - 1)
        left = np.maximum(right - 1, 0)
        nearest = np.where(np.abs(rounded - known[left]) < np.abs(known[right] - rounded), left, right)
        return np.where(np.isnan(flat), len(self.values) - 1, nearest).astype(np.int64)

    def interval(self, values: ArrayLike) -> tuple[Floats, Floats]:
        """The lower and upper end in [0, 1] of each value's interval, in the given shape."""
        k = self.index(values)
        return self.edges[k], self.edges[k + 1]

    def decode(self, u: ArrayLike) -> Floats:
        """The values (NaN = absent) whose intervals contain u; u is clipped to [0, 1]."""
        k = np.searchsorted(self.edges, np.asarray(u, dtype=np.float64), side="right") - 1
        return self.values[np.clip(k, 0, len(self.values) - 1)]

    @property
    def largest(self) -> float:
        """The largest known value."""
        return float(np.nanmax(self.values))

    @property
    def _knows_absence(self) -> bool:
        return bool(np.isnan(self.values[-1]))

    def to_json(self) -> dict[str, Any]:
        """Plain lists; absence is null."""
        return {
            "values": [None if np.isnan(v) else float(v) for v in self.values],
            "edges": self.edges.tolist(),
            "digits": self.digits,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EmpiricalScale:
        """The inverse of `to_json`, exact.

        Raises:
            InputError: the data is not such a scale.
        """
        return cls.of_manifest(EmpiricalManifest.of(data, "scale"))

    @classmethod
    def of_manifest(cls, found: EmpiricalManifest) -> EmpiricalScale:
        """The same, from a validated manifest."""
        values = np.array([np.nan if value is None else value for value in found.values], dtype=np.float64)
        return cls(values, np.asarray(found.edges, dtype=np.float64), found.digits)
