"""The reference of a score: what real traces in the place of the synthetic ones would get, and its 95 % interval.

Every draw is a pair of real sets as large, label by label, as the test part and the synthetic set. The first half
keeps the split and draws from the training part, so a difference between the two parts counts; the second half splits
all real traces anew, so the chance in the test part counts too.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.score import Score

Rows = NDArray[np.intp]
ENOUGH = 4  # draws whose spread counts beside a known deviation
CLIP = 1e-3  # shares are taken to be this far from 0 and 1, at least
NORMAL = 1.96  # 97.5 % of a normal distribution lie below


@dataclass(frozen=True)
class Interval:
    """The mean of some draws, and the 95 % interval of one more."""

    middle: float
    low: float
    high: float


@dataclass(frozen=True)
class Redraws:
    """Pairs of rows of `pool`, all the real traces: one stands for the test part, one for the synthetic set."""

    pool: Traces
    rows: list[tuple[Rows, Rows]]

    def __iter__(self) -> Iterator[tuple[Traces, Traces]]:
        return ((self.pool.take(first), self.pool.take(second)) for first, second in self.rows)


def redraws(sets: Comparison, rng: np.random.Generator, count: int | None = None) -> Redraws:
    """`count` pairs (default: the draws of the comparison); a label with too few real traces gives what it has."""
    pool = sets.train.joined(sets.test)
    members = {str(label): np.flatnonzero(pool.labels == label) for label in np.unique(pool.labels)}
    wanted, tested = (part.counts(members) for part in (sets.synthetic, sets.test))
    border = len(sets.train)
    pairs = []
    for draw in range(sets.draws if count is None else count):
        first, second = [], []
        for label, rows in members.items():
            if draw % 2 == 0:
                kept, rest = rows[rows >= border], rng.permutation(rows[rows < border])
            else:
                shuffled = rng.permutation(rows)
                kept, rest = shuffled[: tested[label]], shuffled[tested[label] :]
            first.append(kept)
            second.append(rest[: wanted[label]])
        pairs.append((np.sort(np.concatenate(first)), np.sort(np.concatenate(second))))
    return Redraws(pool, [pair for pair in pairs if len(pair[0]) and len(pair[1])])


def interval(
    draws: Sequence[float], sd: float = 0.0, lowest: float = -np.inf, highest: float = np.inf, least: float = 0.0
) -> Interval:
    """The 95 % prediction interval from some draws (at least one), by Student's t.

    Where theory knows a standard deviation `sd`, it is the least, the quantile is normal, and the spread of fewer than
    four draws, which says little, is not looked at.
    `least` is the least half-width: draws that happen to be equal do not make the next one certain.
    """
    middle = float(np.mean(draws))
    spread = float(np.std(draws, ddof=1)) if len(draws) >= (ENOUGH if sd > 0 else 2) else 0.0
    quantile = NORMAL if sd > 0 or len(draws) < 2 else float(student.ppf(0.975, len(draws) - 1))
    half = max(quantile * max(spread, sd) * sqrt(1 + 1 / len(draws)), least)
    return Interval(middle, max(lowest, middle - half), min(highest, middle + half))


def logit_interval(draws: Sequence[float]) -> Interval:
    """The same of shares in [0, 1] on the scale log(p / (1 - p)), where those near an end do not lean to one side."""
    p = np.clip(draws, CLIP, 1 - CLIP)
    found = interval(np.log(p / (1 - p)).tolist())
    low, high = (1 / (1 + np.exp(-end)) for end in (found.low, found.high))
    return Interval(float(np.mean(draws)), float(low), float(high))


def share_interval(share: float, count: int, other: int) -> Interval:
    """The 95 % interval of a share among `other` traces where it is `share` among `count` (Agresti and Coull 1998)."""
    p = (share * count + 2) / (count + 4)
    half = NORMAL * sqrt(p * (1 - p) * (1 / count + 1 / other))
    return Interval(share, max(0.0, min(share, p - half)), min(1.0, p + half))


def ends(real: Interval | None) -> tuple[float | None, float | None]:
    """The two ends of an interval that may be missing."""
    return (None, None) if real is None else (real.low, real.high)


Measure = Callable[[Traces, Traces], dict[str, float]]


def measured(
    sets: Comparison,
    rng: np.random.Generator,
    measure: Measure,
    most: int,
    lowest: float = 0.0,
    shares: Container[str] = (),
) -> dict[str, tuple[float, Interval | None]]:
    """What `measure(real, other)` says of the test part and the synthetic set, and the interval of real pairs.

    `lowest` is the smallest value there can be, `shares` names the figures that are shares.
    Both sides have the same number of traces of each label, `most` in all, so a balanced set is not blamed. Empty
    where the two share no label.
    """
    value = _matched(sets.test, sets.synthetic, measure, most, rng)
    real = [_matched(first, second, measure, most, rng) for first, second in redraws(sets, rng)] if value else []
    found: dict[str, tuple[float, Interval | None]] = {}
    for name, figure in value.items():
        draws = [draw[name] for draw in real if name in draw]
        span = logit_interval(draws) if name in shares and draws else None
        found[name] = (figure, span or (interval(draws, lowest=lowest) if draws else None))
    return found


def _matched(real: Traces, other: Traces, measure: Measure, most: int, rng: np.random.Generator) -> dict[str, float]:
    other = other.matching(real, rng).sample(most, rng)
    real = real.matching(other, rng)
    return measure(real, other) if len(real) and len(other) else {}


def measured_score(
    name: str,
    found: tuple[float, Interval | None],
    goal: Literal["min", "max"],
    far: float | None,
    *,
    unit: str = "",
    note: str = "",
) -> Score:
    """A Score of what `measured` found; `far` is what a useless generator gets."""
    value, real = found
    middle = None if real is None else real.middle
    low, high = ends(real)
    floor, ceiling = (middle, far) if goal == "min" else (far, middle)
    return Score(name, value, floor, ceiling, goal, unit, note=note, low=low, high=high)
