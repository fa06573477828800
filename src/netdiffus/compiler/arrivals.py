"""When flows begin: gaps between the starts of real flows, learned within each recording and drawn again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.compiler.timing import LONGEST_NS
from netdiffus.errors import InputError

NANOSECONDS = 1_000_000_000
BREAK_NS = 12 * 3600 * NANOSECONDS
BREAK_RATIO = 10
LATEST_NS = (1 << 63) - 1 - 2 * LONGEST_NS
"""The last moment at which a flow may begin, so that the times of its packets fit 64 bits."""


@dataclass(frozen=True)
class Arrivals:
    """How flows follow each other.

    Attributes:
        gaps: between the starts of consecutive flows of one recording, ns, ascending.
        breaks: gaps left out because the recording was interrupted there, or its clock was set.
    """

    gaps: NDArray[np.int64]
    breaks: int


def arrival_gaps(sources: Iterable[NDArray[np.int64]]) -> Arrivals:
    """Gaps between the starts of consecutive flows of the same source; never between sources.

    A source may hold several recordings, one after the other (files that were merged, a clock that was set). Where its
    gaps, in ascending order, first exceed BREAK_NS (12 hours) and BREAK_RATIO (10) times the gap before, that gap and
    all longer ones are breaks between recordings. Sparse traffic, whose long gaps have others near them, keeps its own.

    Args:
        sources: for each source (a capture file) the starts of its flows, ns; any values of 64 bits.
    """
    kept, breaks = [np.zeros(0, np.int64)], 0
    for starts in sources:
        ordered = np.sort(starts).view(np.uint64)
        gaps = np.sort(ordered[1:] - ordered[:-1])  # modulo 2^64: a difference of two i64 may need 64 bits
        before = np.concatenate([np.zeros(1, np.uint64), gaps[:-1]])
        jump = (gaps > BREAK_NS) & (gaps // BREAK_RATIO > before)
        end = int(np.argmax(jump)) if jump.any() else len(gaps)
        breaks += len(gaps) - end
        kept.append(np.minimum(gaps[:end], LATEST_NS).astype(np.int64))
    return Arrivals(np.sort(np.concatenate(kept)), breaks)


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
        gaps: those of arrival_gaps; without any, and where all are 0, flows come one a second.
        rate: flows a second, on average; see `_fitted` for how they are spread.
        duration_s: seconds from the first start to the last one; instead of the rate.

    Raises:
        InputError: rate or duration is not above 0, both are given, or a flow would begin after LATEST_NS (2262).
    """
    if rate is not None and duration_s is not None:
        raise InputError("--rate or --duration", "both", "leave one of them out")
    asked = rate if rate is not None else duration_s
    if asked is not None and not 0 < asked < 1e9:
        raise InputError("a rate or duration above 0 and below 1,000,000,000", f"{asked}", "choose another")
    after = max(n - 1, 0)
    drawn = rng.choice(gaps, after) if len(gaps) else np.zeros(after, np.int64)
    if not drawn.any():
        drawn = np.full(after, NANOSECONDS)
    span = float(drawn.sum(dtype=np.float64))
    if asked is not None:
        span = NANOSECONDS * (duration_s if duration_s is not None else after / asked)
    if begin_ns + span > LATEST_NS:
        raise InputError(
            "flows that all begin before the year 2262", f"{n:,} flows within {span / NANOSECONDS:,.0f} seconds",
            "set --rate or --duration, or an earlier --start",
        )  # fmt: skip
    if asked is None:
        return begin_ns + np.concatenate([np.zeros(1, np.int64), np.cumsum(drawn)])[:n]
    offsets = np.concatenate([np.zeros(1), np.cumsum(drawn, dtype=np.float64)])[:n]
    return begin_ns + _fitted(offsets, span, rng).astype(np.int64)


def _fitted(offsets: NDArray[np.float64], span: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """The offsets of flows (n,), ns, ascending from 0, spread over `span` ns.

    More flows a second than in the recording are more clients, not faster ones: the timeline is cut into as many pieces
    of equal length as the flows must come faster, and the pieces run side by side, each from a phase of its own. So
    gaps inside a burst stay as they were learned, and many pieces are a Poisson process (the superposition theorem of
    Palm and Khintchine). A factor of at least 2/3 that is left stretches the whole to the span.
    """
    if len(offsets) < 2:
        return offsets
    pieces = max(1, round(float(offsets[-1]) / span))
    if pieces > 1:
        each = offsets[-1] / pieces
        piece = np.minimum(offsets // each, pieces - 1).astype(np.int64)
        _, place = np.unique(piece, return_inverse=True)
        offsets = np.sort((offsets - piece * each + each * rng.random(place.max() + 1)[place]) % each)
    offsets = offsets - offsets[0]
    return offsets * (span / offsets[-1]) if offsets[-1] > 0 else np.linspace(0.0, span, len(offsets))
