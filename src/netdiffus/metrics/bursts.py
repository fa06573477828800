"""Bursts and idles: how long does one side keep sending, how much does it send, and how long are the silences?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Floats
from netdiffus.metrics.binning import bin_of, fit_edges
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.distances import jsd
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import Measure, measured, score_of, values_of
from netdiffus.metrics.order import shuffled
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

IDLE_NS = 100e6  # a gap at least this long is an idle
MOST = 4_000  # traces of each side
LENGTH = ScoreType(
    "bursts.length", "min", "divergence of the runs in one direction, in packets; of bins, of runs with traffic",
    useless_is="packets in random order", evidence=("shape",), compared=True,
)  # fmt: skip
BYTES = ScoreType(
    "bursts.bytes", "min", "the same, in bytes", useless_is="packets in random order", evidence=("shape",)
)  # fmt: skip
IDLE = ScoreType(
    "idle.length", "min", "divergence of the gaps of 100 ms and more; of bins, of runs without traffic",
    useless_is="of bins: in random order", evidence=("shape",),
)  # fmt: skip
KINDS = {kind.name: kind for kind in (LENGTH, BYTES, IDLE)}


def bursts(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Jensen-Shannon divergence of the lengths of bursts (`bursts.length`), their bytes and the lengths of idles.

    Of packets, a burst is a run in one direction and an idle a gap of 100 ms or more; of bins, a burst is a run with
    traffic and an idle a run without. The ceiling is real traces with their packets in random order.
    """
    names = list(lengths(sets.train, sets.channels))
    if not names:
        yield LENGTH.score(None, note="the traces have neither directions nor gaps nor bins")
        return
    measure = _measure(sets, rng)
    found = measured(sets, rng, measure, MOST)
    part = sets.test.sample(MOST, rng)
    useless = measure(part, shuffled(part, rng))
    for name in names:
        far = useless[name] if name != IDLE.name or _binned(sets.channels) else None
        note = "the ceiling is real traces with their packets in random order" if far is not None else ""
        yield score_of(KINDS[name], found, far, note=note)


def _values(sets: Comparison, rng: np.random.Generator) -> Mapping[str, float]:
    return values_of(sets, rng, _measure(sets, rng), MOST) if lengths(sets.train, sets.channels) else {}


def _measure(sets: Comparison, rng: np.random.Generator) -> Measure[Traces]:
    known = lengths(sets.train.sample(MOST, rng), sets.channels)
    edges = {name: fit_edges(values) for name, values in known.items()}

    def measure(real: Traces, other: Traces) -> dict[str, float]:
        a, b = lengths(real, sets.channels), lengths(other, sets.channels)
        return {name: _divergence(a[name], b[name], edges[name]) for name in edges}

    return measure


def _binned(channels: tuple[str, ...]) -> bool:
    return any(channel.endswith("_bytes") for channel in channels)


def _divergence(a: Floats, b: Floats, edges: Floats) -> float:
    """The divergence of two samples; 1 where only one of them is empty."""
    if not len(a) or not len(b):
        return float(len(a) != len(b))
    p, q = (np.bincount(bin_of(values, edges), minlength=len(edges) + 2).astype(np.float64) for values in (a, b))
    return float(jsd(p, q))


def lengths(traces: Traces, channels: tuple[str, ...]) -> dict[str, Floats]:
    """Lengths of bursts (packets or bins), their bytes, and lengths of idles (ns or bins), if the channels allow."""
    by_name = {name: traces.series[:, index] for index, name in enumerate(channels)}
    present = ~np.isnan(traces.series[:, 0])
    found: dict[str, Floats] = {}
    if _binned(channels):
        total = np.sum([np.nan_to_num(by_name[name]) for name in by_name if name.endswith("_bytes")], axis=0)
        found["bursts.length"], found["bursts.bytes"] = run_sums(total > 0, present & (total > 0), total)
        found["idle.length"], _ = run_sums(total > 0, present & (total == 0), total)
        return found
    if "direction" in by_name:
        amount = np.nan_to_num(by_name.get("size", np.zeros(present.shape)))
        length, content = run_sums(by_name["direction"], present, amount)
        found["bursts.length"] = length
        if "size" in by_name:
            found["bursts.bytes"] = content
    if "gap_ns" in by_name:
        gaps = by_name["gap_ns"][present]
        found["idle.length"] = gaps[gaps >= IDLE_NS]
    return found


def run_sums(state: NDArray[np.generic], present: NDArray[np.bool_], amount: Floats) -> tuple[Floats, Floats]:
    """For each run of equal `state` where `present` (all (N, n)): its length and the sum of `amount`, both (runs,)."""
    if not present.any():
        return np.zeros(0), np.zeros(0)
    begins = present.copy()
    begins[:, 1:] &= ~present[:, :-1] | (state[:, 1:] != state[:, :-1])
    number = np.cumsum(begins.ravel()).reshape(begins.shape)[present] - 1
    return np.bincount(number).astype(np.float64), np.bincount(number, amount[present]).astype(np.float64)


METRIC = Metric(
    bursts,
    Comparison,
    "Do the two sides send in bursts, and pause, as in real traffic?",
    "fidelity",
    (LENGTH, BYTES, IDLE),
    baselines=True,
    values=_values,
    stream="runs",
)
