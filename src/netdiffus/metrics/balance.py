"""Rebalancing: does filling up the rare labels with synthetic traces help a classifier with them?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.metrics.classification import accuracy_interval
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.forest import forest_result
from netdiffus.metrics.intervals import Interval
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType

MOST = 10_000  # real traces that the forest learns from
MACRO_F1 = ScoreType(
    "balance.macro_f1", "max", "real training part with rare labels filled up by synthetic traces; ceiling: without",
    evidence=("mixing",),
)  # fmt: skip


def balance(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Macro F1 on the real test part, each label filled up with synthetic traces to the size of the largest.

    The ceiling is the real training part as it is: above it, the synthetic traces helped.
    """
    train = sets.train.sample(MOST, rng)
    labels, counts = np.unique(train.labels, return_counts=True)
    if counts.min() == counts.max():
        yield MACRO_F1.score(None, note="the real training part is balanced already")
        return
    added = []
    for label, count in zip(labels, counts, strict=True):
        own = np.flatnonzero(sets.synthetic.labels == label)
        added.append(rng.permutation(own)[: counts.max() - count])
    more = sets.synthetic.take(np.concatenate(added))
    if not len(more):
        note = "there are no synthetic traces of the labels that have fewer"
        yield MACRO_F1.score(None, note=note)
        return
    seed = int(rng.integers(2**31))
    before, after = (forest_result(part, sets.test, sets.channels, seed) for part in (train, train.joined(more)))
    half = accuracy_interval(before, after).high - before.accuracy
    note = f"{len(more):,} synthetic traces fill up the labels to {counts.max():,} each; ceiling: without them"
    span = Interval(before.macro_f1, max(0.0, before.macro_f1 - half), 1.0)  # more real traces would help, too
    yield MACRO_F1.score(after.macro_f1, span, note=note)


METRIC = Metric(
    balance,
    Comparison,
    "Does filling up rare labels with synthetic traces help a classifier?",
    "utility",
    (MACRO_F1,),
)
