"""Ranks: every value as its rank among the real training values, so that gaps and sizes have equal weight."""

from __future__ import annotations

import numpy as np

from netdiffus.arrays import Floats
from netdiffus.metrics.traces import Traces

ABSENT = -0.5  # ranks are in [0, 1]


def rank_scale(train: Traces) -> list[Floats]:
    """The sorted values of each channel, in which `ranks` looks up values."""
    return [np.sort(channel[~np.isnan(channel)]) for channel in np.moveaxis(train.series, 1, 0)]


def ranks(traces: Traces, scale: list[Floats]) -> Floats:
    """Each value as its mid-rank in [0, 1] among the sorted values of its channel, as rows (N, C * n)."""
    result = np.full(traces.series.shape, ABSENT)
    for index, values in enumerate(scale):
        channel = traces.series[:, index]
        present = ~np.isnan(channel)
        low, high = (np.searchsorted(values, channel[present], side=side) for side in ("left", "right"))
        result[:, index][present] = (low + high) / (2 * max(1, len(values)))
    return result.reshape(len(traces), traces.series.shape[1] * traces.series.shape[2])
