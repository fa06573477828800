"""One score with its reference and worst-case values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import inf
from typing import Any, Literal

FLAGGED = 2.5
"""Half-widths of the 95 % interval. Real traces pass it in any of 400 scores with a probability of 1 % (Bonferroni's
correction): one in 40,000 for each, which is 2.49 half-widths of Student's t with 19 degrees of freedom."""
ROUNDING = 1e-9
Goal = Literal["min", "max"]
KEYS = ("name", "value", "floor", "ceiling", "low", "high", "goal", "unit", "label", "note")


@dataclass(frozen=True)
class Confusion:
    """Confusion matrix: counts[i][j] test traces of labels[i] were classified as labels[j]."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Score:
    """A named value with the two values to read it by; it becomes one entry of scores.json.

    Where small is good (goal "min") `floor` is the same measure taken between real and real, which is what a perfect
    generator would get, and `ceiling` what a useless one would. Where large is good (goal "max") it is the other way
    round: `ceiling` belongs to real data, `floor` to guessing. Either is None if there is no such value. `low` and
    `high` are the 95 % interval of the values that real traces get in place of the synthetic ones. A score that could
    not be computed has the value None and says why in `note`.
    """

    name: str
    value: float | None
    floor: float | None
    ceiling: float | None
    goal: Goal
    unit: str = ""
    label: str | None = None
    note: str = ""
    confusion: Confusion | None = None
    low: float | None = field(default=None, kw_only=True)
    high: float | None = field(default=None, kw_only=True)

    @property
    def reference(self) -> float | None:
        """What a perfect generator would get."""
        return self.floor if self.goal == "min" else self.ceiling

    @property
    def normalised(self) -> float | None:
        """The value on a scale from the perfect (0) to the useless (1) generator; None if one of these is unknown."""
        if self.value is None or self.floor is None or self.ceiling is None or self.ceiling <= self.floor:
            return None
        position = (self.value - self.floor) / (self.ceiling - self.floor)
        return max(0.0, position if self.goal == "min" else 1 - position)

    @property
    def excess(self) -> float | None:
        """How much worse than real, in half-widths of the interval: 0 not worse, 1 at its end; None if unknown."""
        end = self.high if self.goal == "min" else self.low
        if self.value is None or self.reference is None or end is None:
            return None
        worse, width = abs(self.value - self.reference), abs(end - self.reference)
        if (self.value <= self.reference) == (self.goal == "min") or worse < ROUNDING:
            return 0.0
        return worse / width if width else inf

    @property
    def too_good(self) -> bool:
        """Whether it is better than real by more than chance explains: then the generator knew the test data."""
        end = self.low if self.goal == "min" else self.high
        if self.value is None or self.reference is None or end is None:
            return False
        better = self.reference - self.value if self.goal == "min" else self.value - self.reference
        return better > max(FLAGGED * abs(end - self.reference), ROUNDING)

    @property
    def flagged(self) -> bool:
        """Whether it is worse than real by more than chance explains, even among some hundred scores."""
        return bool(self.excess is not None and self.excess > FLAGGED)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `confusion` is there only when the score has one."""
        entry = asdict(self)
        plain = {key: entry[key] for key in KEYS}
        return plain if self.confusion is None else plain | {"confusion": entry["confusion"]}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Score:
        """The inverse of `to_dict`, also after a round trip through JSON."""
        fields = dict(entry)
        if found := fields.pop("confusion", None):
            counts = tuple(tuple(int(count) for count in row) for row in found["counts"])
            fields["confusion"] = Confusion(tuple(found["labels"]), counts)
        return cls(**fields)


def find(scores: list[Score], name: str, label: str | None = None) -> Score | None:
    """The score of that name and label, if any."""
    return next((score for score in scores if score.name == name and score.label == label), None)
