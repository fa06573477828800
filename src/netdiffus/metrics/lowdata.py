"""Little data: what do synthetic traces bring to one who has 5, 10, 20 or 50 real ones of each label?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from netdiffus.metrics.boosting import few
from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.features import features
from netdiffus.metrics.reference import interval
from netdiffus.metrics.score import Score
from netdiffus.metrics.utility import judge

SIZES = (5, 10, 20, 50)
TREES = 50
PER_LABEL = 100  # synthetic traces of a label that join the real ones
REPEATS = 2


def lowdata(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Macro F1 on the real test part with so many real traces of each label: alone, replaced and joined by synthetic.

    `lowdata.K.real` learns from K real traces, `.synthetic` from K synthetic ones, `.augmented` from K real and up to
    100 synthetic ones of each label. The ceiling of the last two is the first. The generator may have learned from more
    real traces than K: this is what a set that someone else made and gave away is worth.
    """
    synthetic = sets.synthetic.take(np.isin(sets.synthetic.labels, sets.labels))
    if not len(synthetic):
        yield Score("lowdata.5.augmented", None, None, None, "max", note="real and synthetic traces share no label")
        return
    for size in SIZES:
        if np.unique(sets.train.labels, return_counts=True)[1].max() < size:
            note = f"no label has {size} real training traces"
            yield Score(f"lowdata.{size}.augmented", None, None, None, "max", note=note)
            continue
        more = few(synthetic, PER_LABEL, rng)
        real, replaced, joined = [], [], []
        for _ in range(REPEATS):
            mine, seed = few(sets.train, size, rng), int(rng.integers(2**31))
            real.append(_f1(mine, sets, seed))
            replaced.append(_f1(few(synthetic, size, rng), sets, seed))
            joined.append(_f1(mine.joined(more), sets, seed))
        span = interval(real, sd=1 / np.sqrt(4 * len(sets.test)), lowest=0.0, highest=1.0)
        note = f"{size} real traces of each label, mean of {REPEATS} draws, forest of {TREES} trees"
        yield Score(f"lowdata.{size}.real", span.middle, None, None, "max", note=note)
        more_note = f"{size} real and up to {PER_LABEL} synthetic of each label; above: they helped"
        for name, found, high, how in (
            ("synthetic", replaced, span.high, f"{size} synthetic traces of each label instead"),
            ("augmented", joined, 1.0, more_note),  # more real traces would help, too
        ):
            value = float(np.mean(found))
            yield Score(f"lowdata.{size}.{name}", value, None, span.middle, "max", note=how, low=span.low, high=high)


def _f1(train: Traces, sets: Comparison, seed: int) -> float:
    forest = RandomForestClassifier(TREES, random_state=seed).fit(features(train, sets.channels), train.labels)
    return judge(sets.test.labels, forest.predict(features(sets.test, sets.channels))).macro_f1
