"""One figure of an evaluation, between what is ideal and what is bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Confusion:
    """Which label was taken for which: counts[i][j] test traces of labels[i] were called labels[j]."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Score:
    """A named figure with the two values to read it by; it becomes one entry of scores.json.

    Where small is good (goal "min") `floor` is the same measure taken between real and real, which is what a perfect
    generator would get, and `ceiling` what a useless one would. Where large is good (goal "max") it is the other way
    round: `ceiling` belongs to real data, `floor` to guessing. Either is None where there is no such value. A score
    that could not be computed has the value None and says why in `note`.
    """

    name: str
    value: float | None
    floor: float | None
    ceiling: float | None
    goal: Literal["min", "max"]
    unit: str = ""
    label: str | None = None
    note: str = ""
    confusion: Confusion | None = None

    @property
    def reference(self) -> float | None:
        """What a perfect generator would get."""
        return self.floor if self.goal == "min" else self.ceiling

    @property
    def shortfall(self) -> float | None:
        """The way from the perfect (0) to the useless (1) generator; None where one end or the value is unknown."""
        if self.value is None or self.floor is None or self.ceiling is None or self.ceiling <= self.floor:
            return None
        position = (self.value - self.floor) / (self.ceiling - self.floor)
        return max(0.0, position if self.goal == "min" else 1 - position)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `confusion` is there only when the score has one."""
        entry = asdict(self)
        if self.confusion is None:
            del entry["confusion"]
        return entry

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Score:
        """The way back from `to_dict`, also after a journey through JSON."""
        fields = dict(entry)
        if found := fields.pop("confusion", None):
            counts = tuple(tuple(int(count) for count in row) for row in found["counts"])
            fields["confusion"] = Confusion(tuple(found["labels"]), counts)
        return cls(**fields)


def find(scores: list[Score], name: str, label: str | None = None) -> Score | None:
    """The score of that name and label, if it is there."""
    return next((score for score in scores if score.name == name and score.label == label), None)
