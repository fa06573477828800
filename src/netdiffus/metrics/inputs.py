"""The inputs of an evaluation: traces always; images, packets, identifiers and losses if available.

Each input is a class. A metric names the one it needs (`Metric.given`) and runs only if it is available.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from netdiffus.arrays import Floats
from netdiffus.metrics.comparison import Comparison

T = TypeVar("T")
Imager = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Imaged:
    """Traces, and how they become images.

    Attributes:
        imager: series (N, C, n) → images (N, C', n', n') in [-1, 1], fitted on the training part only.
    """

    sets: Comparison
    imager: Imager


@dataclass(frozen=True)
class Identifiers:
    """Distinct texts that came with the traces of each part, such as addresses and host names."""

    train: frozenset[str]
    test: frozenset[str]
    synthetic: frozenset[str]


@dataclass(frozen=True)
class Promise:
    """The guarantee of differential privacy that a model states, and one sentence of it; `unit`: flow or group."""

    epsilon: float
    delta: float
    unit: str
    sentence: str


@dataclass(frozen=True)
class Losses:
    """Losses of the model that generated the synthetic traces: on training traces (N,) and on test traces (M,).

    `promise`: what it guarantees; None: nothing.
    """

    train: Floats
    test: Floats
    promise: Promise | None = None


@dataclass(frozen=True)
class Missing:
    """Why there is no input of a class, in words that a score without a value shows."""

    kind: type
    why: str


class Inputs:
    """At most one input of each class; a Missing says why there is none."""

    def __init__(self, *given: Any) -> None:
        self._given = {type(one): one for one in given if not isinstance(one, Missing)}
        self._missing = {one.kind: one for one in given if isinstance(one, Missing)}

    def why(self, kind: type) -> str:
        """Why there is no input of a class; empty if that is not known."""
        return self._missing[kind].why if kind in self._missing else ""

    def get(self, kind: type[T]) -> T | None:
        """The input of a class, if there is one."""
        return self._given.get(kind)

    def joined(self, *given: Any) -> Inputs:
        """These inputs and others; an input replaces one of the same class."""
        return Inputs(*self._given.values(), *self._missing.values(), *given)
