"""The order of the packets in each trace: centred series, and real traces with their order destroyed."""

from __future__ import annotations

import numpy as np

from netdiffus.arrays import Floats
from netdiffus.metrics.comparison import Traces

ROUNDING = 1e-9  # a flat trace is flat, whatever its mean was rounded to


def centred(traces: Traces) -> Floats:
    """log(1 + |x|) with the sign of x, minus its mean in the trace (N, C, n); 0 past the end.

    The logarithm keeps one long gap from being all that a correlation sees.
    """
    x = np.sign(traces.series) * np.log1p(np.abs(traces.series))
    there = ~np.isnan(x)
    x = np.where(there, x, 0.0)
    mean = x.sum(axis=2, keepdims=True) / np.maximum(there.sum(axis=2, keepdims=True), 1)
    apart = x - mean
    return np.where(there & (np.abs(apart) > ROUNDING), apart, 0.0)


def disordered(traces: Traces, rng: np.random.Generator, *, together: bool = True) -> Traces:
    """The same traces with the positions of each in random order, those of a packet together or each channel alone."""
    n, channels, length = traces.series.shape
    keys = rng.random((n, 1 if together else channels, length))
    keys = np.broadcast_to(keys, traces.series.shape)
    order = np.argsort(np.where(np.isnan(traces.series), np.inf, keys), axis=2)
    return Traces(np.take_along_axis(traces.series, order, axis=2), traces.labels)
