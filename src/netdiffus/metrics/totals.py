"""Totals of a flow: packets, bytes and duration, as a flow collector reports them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.distances import cdf_difference, kolmogorov_smirnov
from netdiffus.metrics.reference import measured, measured_score
from netdiffus.metrics.score import Score

MOST = 20_000  # traces of each side


def totals(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The Kolmogorov-Smirnov distance of packets, bytes and duration of each label's flows, mean over the labels."""
    names = list(flow_totals(sets.test, sets.channels))

    def measure(real: Traces, other: Traces) -> dict[str, float]:
        a, b = flow_totals(real, sets.channels), flow_totals(other, sets.channels)
        labels = np.intersect1d(real.labels, other.labels)
        return {
            name: float(
                np.mean([_ks(a[name][real.labels == label], b[name][other.labels == label]) for label in labels])
            )
            for name in names
        }

    found = measured(sets, rng, measure, MOST)
    for name in names:
        if name in found:
            yield measured_score(f"totals.{name}", found[name], "min", 1.0, note="mean over the labels")
        else:
            note = "real and synthetic traces share no label"
            yield Score(f"totals.{name}", None, None, 1.0, "min", note=note)


def flow_totals(traces: Traces, channels: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    """Packets (or bins with traffic), bytes and duration in ns of each trace (N,), as far as the channels tell."""
    by_name = {name: traces.series[:, index] for index, name in enumerate(channels)}
    content = [by_name[name] for name in ("size", "up_bytes", "down_bytes") if name in by_name]
    binned = "up_bytes" in by_name or "down_bytes" in by_name
    busy = np.sum([np.nan_to_num(part) for part in content], axis=0) > 0 if binned else ~np.isnan(traces.series[:, 0])
    found = {"packets": busy.sum(axis=1).astype(np.float64)}
    if content:
        found["bytes"] = np.sum([np.nansum(part, axis=1) for part in content], axis=0)
    if "gap_ns" in by_name:
        found["duration"] = np.nansum(by_name["gap_ns"], axis=1)
    return found


def _ks(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return kolmogorov_smirnov(cdf_difference(a, b, np.ones(len(a)), np.ones(len(b)))[1])
