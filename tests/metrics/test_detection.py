"""Detection: sure, unsure, and too few to say."""

from __future__ import annotations

from functools import partial

import numpy as np

from netdiffus.metrics import Traces, scores
from netdiffus.metrics.detection import auc
from netdiffus.metrics.features import features

COLUMNS = partial(features, channels=("size",))


def constant(value: float, count: int) -> Traces:
    return Traces(np.full((count, 1, 3), value), np.repeat("a", count))


def test_what_differs_is_found_and_what_is_equal_is_not() -> None:
    rng = np.random.default_rng(0)
    assert auc(constant(1, 60), constant(2, 80), COLUMNS, rng, 0) == (1.0, 60)
    assert auc(constant(1, 60), constant(1, 60), COLUMNS, rng, 0) == (0.5, 60)


def test_too_few_traces_are_reported() -> None:
    (score,) = scores(constant(1, 30), constant(1, 30), constant(2, 5), ["size"], only=["detection"])
    assert score.value is None
    assert score.note == "needs 20 traces of shared labels on each side; got 5"
