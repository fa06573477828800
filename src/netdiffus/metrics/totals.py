"""Volumes of a flow: packets, bytes and duration, as a flow collector reports them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.arrays import Floats
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.distances import ks
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import measured, score_of
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

MOST = 20_000  # traces of each side
PREFIX = "totals."
TYPES = tuple(
    ScoreType(PREFIX + total, "min", meaning, useless=1.0, useless_is="1", evidence=("volumes",))
    for total, meaning in (
        ("packets", "Kolmogorov-Smirnov of the packets of a flow, mean over labels"),
        ("bytes", "the same of its bytes"),
        ("duration", "the same of its duration"),
    )
)


def totals(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The Kolmogorov-Smirnov distance of packets, bytes and duration of each label's flows, mean over the labels."""

    def measure(real: Traces, other: Traces) -> dict[str, float]:
        a, b = flow_totals(real, sets.channels), flow_totals(other, sets.channels)
        labels = np.intersect1d(real.labels, other.labels)
        return {
            PREFIX + name: float(
                np.mean([ks(a[name][real.labels == label], b[name][other.labels == label]) for label in labels])
            )
            for name in a
        }

    found = measured(sets, rng, measure, MOST)
    known = {PREFIX + name for name in flow_totals(sets.test, sets.channels)}
    for kind in TYPES:
        if kind.name in known:
            yield score_of(kind, found, note="mean over the labels")


def flow_totals(traces: Traces, channels: tuple[str, ...]) -> dict[str, Floats]:
    """Packets (or bins with traffic), bytes and duration in ns of each trace (N,), if the channels contain them."""
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


METRIC = Metric(totals, Comparison, "Are flows as long and as large as real ones?", "fidelity", TYPES)
