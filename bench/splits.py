"""Splits of real traces into training, test and fresh ones, and whether the fresh ones lie inside the intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from netdiffus.imaging.codec import GasfCodec
from netdiffus.metrics import Imaged, Inputs, Traces, comparison, compute

CHANNELS = ("size", "direction", "gap_ns")
TRAIN, TEST, FRESH = 30, 15, 15  # traces of each label


def inside(traces: Traces, seeds: Iterable[int], metrics: Iterable[str]) -> dict[str, list[bool]]:
    """For each score over all labels that has an interval, whether fresh real traces lie in it, one entry a split."""
    found: dict[str, list[bool]] = defaultdict(list)
    names = list(metrics)
    members = [np.flatnonzero(traces.labels == label) for label in np.unique(traces.labels)]
    for seed in seeds:
        rng = np.random.default_rng(seed)
        drawn = [rng.permutation(rows)[: TRAIN + TEST + FRESH] for rows in members]
        train, test, fresh = (
            traces.take(np.concatenate([rows[first:last] for rows in drawn]))
            for first, last in ((0, TRAIN), (TRAIN, TRAIN + TEST), (TRAIN + TEST, None))
        )
        imager = GasfCodec.fit(train.series, CHANNELS).encode
        sets = comparison(train, test, fresh, CHANNELS)
        inputs = Inputs(sets, Imaged(sets, imager))
        for name in names:
            for score in compute(name, inputs, seed):
                if score.label is None and score.value is not None and score.low is not None:
                    assert score.high is not None
                    found[score.name].append(score.low <= score.value <= score.high)
    return found
