"""95 % prediction intervals: where one more draw is expected, from draws, from theory, or from a share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

ENOUGH = 4  # draws whose spread counts in addition to a known deviation
CLIP = 1e-3  # least distance of a share from 0 and 1
NORMAL = 1.96  # 97.5 % of a normal distribution lie below


@dataclass(frozen=True)
class Interval:
    """The mean of some draws, and the 95 % interval of one more."""

    middle: float
    low: float
    high: float


def interval(
    draws: Sequence[float], sd: float = 0.0, lowest: float = -np.inf, highest: float = np.inf, least: float = 0.0
) -> Interval:
    """The 95 % prediction interval from some draws (at least one), by Student's t.

    Args:
        sd: a standard deviation known from theory, the least there can be. The quantile is then normal, and the spread
            of fewer than four draws is ignored.
        lowest, highest: the range of values.
        least: the least half-width: draws that happen to be equal do not make the next one certain.
    """
    middle = float(np.mean(draws))
    spread = float(np.std(draws, ddof=1)) if len(draws) >= (ENOUGH if sd > 0 else 2) else 0.0
    from scipy.stats import t as student

    quantile = NORMAL if sd > 0 or len(draws) < 2 else float(student.ppf(0.975, len(draws) - 1))
    half = max(quantile * max(spread, sd) * sqrt(1 + 1 / len(draws)), least)
    return Interval(middle, max(lowest, middle - half), min(highest, middle + half))


def logit_interval(draws: Sequence[float]) -> Interval:
    """The same of shares in [0, 1] on the scale log(p / (1 - p)), which is symmetric near 0 and 1 as well."""
    p = np.clip(draws, CLIP, 1 - CLIP)
    on_scale = interval(np.log(p / (1 - p)).tolist())
    low, high = (1 / (1 + np.exp(-end)) for end in (on_scale.low, on_scale.high))
    return Interval(float(np.mean(draws)), float(low), float(high))


def share_interval(share: float, count: int, other: int) -> Interval:
    """The 95 % interval of a share among `other` traces where it is `share` among `count` (Agresti and Coull 1998)."""
    p = (share * count + 2) / (count + 4)
    half = NORMAL * sqrt(p * (1 - p) * (1 / count + 1 / other))
    return Interval(share, max(0.0, min(share, p - half)), min(1.0, p + half))
