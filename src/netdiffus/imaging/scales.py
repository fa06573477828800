"""The scales that can be chosen, by name, and the way back from what a model folder holds of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netdiffus.errors import InputError
from netdiffus.imaging.range_scale import LogScale, RangeScale
from netdiffus.imaging.scale import EmpiricalScale

Floats = NDArray[np.float64]


class Scale(Protocol):
    """One channel's values ↔ u in [0, 1]; NaN is *absent*."""

    @property
    def largest(self) -> float: ...

    def interval(self, values: ArrayLike) -> tuple[Floats, Floats]: ...

    def decode(self, u: ArrayLike) -> Floats: ...

    def to_json(self) -> dict[str, Any]: ...


SCALES: dict[str, Callable[[ArrayLike], Scale]] = {
    "empirical": EmpiricalScale.fit,
    "minmax": RangeScale.fit,
    "log": LogScale.fit,
}


def fit_scale(name: str, values: ArrayLike) -> Scale:
    """The scale of that name for training values.

    Raises:
        InputError: there is no such scale, or nothing but absence was given.
    """
    if name not in SCALES:
        raise InputError(f"a scale among {', '.join(SCALES)}", repr(name), "name one of those with --scale")
    return SCALES[name](values)


def scale_from_json(data: Mapping[str, Any]) -> Scale:
    """The way back from a scale's `to_json`, exact; an empirical one names no kind."""
    kinds: dict[str, Callable[[Mapping[str, Any]], Scale]] = {
        RangeScale.KIND: RangeScale.from_json,
        LogScale.KIND: LogScale.from_json,
    }
    return kinds.get(data.get("kind", ""), EmpiricalScale.from_json)(data)
