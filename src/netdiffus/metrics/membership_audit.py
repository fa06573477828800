"""The audit of a model: how large its epsilon is at least, by the guesses of someone who holds the model.

The examples are training traces and as many test traces of the same labels: the split has tossed the coin. The
attacker calls a trace a member if the model explains it better than others of its label (one_run.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.metrics.inputs import Losses
from netdiffus.metrics.intervals import Interval
from netdiffus.metrics.membership import FEWEST
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.one_run import audited
from netdiffus.metrics.score import FLAGGED, Score
from netdiffus.metrics.scoretype import ScoreType

DELTA = 1e-5
AUDITED = ScoreType(
    "membership.audit_epsilon", "min",
    "with `--model`: audit by the model's loss: epsilon is at least this, with 95 % confidence",
    range=(0.0, float("inf")), unit="ε", evidence=("privacy",), attack="an audit in one run",
)  # fmt: skip
STATED = ScoreType(
    "membership.epsilon", "min", "with a `--model` trained with `--epsilon`: what its guarantee states",
    range=(0.0, float("inf")), unit="ε",
)  # fmt: skip
UNSTATED = 0.1
"""The bound that a model without a guarantee may have for it to say nothing."""


def membership_audit(losses: Losses, rng: np.random.Generator) -> Iterator[Score]:
    """The lower bound of epsilon, and the epsilon that is stated, if any.

    A bound above what is stated refutes the guarantee; of a model without one, a bound clearly above 0 counts.
    """
    promise, count = losses.promise, min(len(losses.train), len(losses.test))
    if count < FEWEST:
        note = f"needs {FEWEST} training and {FEWEST} test traces of labels that the model knows"
        yield AUDITED.score(None, 0.0, note=note)
    else:
        inside, outside = (rng.permutation(part)[:count] for part in (losses.train, losses.test))
        delta = DELTA if promise is None else promise.delta
        value = audited(-np.concatenate([inside, outside]), np.repeat([True, False], count), delta)
        said = "no guarantee is stated" if promise is None else f"stated: {promise.epsilon:g}"
        end = UNSTATED if promise is None else promise.epsilon / FLAGGED
        note = f"{2 * count:,} examples, delta {delta:g}; {said}"
        yield AUDITED.score(value, Interval(0.0, 0.0, end), note=note)
    if promise is not None:
        yield STATED.score(promise.epsilon, note=promise.sentence)


METRIC = Metric(
    membership_audit,
    Losses,
    "How large is the model's epsilon at least?",
    "privacy",
    (AUDITED, STATED),
    stream="audit",
)
