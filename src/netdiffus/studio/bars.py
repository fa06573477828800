"""Traces as pictures: bars up and down, packet after packet, and the gaps between them; coordinates for SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SMALL_WIDE, SMALL_HIGH = 240, 40
MOST_SMALL, MOST_LARGE = 120, 512
"""Packets of a trace that a picture shows."""
LARGE_WIDE, UP_HIGH, GAP_HIGH = 960, 110, 56
SMALLEST_GAP_S = 1e-6

Series = Mapping[str, Sequence[int]]
"""A trace: channel → values."""


@dataclass(frozen=True)
class SmallBars:
    """A trace as two paths, what the client sent upwards and what the server sent downwards."""

    up: str
    down: str
    words: str


@dataclass(frozen=True)
class Bar:
    """A packet, or a bin, of a large picture; `text` says its values."""

    x: float
    y: float
    width: float
    height: float
    down: bool
    gap_y: float
    gap_height: float
    text: str


@dataclass(frozen=True)
class LargeBars:
    """A trace with values to point at."""

    bars: list[Bar]
    left_out: int
    largest: str
    longest_gap: str
    words: str


def positions(trace: Series) -> list[list[tuple[int, bool]]]:
    """At each position, what was sent: bytes, and whether the server sent them."""
    if "up_bytes" in trace or "down_bytes" in trace:
        ways = [(trace[name], name == "down_bytes") for name in ("up_bytes", "down_bytes") if name in trace]
        return [
            [(column[k], down) for column, down in ways if column[k]] or [(0, False)] for k in range(len(ways[0][0]))
        ]
    sizes = trace.get("size") or [1] * len(trace.get("direction") or trace.get("gap_ns") or ())
    directions = trace.get("direction") or [0] * len(sizes)
    return [[(size, bool(way))] for size, way in zip(sizes, directions, strict=True)]


def small_bars(trace: Series, scale: int = 0) -> SmallBars:
    """A picture of SMALL_WIDE x SMALL_HIGH; the highest bar is `scale` bytes, or the trace's own largest."""
    values = positions(trace)[:MOST_SMALL]
    most = scale or max((size for sent in values for size, _ in sent), default=1) or 1
    middle, step = SMALL_HIGH / 2, SMALL_WIDE / max(len(values), 16)
    paths = {False: "", True: ""}
    for place, sent in enumerate(values):
        for size, down in sent:
            high = _height(size, most) * middle
            paths[down] += f"M{(place + 0.5) * step:.1f} {middle:g}v{high if down else -high:.1f}"
    return SmallBars(paths[False], paths[True], _words(trace))


def large_bars(trace: Series) -> LargeBars:
    """A picture of LARGE_WIDE x (2 UP_HIGH + GAP_HIGH)."""
    values = positions(trace)
    shown, gaps = values[:MOST_LARGE], list(trace.get("gap_ns") or ())[:MOST_LARGE]
    largest = max((size for sent in shown for size, _ in sent), default=0)
    most = largest or 1
    longest = max(gaps, default=0)
    step = LARGE_WIDE / max(len(shown), 8)
    bars = [
        _bar(place, size / most, down, step, (gaps[place] if gaps else 0, longest), _text(place, size, down, gaps))
        for place, sent in enumerate(shown)
        for size, down in sent
    ]
    return LargeBars(
        bars, len(values) - len(shown), f"{largest:,} bytes", seconds_text(longest / 1e9), _words(trace)
    )  # fmt: skip


def _bar(place: int, share: float, down: bool, step: float, gap: tuple[int, int], text: str) -> Bar:
    high = max(math.sqrt(share) * UP_HIGH, 2.0)
    gap_high = _gap_height(*gap) * GAP_HIGH
    return Bar(
        round(place * step + step * 0.1, 2), UP_HIGH if down else round(UP_HIGH - high, 1), round(step * 0.8, 2),
        round(high, 1), down, round(2 * UP_HIGH + GAP_HIGH - gap_high, 1), round(gap_high, 1), text,
    )  # fmt: skip


def _text(place: int, size: int, down: bool, gaps: Sequence[int]) -> str:
    text = f"{place + 1}: {size:,} bytes {'server → client' if down else 'client → server'}"
    return text + (f", {seconds_text(gaps[place] / 1e9)} after the one before" if gaps and place else "")


def seconds_text(seconds: float) -> str:
    """A time for people: 12 ms."""
    if seconds == 0:
        return "0 s"
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if abs(seconds) * factor >= 1:
            return (
                f"{seconds * factor:,.3g} {unit}" if abs(seconds) * factor < 1000 else f"{seconds * factor:,.0f} {unit}"
            )
    return f"{seconds * 1e9:.0f} ns"


def _height(size: int, most: int) -> float:
    """From 0 to 1: the root, so that acknowledgements are seen beside full packets."""
    return max(math.sqrt(max(size, 0) / most), 0.06)


def _gap_height(gap_ns: int, longest_ns: int) -> float:
    """From 0 to 1, by the logarithm from a microsecond on."""
    if gap_ns <= 0 or longest_ns <= 0:
        return 0.0
    low, span = math.log10(SMALLEST_GAP_S), math.log10(max(longest_ns / 1e9, 1e-5)) - math.log10(SMALLEST_GAP_S)
    return min(max((math.log10(gap_ns / 1e9) - low) / span, 0.02), 1.0)


def _words(trace: Series) -> str:
    values = positions(trace)
    up, down = (sum(size for sent in values for size, way in sent if way == side) for side in (False, True))
    last = sum(trace.get("gap_ns") or ()) / 1e9
    time = f" in {seconds_text(last)}" if last else ""
    return f"{len(values):,} positions{time}, {up:,} bytes up, {down:,} bytes down"
