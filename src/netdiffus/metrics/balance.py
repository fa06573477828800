"""Class balancing: does filling up the rare labels with synthetic traces help a classifier with them?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.features import features
from netdiffus.metrics.score import Score
from netdiffus.metrics.utility import Result, judge, spread

TREES = 100
MOST = 10_000  # real traces that the forest learns from


def balance(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Macro F1 on the real test part, each label filled up with synthetic traces to the size of the largest.

    The ceiling is the real training part as it is: above it, the synthetic traces helped.
    """
    train = sets.train.sample(MOST, rng)
    labels, counts = np.unique(train.labels, return_counts=True)
    if counts.min() == counts.max():
        yield Score("balance.macro_f1", None, None, None, "max", note="the real training part is balanced already")
        return
    added = []
    for label, count in zip(labels, counts, strict=True):
        mine = np.flatnonzero(sets.synthetic.labels == label)
        added.append(rng.permutation(mine)[: counts.max() - count])
    more = sets.synthetic.take(np.concatenate(added))
    if not len(more):
        note = "there are no synthetic traces of the labels that have fewer"
        yield Score("balance.macro_f1", None, None, None, "max", note=note)
        return
    seed = int(rng.integers(2**31))
    before, after = (_learn(part, sets, seed) for part in (train, train.joined(more)))
    half = spread(before, after).high - before.accuracy
    note = f"{len(more):,} synthetic traces fill up the labels to {counts.max():,} each; ceiling: without them"
    low = max(0.0, before.macro_f1 - half)
    yield Score("balance.macro_f1", after.macro_f1, None, before.macro_f1, "max", note=note, low=low, high=1.0)


def _learn(train: Traces, sets: Comparison, seed: int) -> Result:
    forest = RandomForestClassifier(TREES, random_state=seed, n_jobs=2)
    forest.fit(features(train, sets.channels), train.labels)
    return judge(sets.test.labels, forest.predict(features(sets.test, sets.channels)))
