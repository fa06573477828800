"""Leakage: do real test traces occur in the real training part? Every figure on such a test part is optimistic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.copies import seen_before
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType

TEST_IN_TRAIN = ScoreType(
    "leakage.test_in_train", "min",
    "share of the real test part that occurs in the training part: then all figures are optimistic",
    useless=1.0, useless_is="1", unit="share",
)  # fmt: skip


def leakage(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The share of the test part that equals a training trace in every channel; it has no floor but 0."""
    seen = seen_before(sets.test, sets.train, list(range(len(sets.channels))))
    count = int(np.count_nonzero(seen))
    note = "no test trace occurs in the training part"
    if count:
        note = (
            f"{count:,} of {len(seen):,} test traces occur in the training part too: figures on the test part are "
            "optimistic; utility.*_accuracy_unseen leave them out"
        )
    yield TEST_IN_TRAIN.score(float(seen.mean()), 0.0, note=note)


METRIC = Metric(leakage, Comparison, "Do test traces also occur in the training part?", "privacy", (TEST_IN_TRAIN,))
