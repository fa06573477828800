"""What the scores of one name mean, declared once, next to the function that computes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from netdiffus.metrics.intervals import Interval
from netdiffus.metrics.score import Confusion, Goal, Score

Evidence = Literal[
    "contamination", "independence", "privacy", "identifiers", "volumes", "whole_volumes", "records", "load",
    "sessions", "shape", "headers", "rules", "mixing", "few_shot",
]  # fmt: skip
"""What the report's verdict concludes if a score is worse than real:

contamination: test traces are among the synthetic ones, so all other answers are withdrawn;
independence: the same, but if it is far *better* than real: the set is nearer to the test part than chance allows;
privacy, identifiers: do not publish the set;
rules: do not feed it to an IDS or a flow collector; whole_volumes (of whole flows; without them volumes, of what was
    compared of each trace), records (of connections): not where they are far from real, else only with care; load,
    sessions, shape, headers: only with care;
mixing: do not add it to real training traffic; few_shot: only with care.
"""

WORD = re.compile(r"[A-Z]+")


@dataclass(frozen=True)
class ScoreType:
    """Name, goal, range and meaning of a score.

    Attributes:
        name: of the score; a part in capitals stands for any word, as CHANNEL in "marginal.CHANNEL.jsd".
        goal: "min": small is good; "max": large is good.
        meaning: what the value is; the README and the report show it.
        range: the least and the largest value.
        useless: what a useless generator gets, where that is the same for all data.
        useless_is: what such a generator is, in words.
        unit: of the value.
        evidence: what the verdict concludes from it.
        attack: what attack it is, for scores of privacy.
        compared: whether the report's table of simple generators shows it.
        confusion: caption of its confusion matrix in the report; empty: there is none to show.
    """

    name: str
    goal: Goal
    meaning: str
    range: tuple[float, float] = (0.0, 1.0)
    useless: float | None = None
    useless_is: str = ""
    unit: str = ""
    evidence: tuple[Evidence, ...] = ()
    attack: str = ""
    compared: bool = False
    confusion: str = ""

    def of(self, word: str, unit: str | None = None) -> ScoreType:
        """The type with `word` in place of the part in capitals, and with its unit."""
        name = WORD.sub(lambda _: word, self.name)
        return replace(self, name=name, unit=self.unit if unit is None else unit)

    @property
    def is_pattern(self) -> bool:
        """Whether a part of the name stands for any word."""
        return WORD.search(self.name) is not None

    def matches(self, name: str) -> bool:
        """Whether a score of that name is of this type."""
        pattern = WORD.sub(".+", re.escape(self.name))
        return re.fullmatch(pattern, name) is not None

    def score(
        self,
        value: float | None,
        real: Interval | float | None = None,
        useless: float | None = None,
        *,
        label: str | None = None,
        note: str = "",
        confusion: Confusion | None = None,
    ) -> Score:
        """A score of this type.

        Args:
            value: None where it cannot be computed; `note` then says why.
            real: what real traffic gets, with its interval or as a bare number.
            useless: what a useless generator gets; default: as declared.
        """
        middle = real.middle if isinstance(real, Interval) else real
        low, high = (real.low, real.high) if isinstance(real, Interval) else (None, None)
        far = self.useless if useless is None else useless
        floor, ceiling = (middle, far) if self.goal == "min" else (far, middle)
        return Score(self.name, value, floor, ceiling, self.goal, self.unit, label, note, confusion, low=low, high=high)
