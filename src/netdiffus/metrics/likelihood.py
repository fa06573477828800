"""Membership by likelihood: can one who has the model tell who was in the training part?

The attack of Matsumoto et al. ("Membership inference attacks against diffusion models", 2023) and Carlini et al.
("Extracting training data from diffusion models", 2023): a trace that the denoiser has learned by heart costs it less
loss than one it has never seen. Members are training traces, non-members real test traces.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.metrics import roc_auc_score

from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.membership import FALSE_POSITIVES, FEWEST, true_positives
from netdiffus.metrics.reference import interval, share_interval
from netdiffus.metrics.score import Score


def likelihood(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The area under the ROC curve of -loss, and its true positives at 1 % false positives.

    Where nothing was learned by heart both groups cost the same, so the floors are 0.5 and 1 %. Nothing where the sets
    came without the losses of a model.
    """
    if sets.losses is None:
        return
    members, others = (-np.asarray(losses, dtype=np.float64) for losses in sets.losses)
    n, m = len(members), len(others)
    if min(n, m) < FEWEST:
        note = f"needs {FEWEST} training and {FEWEST} test traces of labels that the model knows"
        yield Score("membership.likelihood_auc", None, 0.5, 1.0, "min", "AUC", note=note)
        return
    value = float(roc_auc_score(np.repeat([1, 0], [n, m]), np.concatenate([members, others])))
    span = interval([0.5], sd=float(np.sqrt((n + m + 1) / (12 * n * m)) / np.sqrt(2)), lowest=0.0, highest=1.0)
    note = f"loss of the model, {n:,} training and {m:,} test traces of the same labels; 0.5: no better than a coin"
    yield Score("membership.likelihood_auc", value, 0.5, 1.0, "min", "AUC", note=note, low=span.low, high=span.high)
    share = share_interval(FALSE_POSITIVES, m, n)
    note = f"training traces called members where {FALSE_POSITIVES:.0%} of the test traces are"
    yield Score(
        "membership.likelihood_tpr", true_positives(members, others), FALSE_POSITIVES, 1.0, "min", "share", note=note,
        low=share.low, high=share.high,
    )  # fmt: skip
