"""A metric's declaration: the question it answers, the input it needs, and the scores it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Literal, TypeVar

import numpy as np

from netdiffus.metrics.inputs import Inputs
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType

I = TypeVar("I")  # noqa: E741 - of the input
Topic = Literal["fidelity", "packets", "whole", "utility", "privacy"]


@dataclass(frozen=True)
class Metric(Generic[I]):
    """One metric; METRICS of this package holds all of them by name.

    Attributes:
        scores: the function; real parts come first in whatever it is given, every random draw from the generator.
        given: the class of the input that the function is given (metrics/inputs.py).
        question: of a user, in a sentence.
        topic: the section of the README and of the report.
        types: every kind of score that it gives.
        baselines: whether simple generators are measured by it too.
        values: (input, rng) → values by name, as of `scores` but without what real traffic would get, which costs
            most; None: those of `scores`.
        missing: the note of its scores without a value if the input is missing and no reason is known; empty: no scores
            then.
        stream: the word that seeds its draws; empty: its name in METRICS.
    """

    scores: Callable[[I, np.random.Generator], Iterator[Score]]
    given: type[I]
    question: str
    topic: Topic
    types: tuple[ScoreType, ...]
    baselines: bool = False
    values: Callable[[I, np.random.Generator], Mapping[str, float | None]] | None = None
    missing: str = ""
    stream: str = ""

    def compute(self, inputs: Inputs, rng: np.random.Generator) -> Iterator[Score]:
        """Its scores, one by one."""
        given = inputs.get(self.given)
        if given is not None:
            yield from self.scores(given, rng)
        elif why := inputs.why(self.given) or self.missing:
            for kind in self.types:
                if not kind.is_pattern:
                    yield kind.score(None, note=why)

    def compute_values(self, inputs: Inputs, rng: np.random.Generator) -> Mapping[str, float | None]:
        """The values of its scores over all labels, by name."""
        given = inputs.get(self.given)
        if given is None or self.values is None:
            return {score.name: score.value for score in self.compute(inputs, rng) if score.label is None}
        return self.values(given, rng)

    def type_of(self, name: str) -> ScoreType | None:
        """The type of a score by its name: the one with that name, or else one whose pattern matches."""
        if name not in self._types_of:
            exact = (kind for kind in self.types if kind.name == name)
            fitting = (kind for kind in self.types if kind.matches(name))
            self._types_of[name] = next(exact, None) or next(fitting, None)
        return self._types_of[name]

    @cached_property
    def _types_of(self) -> dict[str, ScoreType | None]:
        """What `type_of` has found; a report asks for every score many times."""
        return {}
