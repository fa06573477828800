"""Membership inference by likelihood: can someone holding the model tell which traces were in the training set?

The attack of Matsumoto et al. ("Membership inference attacks against diffusion models", 2023) and Carlini et al.
("Extracting training data from diffusion models", 2023): the denoiser's loss is lower on a trace that it has
memorised than on one it has never seen. Members are training traces, non-members real test traces.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.metrics.inputs import Losses
from netdiffus.metrics.intervals import interval, share_interval
from netdiffus.metrics.membership import FALSE_POSITIVES, FEWEST, true_positives
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType

AUC = ScoreType(
    "membership.likelihood_auc", "min",
    "with `--model`: attack by the model's loss, mean over 16 noise levels, of at most 500 training and 500 test "
    "traces",
    useless=1.0, useless_is="1", unit="AUC", evidence=("privacy", "independence"),
)  # fmt: skip
TPR = ScoreType(
    "membership.likelihood_tpr", "min", "its true positives at 1 % false positives", useless=1.0, useless_is="1",
    unit="share", evidence=("privacy",),
)  # fmt: skip


def membership_likelihood(losses: Losses, rng: np.random.Generator) -> Iterator[Score]:
    """The area under the ROC curve of -loss, and its true positives at 1 % false positives.

    Where the model memorised nothing both groups have the same losses, so the floors are 0.5 and 1 %.
    """
    members, others = (-np.asarray(part, dtype=np.float64) for part in (losses.train, losses.test))
    n, m = len(members), len(others)
    if min(n, m) < FEWEST:
        note = f"needs {FEWEST} training and {FEWEST} test traces of labels that the model knows"
        yield AUC.score(None, 0.5, note=note)
        return
    from sklearn.metrics import roc_auc_score

    value = float(roc_auc_score(np.repeat([1, 0], [n, m]), np.concatenate([members, others])))
    span = interval([0.5], sd=float(np.sqrt((n + m + 1) / (12 * n * m)) / np.sqrt(2)), lowest=0.0, highest=1.0)
    note = f"loss of the model, {n:,} training and {m:,} test traces of the same labels; 0.5: no better than chance"
    yield AUC.score(value, span, note=note)
    note = f"training traces called members where {FALSE_POSITIVES:.0%} of the test traces are"
    yield TPR.score(true_positives(members, others), share_interval(FALSE_POSITIVES, m, n), note=note)


METRIC = Metric(
    membership_likelihood,
    Losses,
    "Can someone holding the model tell which traces were in the training set?",
    "privacy",
    (AUC, TPR),
    stream="likelihood",
)
