"""Range scales: a channel's values spread over [0, 1] from their smallest to their largest, evenly or by logarithm.

Even ("min-max") is the published scale, with one range for all traces: NetDiffus scales each trace by itself and loses
the absolute size, NetDiffus 2.0 takes (signed + 1460) / 2920. The logarithm keeps small gaps apart over many decades.
Both know every value of their range, seen or not, and have no atoms.

Values come back as the nearest integer. Without noise that is exact in double precision; through a value u that is off
by e, an even scale is off by e (high - low), a logarithmic one by e ln(1 + high) (1 + value).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import model_validator

from netdiffus.arrays import Floats
from netdiffus.imaging.scale import Magnitude, present_values
from netdiffus.manifest import Manifest


class RangeManifest(Manifest):
    """What a manifest holds of a range scale."""

    kind: Literal["minmax", "log"]
    low: Magnitude
    high: Magnitude
    absent: bool

    @model_validator(mode="after")
    def _ascend(self) -> RangeManifest:
        if self.low > self.high:
            raise ValueError("with a low end not above the high one")
        return self


@dataclass(frozen=True)
class RangeScale:
    """value → u in [0, 1], in proportion between `low` and `high`.

    Attributes:
        low, high: the smallest and the largest value that is known; others go to the nearer end.
        absent: whether *absent* (NaN) was seen. Then values take [0, PRESENT], absence is 1, and what is decoded from
            nearer to 1 is absent. Without, values take all of [0, 1], and absence is the largest value.
    """

    low: float
    high: float
    absent: bool

    KIND = "minmax"
    PRESENT = 0.8

    @classmethod
    def fit(cls, values: ArrayLike) -> Self:
        """The scale of an array of any shape, NaN = absent.

        Raises:
            InputError: nothing but absence was given.
        """
        present, n = present_values(values)
        return cls(float(present.min()), float(present.max()), len(present) < n)

    @property
    def largest(self) -> float:
        """The largest known value."""
        return self.high

    @property
    def _top(self) -> float:
        return self.PRESENT if self.absent else 1.0

    def interval(self, values: ArrayLike) -> tuple[Floats, Floats]:
        """u of each value, twice: an interval without width."""
        values = np.asarray(values, dtype=np.float64)
        low, high = self.bend(np.array(self.low)), self.bend(np.array(self.high))
        share = (self.bend(np.clip(values, self.low, self.high)) - low) / max(float(high - low), 1e-300)
        u = np.where(np.isnan(values), 1.0, share * self._top)
        return u, u

    def decode(self, u: ArrayLike) -> Floats:
        """The integers (NaN = absent) at u; u outside [0, 1] is taken to the end."""
        u = np.asarray(u, dtype=np.float64)
        low, high = self.bend(np.array(self.low)), self.bend(np.array(self.high))
        values = self.unbend(low + np.clip(u / self._top, 0.0, 1.0) * (high - low))
        whole = np.clip(np.round(values), self.low, self.high)
        return np.where(u > (1 + self._top) / 2, np.nan, whole) if self.absent else whole

    def bend(self, values: Floats) -> Floats:
        """What is spread evenly: the value itself."""
        return values

    def unbend(self, bent: Floats) -> Floats:
        """The way back from `bend`."""
        return bent

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"kind": self.KIND, "low": self.low, "high": self.high, "absent": self.absent}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The way back from `to_json`, exact.

        Raises:
            InputError: it is no such scale.
        """
        found = RangeManifest.of(data, "scale")
        return cls(found.low, found.high, found.absent)


class LogScale(RangeScale):
    """The same for sign(value) ln(1 + |value|)."""

    KIND = "log"

    def bend(self, values: Floats) -> Floats:
        """What is spread evenly: the signed logarithm."""
        return np.asarray(np.sign(values) * np.log1p(np.abs(values)))

    def unbend(self, bent: Floats) -> Floats:
        """The way back from `bend`."""
        return np.asarray(np.sign(bent) * np.expm1(np.abs(bent)))
