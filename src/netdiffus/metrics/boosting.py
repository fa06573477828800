"""Gradient boosting: does another kind of classifier than the forest learn as much from the synthetic traces?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.metrics.classification import Result, accuracy_interval, result_of
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.features import features
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.samples import majority
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

PER_LABEL = 100  # traces of a label that it learns from
MOST = 4_000  # traces in all
ROUNDS = 25
TRTR = ScoreType(
    "boosting.trtr_accuracy", "max",
    "gradient boosting instead of the forest, at most 100 traces per label, trained on real traces",
    useless_is="guessing",
)  # fmt: skip
TSTR = ScoreType("boosting.tstr_accuracy", "max", "the same trained on synthetic traces", useless_is="guessing")


def boosting(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Accuracy of gradient boosting on the real test part, trained on synthetic traces and on as many real ones."""
    if len(np.unique(sets.synthetic.labels)) < 2 or not np.isin(sets.synthetic.labels, sets.labels).any():
        note = "needs synthetic traces of at least two labels, one of them real"
        yield TSTR.score(None, note=note)
        return
    seed = int(rng.integers(2**31))
    synthetic = few(sets.synthetic, PER_LABEL, rng).sample(MOST, rng)
    real, again = (
        boost(part, sets.test, sets.channels, seed) for part in sets.train.two_draws(synthetic.counts(sets.labels), rng)
    )
    tstr = boost(synthetic, sets.test, sets.channels, seed)
    guess = majority(sets.test)
    span = accuracy_interval(real, again)
    note = f"gradient boosting, {ROUNDS} rounds, at most {PER_LABEL} traces of a label; ceiling: as many real traces"
    yield TRTR.score(real.accuracy, useless=guess, note=note)
    yield TSTR.score(tstr.accuracy, span, guess, note=note)


def few(traces: Traces, count: int, rng: np.random.Generator) -> Traces:
    """At most `count` traces of each label."""
    rows = [np.flatnonzero(traces.labels == label) for label in np.unique(traces.labels)]
    return traces.take(np.sort(np.concatenate([rng.permutation(own)[:count] for own in rows])))


def boost(train: Traces, test: Traces, channels: tuple[str, ...], seed: int) -> Result:
    """How gradient boosting that learned from some traces does on others."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=ROUNDS, learning_rate=0.2, max_leaf_nodes=15, min_samples_leaf=5, early_stopping=False,
        max_bins=63, l2_regularization=1.0, random_state=seed,
    )  # fmt: skip
    with threadpool_limits(1):
        model.fit(features(train, channels), train.labels)
        return result_of(test.labels, model.predict(features(test, channels)))


METRIC = Metric(
    boosting,
    Comparison,
    "Does another kind of classifier learn as much from synthetic traces as from real ones?",
    "utility",
    (TRTR, TSTR),
)
