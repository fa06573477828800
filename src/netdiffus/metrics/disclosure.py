"""Attribute disclosure: does the synthetic set tell more of training traces than of traces that nobody trained on?

An attacker knows the first half of a trace, looks up the synthetic trace that begins most alike, and reads off the
second half (the nearest-neighbour attack of Choi et al. 2017).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.manifold import squared
from netdiffus.metrics.ranks import rank_scale, ranks
from netdiffus.metrics.reference import NORMAL
from netdiffus.metrics.score import Score

MOST = 1_000  # training, and test traces
RELEASED = 4_000  # synthetic traces
FEWEST = 20
TOLERANCE = 0.01  # ranks: nearer than this in every value is read off right


def disclosure(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """How much more of the second halves is read off right of training than of test traces, as a share of values.

    For traces that nobody trained on the two are equal, so the floor is 0.
    """
    known = sets.train.matching(sets.test, rng).sample(MOST, rng)
    unknown = sets.test.sample(MOST, rng)
    released = sets.synthetic.sample(RELEASED, rng)
    if min(len(known), len(unknown)) < FEWEST or sets.train.series.shape[2] < 2:
        note = f"needs {FEWEST} training and {FEWEST} test traces of at least two positions"
        yield Score("disclosure.excess", None, 0.0, 1.0, "min", "share", note=note)
        return
    scale = rank_scale(sets.train)
    with threadpool_limits(1):
        members, others = (read_off(part, released, scale) for part in (known, unknown))
    half = NORMAL * float(np.sqrt(np.var(members) / len(members) + np.var(others) / len(others)))
    half = max(half, NORMAL / len(members))
    value = float(members.mean() - others.mean())
    note = (
        f"of the second half of a trace {members.mean():.1%} is read off right in training, {others.mean():.1%} in test"
    )
    yield Score("disclosure.excess", value, 0.0, 1.0, "min", "share", note=note, low=-half, high=half)


def read_off(traces: Traces, released: Traces, scale: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """For each trace (N,) the share of its second half that the released trace with the likest first half tells."""
    n = traces.series.shape[2]
    split = max(1, n // 2)
    rows, known = (ranks(part, scale).astype(np.float32).reshape(len(part), -1, n) for part in (traces, released))
    near = np.argmin(
        squared(rows[:, :, :split].reshape(len(rows), -1), known[:, :, :split].reshape(len(known), -1)), axis=1
    )
    right = np.all(np.abs(rows[:, :, split:] - known[near][:, :, split:]) < TOLERANCE, axis=1)
    there = np.any(rows[:, :, split:] >= 0, axis=1) | np.any(known[near][:, :, split:] >= 0, axis=1)
    found: NDArray[np.float64] = (right & there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return found
