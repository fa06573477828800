"""The available scales by name, and how they are read back from a model folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol

from numpy.typing import ArrayLike
from pydantic import Discriminator, Tag

from netdiffus.arrays import Floats
from netdiffus.errors import InputError
from netdiffus.imaging.counting import HERE, Counting
from netdiffus.imaging.range_scale import LogScale, RangeManifest, RangeScale
from netdiffus.imaging.scale import EmpiricalManifest, EmpiricalScale


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


def fit_scale(name: str, values: ArrayLike, counting: Counting = HERE) -> Scale:
    """The scale of that name for training values, which `counting` counts where they are counted.

    Raises:
        InputError: there is no such scale, or all values are absent.
    """
    if name not in SCALES:
        raise InputError(f"a scale among {', '.join(SCALES)}", repr(name), "name one of those with --scale")
    return EmpiricalScale.fit(values, counting) if name == "empirical" else SCALES[name](values)


def _kind(data: object) -> str:
    return "range" if isinstance(data, RangeManifest) or (isinstance(data, Mapping) and "kind" in data) else "empirical"


ScaleManifest = Annotated[
    Annotated[EmpiricalManifest, Tag("empirical")] | Annotated[RangeManifest, Tag("range")], Discriminator(_kind)
]
"""A scale in a manifest; an empirical one names no kind."""


def scale_of(found: EmpiricalManifest | RangeManifest) -> Scale:
    """The inverse of a scale's `to_json`, exact, from a validated manifest."""
    if isinstance(found, EmpiricalManifest):
        return EmpiricalScale.of_manifest(found)
    kind = LogScale if found.kind == LogScale.KIND else RangeScale
    return kind(found.low, found.high, found.absent)
