"""Membership inference: can someone holding the synthetic set tell which traces were in the training set?

The attack of Chen et al. (GAN-Leaks, CCS 2020) without access to the model: a trace is called a member if a synthetic
trace is near. Members are training traces, non-members real test traces.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.metrics import roc_auc_score

from netdiffus.arrays import Floats
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.copies import distances
from netdiffus.metrics.intervals import interval, share_interval
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import resamples
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

MOST = 2_000  # members, and non-members
RELEASED = 20_000  # synthetic traces that the attacker holds
FALSE_POSITIVES = 0.01
FEWEST = 20
DRAWS = 3
AUC = ScoreType(
    "membership.auc", "min", "attack by distance to the nearest synthetic trace", useless=1.0, useless_is="1",
    unit="AUC", evidence=("privacy", "independence"), attack="membership inference",
)  # fmt: skip
TPR = ScoreType(
    "membership.tpr", "min", "its true positives at 1 % false positives", useless=1.0, useless_is="1", unit="share",
    evidence=("privacy",),
)  # fmt: skip


def membership(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The attack's area under the ROC curve, and its true positives at 1 % false positives.

    The floor is the same attack on a release of real traces that were in neither group, which is harmless to both; the
    ceiling, that of a release of the training part itself, is 1 where no test trace has a twin.
    """
    members, others = sets.train.matching(sets.test, rng).sample(MOST, rng), sets.test.sample(MOST, rng)
    if min(len(members), len(others)) < FEWEST:
        note = f"needs {FEWEST} training and {FEWEST} test traces"
        yield AUC.score(None, 0.5, note=note)
        return
    value = _attack(members, others, sets.synthetic.sample(RELEASED, rng))
    draws = [_attack(*parts) for parts in _harmless(sets, rng)]
    n, m = len(members), len(others)
    note = f"distance to the nearest synthetic trace, {n:,} training and {m:,} test traces; 0.5: no better than chance"
    sd = float(np.sqrt((n + m + 1) / (12 * n * m)))
    span = interval([draw[0] for draw in draws] or [0.5], sd=sd, lowest=0.0, highest=1.0)
    yield AUC.score(value[0], span, note=note)
    floor = float(np.mean([draw[1] for draw in draws] or [FALSE_POSITIVES]))
    note = f"training traces called members where {FALSE_POSITIVES:.0%} of the test traces are"
    yield TPR.score(value[1], share_interval(floor, m, n), note=note)


def _attack(members: Traces, others: Traces, released: Traces) -> tuple[float, float]:
    """The area under the curve and the true positives at 1 % false positives."""
    near = [-distances(part, released) for part in (members, others)]
    return (
        float(roc_auc_score(np.repeat([1, 0], list(map(len, near))), np.concatenate(near))),
        true_positives(near[0], near[1]),
    )


def true_positives(members: Floats, others: Floats) -> float:
    """The share of the members' suspicion above a border that 1 % of the others' pass; ties count for their share.

    The ROC curve is taken as straight between its points, so that equal suspicions make neither 0 nor 1 of it.
    """
    borders = np.unique(np.concatenate([members, others]))[::-1]
    fpr, tpr = (np.concatenate([[0.0], _passing(group, borders)]) for group in (others, members))
    return float(np.interp(FALSE_POSITIVES, fpr, tpr)) if fpr[1] > FALSE_POSITIVES else _at(fpr, tpr)


def _passing(group: Floats, borders: Floats) -> Floats:
    """The share of a group at or above each border (M,)."""
    return np.asarray((len(group) - np.searchsorted(np.sort(group), borders)) / len(group))


def _at(fpr: Floats, tpr: Floats) -> float:
    return float(np.max(tpr[fpr <= FALSE_POSITIVES]))


def _harmless(sets: Comparison, rng: np.random.Generator) -> Iterator[tuple[Traces, Traces, Traces]]:
    """Real members, non-members and a release containing neither, until real traces run out."""
    for first, second in resamples(sets, rng, 2 * DRAWS):
        rows = rng.permutation(len(first))
        half = len(rows) // 2
        if half >= FEWEST and len(second):
            yield first.take(rows[:half]), first.take(rows[half:]), second.sample(RELEASED, rng)


METRIC = Metric(
    membership,
    Comparison,
    "Can someone holding the synthetic set tell which traces were in the training set?",
    "privacy",
    (AUC, TPR),
)
