"""Range scales: a channel's values spread over [0, 1] from their smallest to their largest, evenly or by logarithm.

Even ("min-max") is the published scale, with one range for all traces: NetDiffus scales each trace separately and loses
the absolute size, NetDiffus 2.0 takes (signed + 1460) / 2920. The logarithm resolves small gaps over many decades.
Both cover every value of their range, observed or not, and have no atoms.

Values are decoded to the nearest integer. Without noise that is exact in double precision; an error e of u becomes an
error of e (high - low) on an even scale, of e ln(1 + high) (1 + value) on a logarithmic one.
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
    """A range scale in a manifest."""

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
    """value → u in [0, 1], linear between `low` and `high`.

    Attributes:
        low, high: the smallest and the largest known value; others are clipped.
        absent: whether *absent* (NaN) occurred. Then values take [0, PRESENT], absence is 1, and u closer to 1 than to
            PRESENT decodes to absence. Otherwise values take all of [0, 1], and absence is the largest value.
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
            InputError: all values are absent.
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
        """u of each value, twice: an interval of width 0."""
        values = np.asarray(values, dtype=np.float64)
        low, high = self.bend(np.array(self.low)), self.bend(np.array(self.high))
        share = (self.bend(np.clip(values, self.low, self.high)) - low) / max(float(high - low), 1e-300)
        u = np.where(np.isnan(values), 1.0, share * self._top)
        return u, u

    def decode(self, u: ArrayLike) -> Floats:
        """The integers (NaN = absent) at u; u is clipped to [0, 1]."""
        u = np.asarray(u, dtype=np.float64)
        low, high = self.bend(np.array(self.low)), self.bend(np.array(self.high))
        values = self.unbend(low + np.clip(u / self._top, 0.0, 1.0) * (high - low))
        whole = np.clip(np.round(values), self.low, self.high)
        return np.where(u > (1 + self._top) / 2, np.nan, whole) if self.absent else whole

    def bend(self, values: Floats) -> Floats:
        """The quantity that is spread evenly: the value itself."""
        return values

    def unbend(self, bent: Floats) -> Floats:
        """The inverse of `bend`."""
        return bent

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"kind": self.KIND, "low": self.low, "high": self.high, "absent": self.absent}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`, exact.

        Raises:
            InputError: the data is not such a scale.
        """
        found = RangeManifest.of(data, "scale")
        return cls(found.low, found.high, found.absent)


class LogScale(RangeScale):
    """The same for sign(value) ln(1 + |value|)."""

    KIND = "log"

    def bend(self, values: Floats) -> Floats:
        """The quantity that is spread evenly: the signed logarithm."""
        return np.asarray(np.sign(values) * np.log1p(np.abs(values)))

    def unbend(self, bent: Floats) -> Floats:
        """The inverse of `bend`."""
        return np.asarray(np.sign(bent) * np.expm1(np.abs(bent)))
