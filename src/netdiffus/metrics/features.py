"""The features that classifiers are given of a trace: every channel of its first packets, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netdiffus.arrays import Floats
from netdiffus.metrics.traces import Traces

FIRST_PACKETS = 32
ABSENT = -1.0


def shortened(traces: Traces) -> Traces:
    """The first 32 positions of each trace."""
    return Traces(traces.series[:, :, :FIRST_PACKETS], traces.labels)


def whole(traces: Traces) -> Floats:
    """Columns (N, C * n): every channel at every position, -1 past the end."""
    return np.nan_to_num(traces.series, nan=ABSENT).reshape(len(traces), -1)


def features(traces: Traces, channels: Sequence[str]) -> Floats:
    """Columns (N, C * n): the channels of the first 32 packets, -1 past the end; binned series keep every bin."""
    binned = any(channel.endswith("_bytes") for channel in channels)
    return whole(traces if binned else shortened(traces))
