"""The order of the packets in each trace: demeaned series, and traces with their packets shuffled."""

from __future__ import annotations

import numpy as np

from netdiffus.arrays import Floats
from netdiffus.metrics.traces import Traces

ROUNDING = 1e-9  # a flat trace is flat, whatever its mean was rounded to


def demeaned(traces: Traces) -> Floats:
    """log(1 + |x|) with the sign of x, minus its mean in the trace (N, C, n); 0 past the end.

    The logarithm keeps one long gap from being all that a correlation sees.
    """
    x = np.sign(traces.series) * np.log1p(np.abs(traces.series))
    present = ~np.isnan(x)
    x = np.where(present, x, 0.0)
    mean = x.sum(axis=2, keepdims=True) / np.maximum(present.sum(axis=2, keepdims=True), 1)
    centred = x - mean
    return np.where(present & (np.abs(centred) > ROUNDING), centred, 0.0)


def shuffled(traces: Traces, rng: np.random.Generator, *, together: bool = True) -> Traces:
    """The same traces, the positions of each shuffled: whole packets (`together`) or each channel by itself."""
    n, channels, length = traces.series.shape
    keys = rng.random((n, 1 if together else channels, length))
    keys = np.broadcast_to(keys, traces.series.shape)
    order = np.argsort(np.where(np.isnan(traces.series), np.inf, keys), axis=2)
    return Traces(np.take_along_axis(traces.series, order, axis=2), traces.labels)
