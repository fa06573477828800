"""Few-shot: what do synthetic traces add where only 5, 10, 20 or 50 real traces per label are available?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from netdiffus.metrics.boosting import few
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.forest import forest_result
from netdiffus.metrics.intervals import interval
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

SIZES = (5, 10, 20, 50)
TREES = 50
PER_LABEL = 100  # synthetic traces of a label that join the real ones
REPEATS = 2
REAL = ScoreType("lowdata.K.real", "max", "macro F1 from K = 5, 10, 20, 50 real traces of each label")
SYNTHETIC = ScoreType("lowdata.K.synthetic", "max", "macro F1 from K synthetic traces of each label")
AUGMENTED = ScoreType(
    "lowdata.K.augmented", "max", "macro F1 from K real and up to 100 synthetic traces of each label",
    evidence=("few_shot",),
)  # fmt: skip


def lowdata(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Macro F1 on the real test part with K real traces of each label: alone, replaced by and joined with synthetic.

    `lowdata.K.real` learns from K real traces, `.synthetic` from K synthetic ones, `.augmented` from K real and up to
    100 synthetic ones of each label. The ceiling of the last two is the first. The generator may have learned from more
    real traces than K: this is the value of a set that someone else generated and shared.
    """
    synthetic = sets.synthetic.take(np.isin(sets.synthetic.labels, sets.labels))
    if not len(synthetic):
        yield AUGMENTED.of(str(SIZES[0])).score(None, note="real and synthetic traces share no label")
        return
    for size in SIZES:
        if np.unique(sets.train.labels, return_counts=True)[1].max() < size:
            yield AUGMENTED.of(str(size)).score(None, note=f"no label has {size} real training traces")
        else:
            yield from _of_size(size, sets, synthetic, rng)


def _of_size(size: int, sets: Comparison, synthetic: Traces, rng: np.random.Generator) -> Iterator[Score]:
    def f1(train: Traces, seed: int) -> float:
        return forest_result(train, sets.test, sets.channels, seed, TREES).macro_f1

    more = few(synthetic, PER_LABEL, rng)
    real, replaced, joined = [], [], []
    for _ in range(REPEATS):
        some, seed = few(sets.train, size, rng), int(rng.integers(2**31))
        real.append(f1(some, seed))
        replaced.append(f1(few(synthetic, size, rng), seed))
        joined.append(f1(some.joined(more), seed))
    span = interval(real, sd=1 / np.sqrt(4 * len(sets.test)), lowest=0.0, highest=1.0)
    note = f"{size} real traces of each label, mean of {REPEATS} draws, forest of {TREES} trees"
    yield REAL.of(str(size)).score(span.middle, note=note)
    note = f"{size} synthetic traces of each label instead"
    yield SYNTHETIC.of(str(size)).score(float(np.mean(replaced)), span, note=note)
    note = f"{size} real and up to {PER_LABEL} synthetic of each label; above: they helped"
    open_ended = replace(span, high=1.0)  # more real traces would help, too
    yield AUGMENTED.of(str(size)).score(float(np.mean(joined)), open_ended, note=note)


METRIC = Metric(
    lowdata,
    Comparison,
    "Does it help someone who has only a few real traces per label?",
    "utility",
    (REAL, SYNTHETIC, AUGMENTED),
)
