"""Distributions of a sample of traces as steps to draw: sizes by direction, gaps, lengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.studio.bars import seconds_text

WIDE, HIGH, BINS = 320, 90, 40


@dataclass(frozen=True)
class Histogram:
    """One distribution: outlines for SVG (WIDE x HIGH), a class for each, and the ends of its axis."""

    title: str
    outlines: list[tuple[str, str, str]]
    low: str
    high: str
    words: str


def histograms(traces: pl.DataFrame) -> list[Histogram]:
    """The distributions of the channels that the traces have, and of their lengths."""
    found = []
    names = traces.columns
    if "size" in names:
        sizes = _flat(traces, "size")
        ways = _flat(traces, "direction") if "direction" in names else np.zeros(len(sizes))
        parts = {"up": sizes[ways == 0], "down": sizes[ways != 0]}
        found.append(_linear("Payload bytes of a packet", parts))
    if "up_bytes" in names or "down_bytes" in names:
        parts = {way: _flat(traces, f"{way}_bytes") for way in ("up", "down") if f"{way}_bytes" in names}
        found.append(_linear("Bytes of a bin", parts))
    if "gap_ns" in names:
        gaps = _flat(traces, "gap_ns")
        found.append(_logarithmic("Gap to the packet before", gaps[gaps > 0] / 1e9))
    lengths = traces[traces.columns[-1]].list.len().to_numpy().astype(float)
    found.append(_linear("Positions of a trace", {"all": lengths}))
    return [each for each in found if each is not None]


def _flat(traces: pl.DataFrame, name: str) -> NDArray[np.float64]:
    lists = traces[name]
    values = lists.filter(lists.list.len() > 0).explode()
    return values.to_numpy().astype(np.float64) if len(values) else np.zeros(0)


def _linear(title: str, parts: dict[str, NDArray[np.float64]]) -> Histogram | None:
    every = np.concatenate(list(parts.values()))
    if not len(every):
        return None
    low, high = float(every.min()), float(every.max())
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    median = f"median {np.median(every):,.0f}, from {low:,.0f} to {high:,.0f}"
    return Histogram(title, _outlines(parts, edges), f"{low:,.0f}", f"{high:,.0f}", f"{title}: {median}")


def _logarithmic(title: str, values: NDArray[np.float64]) -> Histogram | None:
    if not len(values):
        return None
    logs = np.log10(values)
    low, high = float(logs.min()), float(logs.max())
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    ends = seconds_text(10**low), seconds_text(10**high)
    words = f"{title}: median {seconds_text(float(np.median(values)))}, from {ends[0]} to {ends[1]}"
    return Histogram(title, _outlines({"all": logs}, edges), *ends, words)


def _outlines(parts: dict[str, NDArray[np.float64]], edges: NDArray[np.float64]) -> list[tuple[str, str, str]]:
    """(class, SVG path, words) of each part; heights by the root, so that rare values are seen beside common ones."""
    counts = {name: np.histogram(values, edges)[0] for name, values in parts.items()}
    most = max((int(count.max()) for count in counts.values()), default=1) or 1
    width = WIDE / (len(edges) - 1)
    outlines = []
    for name, count in counts.items():
        path = f"M0 {HIGH}"
        for place, n in enumerate(count.tolist()):
            path += f"V{HIGH - HIGH * (n / most) ** 0.5:.1f}H{(place + 1) * width:.1f}"
        outlines.append((name, path + f"V{HIGH}Z", f"{int(count.sum()):,}"))
    return outlines
