"""What counts give away: how well a membership attack on them alone tells the traces that were counted from others.

Who compares how likely a trace is under counts with its own fold, and under counts without it, sees what such an attack
would see. Whatever is counted is chosen so that the area under the attack's ROC curve stays below a bound. That of the
priors of quantities is lower: their values hardly recur, so that a closer count of them tells less than it gives away,
and what several counts give away adds up.
"""

from __future__ import annotations

import torch
from torch import Tensor

OF_VALUES, OF_QUANTITIES, OF_CONTEXTS = 0.56, 0.53, 0.56
"""The largest areas that are chosen."""
TOLD = 0.1


def leak(members: Tensor, others: Tensor) -> float:
    """Area under the ROC curve of telling traces by their log-likelihood when counted (N,) and when not (M,).

    Likelihoods that differ by less than TOLD count as equal: those of traces that all others foretell, too.
    """
    return auc((members / TOLD).round(), (others / TOLD).round())


def auc(members: Tensor, others: Tensor) -> float:
    """The chance that a member's value (N,) exceeds another's (M,), ties counted half (Mann and Whitney 1947)."""
    _, rank, size = torch.unique(torch.cat([members, others]), return_inverse=True, return_counts=True)
    middle = size.cumsum(0) - (size - 1) / 2
    N, M = len(members), len(others)
    return float((middle[rank[:N]].double().sum() - N * (N + 1) / 2) / (N * M))
