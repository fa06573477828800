"""Attribute disclosure: does the synthetic set reveal more about training traces than about unseen ones?

An attacker knows the first half of a trace, looks up the synthetic trace with the most similar first half, and reads
off its second half (the nearest-neighbour attack of Choi et al. 2017).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.arrays import Floats
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.intervals import NORMAL, Interval
from netdiffus.metrics.manifold import squared
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.ranks import rank_scale, ranks
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

MOST = 1_000  # training, and test traces
RELEASED = 4_000  # synthetic traces
FEWEST = 20
TOLERANCE = 0.01  # ranks: a value nearer than this counts as read off correctly
EXCESS = ScoreType(
    "disclosure.excess", "min",
    "how much more of a trace's second half is read off correctly for training than for test traces", range=(-1.0, 1.0),
    useless=1.0, useless_is="1", unit="share", evidence=("privacy",), attack="attribute disclosure",
)  # fmt: skip


def disclosure(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """How much more of the second halves is read off correctly of training than of test traces, as a share of values.

    For traces outside the training set the two are equal, so the floor is 0.
    """
    known = sets.train.matching(sets.test, rng).sample(MOST, rng)
    unknown = sets.test.sample(MOST, rng)
    released = sets.synthetic.sample(RELEASED, rng)
    if min(len(known), len(unknown)) < FEWEST or sets.train.series.shape[2] < 2:
        note = f"needs {FEWEST} training and {FEWEST} test traces of at least two positions"
        yield EXCESS.score(None, 0.0, note=note)
        return
    scale = rank_scale(sets.train)
    with threadpool_limits(1):
        members, others = (read_off(part, released, scale) for part in (known, unknown))
    half = NORMAL * float(np.sqrt(np.var(members) / len(members) + np.var(others) / len(others)))
    half = max(half, NORMAL / len(members))
    value = float(members.mean() - others.mean())
    shares = f"{members.mean():.1%} of the second half of a trace is read off correctly in training"
    note = f"{shares}, {others.mean():.1%} in test"
    yield EXCESS.score(value, Interval(0.0, -half, half), note=note)


def read_off(traces: Traces, released: Traces, scale: list[Floats]) -> Floats:
    """For each trace (N,) the share of its second half that equals the released trace with the nearest first half."""
    n = traces.series.shape[2]
    split = max(1, n // 2)
    rows, known = (ranks(part, scale).astype(np.float32).reshape(len(part), -1, n) for part in (traces, released))
    near = np.argmin(
        squared(rows[:, :, :split].reshape(len(rows), -1), known[:, :, :split].reshape(len(known), -1)), axis=1
    )
    right = np.all(np.abs(rows[:, :, split:] - known[near][:, :, split:]) < TOLERANCE, axis=1)
    present = np.any(rows[:, :, split:] >= 0, axis=1) | np.any(known[near][:, :, split:] >= 0, axis=1)
    return np.asarray((right & present).sum(axis=1) / np.maximum(present.sum(axis=1), 1))


METRIC = Metric(
    disclosure,
    Comparison,
    "Does the synthetic set reveal more about training traces than about unseen ones?",
    "privacy",
    (EXCESS,),
)
