"""Bursts and idles: how long does one side keep talking, how much does it say, and how long are the silences?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Floats
from netdiffus.metrics.binning import bin_of, fit_edges
from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.distances import jsd
from netdiffus.metrics.order import disordered
from netdiffus.metrics.reference import measured, measured_score
from netdiffus.metrics.score import Score

IDLE_NS = 100e6  # a gap at least this long is an idle
MOST = 4_000  # traces of each side


def runs(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Jensen-Shannon divergence of the lengths of bursts (`bursts.length`), their bytes and the lengths of idles.

    Of packets, a burst is a run in one direction and an idle a gap of 100 ms or more; of bins, a burst is a run with
    traffic and an idle a run without. The ceiling is real traces with their packets in random order.
    """
    names = list(lengths(sets.train, sets.channels))
    if not names:
        yield Score("bursts.length", None, None, None, "min", note="neither directions nor gaps nor bins are there")
        return
    edges = {name: fit_edges(values) for name, values in lengths(sets.train.sample(MOST, rng), sets.channels).items()}

    def measure(real: Traces, other: Traces) -> dict[str, float]:
        a, b = lengths(real, sets.channels), lengths(other, sets.channels)
        return {name: _apart(a[name], b[name], edges[name]) for name in names}

    found = measured(sets, rng, measure, MOST)
    part = sets.test.sample(MOST, rng)
    useless = measure(part, disordered(part, rng))
    for name in names:
        if name not in found:
            yield Score(name, None, None, None, "min", note="real and synthetic traces share no label")
            continue
        far = useless[name] if name != "idle.length" or _binned(sets.channels) else None
        note = "the ceiling is real traces with their packets in random order" if far is not None else ""
        yield measured_score(name, found[name], "min", far, note=note)


def _binned(channels: tuple[str, ...]) -> bool:
    return any(channel.endswith("_bytes") for channel in channels)


def _apart(a: Floats, b: Floats, edges: Floats) -> float:
    """The divergence of two samples; 1 where only one of them is empty."""
    if not len(a) or not len(b):
        return float(len(a) != len(b))
    p, q = (np.bincount(bin_of(values, edges), minlength=len(edges) + 2).astype(np.float64) for values in (a, b))
    return float(jsd(p, q))


def lengths(traces: Traces, channels: tuple[str, ...]) -> dict[str, Floats]:
    """Lengths of bursts (packets or bins), their bytes, and lengths of idles (ns or bins), as far as channels tell."""
    by_name = {name: traces.series[:, index] for index, name in enumerate(channels)}
    there = ~np.isnan(traces.series[:, 0])
    found: dict[str, Floats] = {}
    if _binned(channels):
        total = np.sum([np.nan_to_num(by_name[name]) for name in by_name if name.endswith("_bytes")], axis=0)
        found["bursts.length"], found["bursts.bytes"] = run_sums(total > 0, there & (total > 0), total)
        found["idle.length"], _ = run_sums(total > 0, there & (total == 0), total)
        return found
    if "direction" in by_name:
        amount = np.nan_to_num(by_name.get("size", np.zeros(there.shape)))
        length, content = run_sums(by_name["direction"], there, amount)
        found["bursts.length"] = length
        if "size" in by_name:
            found["bursts.bytes"] = content
    if "gap_ns" in by_name:
        gaps = by_name["gap_ns"][there]
        found["idle.length"] = gaps[gaps >= IDLE_NS]
    return found


def run_sums(state: NDArray[np.generic], there: NDArray[np.bool_], amount: Floats) -> tuple[Floats, Floats]:
    """Of each run of equal `state` where `there` (all (N, n)): its length and the sum of `amount`, both (runs,)."""
    if not there.any():
        return np.zeros(0), np.zeros(0)
    begins = there.copy()
    begins[:, 1:] &= ~there[:, :-1] | (state[:, 1:] != state[:, :-1])
    number = np.cumsum(begins.ravel()).reshape(begins.shape)[there] - 1
    return np.bincount(number).astype(np.float64), np.bincount(number, amount[there]).astype(np.float64)
