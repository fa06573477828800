"""Load over time, as Tmix' validation has it (Weigle et al. 2006): connections, packets and bytes of all flows.

Captures are cut into windows of ten seconds. In each second, `active` is the number of flows that have begun and not
ended, `throughput` the bytes of IP packets, and `goodput` the bytes of payload that are not retransmitted; `arrivals`
are the packets in each tenth of a second. Unfinished seconds at the end of a capture do not count, nor does the time
within a capture in which nothing is sent for ten minutes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.arrays import Floats, Ints
from netdiffus.metrics.fields import Field
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.whole import NEEDS, WholeSets, compared, too_few
from netdiffus.traffic.whole.arrivals import BIN_NS
from netdiffus.traffic.whole.flows import Whole
from netdiffus.traffic.whole.timeline import Windows, active, windows

WINDOW_MS, SECOND_MS, ARRIVALS_MS = 10_000, 1_000, 100
MOST = 5_000  # windows of each side
FEWEST = 4
TYPES = tuple(
    ScoreType(f"load.{name}", "min", meaning, useless=1.0, useless_is="1", evidence=("load",))
    for name, meaning in (
        ("active", "Kolmogorov-Smirnov of the number of flows that are open in a second"),
        ("arrivals", "the same of the packets in a tenth of a second"),
        ("throughput", "the same of the IP bytes in a second"),
        ("goodput", "the same of the payload bytes in a second, without retransmissions"),
    )
)


def load(sets: WholeSets, rng: np.random.Generator) -> Iterator[Score]:
    """Kolmogorov-Smirnov distances of the load in seconds and tenths of seconds; real windows are drawn as wholes."""
    found = [_load(whole, rng) for whole in sets.wholes]
    labels = [np.zeros(len(fields[0].counts), "U1") for fields in found]
    rows = sets.rows(labels, rng, MOST)
    note = too_few(rows, FEWEST, "windows of ten seconds")
    kinds = {kind: [fields[number] for fields in found] for number, kind in enumerate(TYPES)}
    if note:
        yield from (kind.score(None, note=note) for kind in TYPES)
        return
    yield from (score for score in compared(kinds, rows, rng) if score.label is None)


def _load(whole: Whole, rng: np.random.Generator) -> list[Field]:
    """The four figures of a whole's windows, in the order of TYPES."""
    cut = windows(whole.arrivals, WINDOW_MS, MOST, rng)
    return [
        _field(active_flows(whole, cut, SECOND_MS), cut.valid_ms // SECOND_MS),
        _field(*cut.binned(whole.arrivals.packets, ARRIVALS_MS)),
        _field(*cut.binned(whole.arrivals.throughput, SECOND_MS)),
        _field(*cut.binned(whole.arrivals.goodput, SECOND_MS)),
    ]


def active_flows(whole: Whole, cut: Windows, bin_ms: int) -> Floats:
    """Flows of the same capture that are open in each bin of the windows."""
    flows, times = whole.flows, cut.times_ms(bin_ms)
    capture = np.repeat(cut.capture, cut.valid_ms // bin_ms)
    found = np.zeros(len(times))
    for number in np.unique(capture):
        own, here = flows.capture == number, capture == number
        start, end = flows.start_ns[own] // BIN_NS, flows.end_ns[own] // BIN_NS
        found[here] = active(start, end, times[here], bin_ms)
    return found


def _field(values: Floats, counts: Ints) -> Field:
    return Field(values, np.cumsum(counts) - counts, counts)


METRIC = Metric(load, WholeSets, "Is the load over time as in real captures?", "whole", TYPES, missing=NEEDS)
