"""The null distribution of a score, real against real: resampled pairs of real sets.

Every pair is as large, label by label, as the test part and the synthetic set. The first half of the pairs keeps the
split and draws from the training part, so a difference between the two parts counts; the second half splits all real
traces anew, so the chance in the test part counts too.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import Generic

import numpy as np

from netdiffus.metrics.intervals import Interval, interval, logit_interval
from netdiffus.metrics.samples import Index, S, ThreeParts, counts, matching, sample
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType

DRAWS = 20
NO_SHARED_LABEL = "real and synthetic traces share no label"

Measure = Callable[[S, S], dict[str, float]]
Measured = tuple[float, Interval | None]


@dataclass(frozen=True)
class Resamples(Generic[S]):
    """Pairs of rows of `pool`, all real elements: one stands for the test part, one for the synthetic set."""

    pool: S
    rows: list[tuple[Index, Index]]

    def __iter__(self) -> Iterator[tuple[S, S]]:
        return ((self.pool.take(first), self.pool.take(second)) for first, second in self.rows)


def resamples(parts: ThreeParts[S], rng: np.random.Generator, count: int = DRAWS) -> Resamples[S]:
    """`count` pairs; a label with too few real elements gives all it has."""
    pool = parts.train.joined(parts.test)
    members = {str(label): np.flatnonzero(pool.labels == label) for label in np.unique(pool.labels)}
    wanted, tested = (counts(part, members) for part in (parts.synthetic, parts.test))
    border = len(parts.train.labels)
    pairs = []
    for draw in range(count):
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
    return Resamples(pool, [pair for pair in pairs if len(pair[0]) and len(pair[1])])


def values_of(parts: ThreeParts[S], rng: np.random.Generator, measure: Measure[S], most: int) -> dict[str, float]:
    """`measure(real, other)` of the test part and the synthetic set, both with as many elements of each label.

    At most `most` in all are compared. Empty where the two share no label.
    """
    return _matched(parts.test, parts.synthetic, measure, most, rng)


def measured(
    parts: ThreeParts[S],
    rng: np.random.Generator,
    measure: Measure[S],
    most: int,
    *,
    lowest: float = 0.0,
    shares: Container[str] = (),
) -> dict[str, Measured]:
    """`values_of`, each with the interval that real pairs give it.

    Args:
        lowest: the smallest value there can be.
        shares: the values that are shares in [0, 1].
    """
    value = values_of(parts, rng, measure, most)
    real = [_matched(first, second, measure, most, rng) for first, second in resamples(parts, rng)] if value else []
    found: dict[str, Measured] = {}
    for name, figure in value.items():
        draws = [draw[name] for draw in real if name in draw]
        span = logit_interval(draws) if name in shares and draws else None
        found[name] = (figure, span or (interval(draws, lowest=lowest) if draws else None))
    return found


def _matched(real: S, other: S, measure: Measure[S], most: int, rng: np.random.Generator) -> dict[str, float]:
    other = sample(matching(other, real, rng), most, rng)
    real = matching(real, other, rng)
    return measure(real, other) if len(real.labels) and len(other.labels) else {}


def score_of(
    kind: ScoreType,
    found: dict[str, Measured],
    useless: float | None = None,
    *,
    note: str = "",
    missing: str = NO_SHARED_LABEL,
) -> Score:
    """The score of what `measured` found under its name, or one without a value that says why in `missing`."""
    if kind.name not in found:
        return kind.score(None, note=missing)
    value, real = found[kind.name]
    return kind.score(value, real, useless, note=note)
