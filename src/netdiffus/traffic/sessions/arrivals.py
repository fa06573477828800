"""When flows begin: the gaps between the starts of real flows, drawn again."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from netdiffus.errors import InputError

NANOSECONDS = 1_000_000_000


def arrival_gaps(captures: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Gaps between the starts of consecutive flows, over all captures; sorted, ns.

    Args:
        captures: for each capture the starts of its flows, ns.
    """
    gaps = [np.diff(np.sort(starts)) for starts in captures]
    return np.sort(np.concatenate(gaps)) if gaps else np.zeros(0, np.int64)


def draw_starts(
    gaps: NDArray[np.int64],
    n: int,
    rng: np.random.Generator,
    *,
    begin_ns: int,
    rate: float | None = None,
    duration_s: float | None = None,
) -> NDArray[np.int64]:
    """Starts of n flows, ns, in order; the first one at begin_ns.

    Args:
        gaps: what arrival_gaps returned; without any, and where all are 0, flows come one a second.
        rate: flows a second, on average over the gaps that were learned: they keep their shape.
        duration_s: seconds from the first start to the last one; instead of the rate.

    Raises:
        InputError: rate or duration is not above 0, or both are given.
    """
    if rate is not None and duration_s is not None:
        raise InputError("--rate or --duration", "both", "leave one of them out")
    asked = rate if rate is not None else duration_s
    if asked is not None and not 0 < asked < 1e9:
        raise InputError("a rate or duration above 0 and below 1,000,000,000", f"{asked}", "choose another")
    drawn = rng.choice(gaps, max(n - 1, 0)).astype(np.float64) if len(gaps) else np.zeros(max(n - 1, 0))
    if not drawn.any():
        drawn[:] = NANOSECONDS
    if rate is not None:
        mean = gaps.mean() if len(gaps) and gaps.any() else NANOSECONDS
        drawn *= NANOSECONDS / rate / mean
    elif duration_s is not None:
        drawn *= duration_s * NANOSECONDS / max(drawn.sum(), 1.0)
    return begin_ns + np.concatenate([[0], np.cumsum(drawn)]).astype(np.int64)[:n]
