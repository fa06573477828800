"""Atoms: the share of the most frequent real values."""

from __future__ import annotations

import numpy as np

from netdiffus.metrics import Traces, scores
from netdiffus.metrics.atoms import most_frequent, share

NAN = np.nan


def test_most_frequent_first_and_the_smaller_of_equals() -> None:
    assert most_frequent(np.array([3, 3, 1, 2, 2, 9, 9, 9, NAN, NAN]), 3).tolist() == [9, 2, 3]


def test_share_leaves_out_the_absent() -> None:
    assert share(np.array([517, 514, 519, 517, NAN]), np.array([517.0])) == 0.5
    assert share(np.array([NAN]), np.array([517.0])) is None


def test_score_stands_beside_the_real_share() -> None:
    labels = np.array(["a", "a"])
    real = Traces(np.array([[[517.0, 0]], [[517.0, 0]]]), labels)
    near = Traces(np.array([[[514.0, 0]], [[519.0, NAN]]]), labels)
    (score,) = scores(real, real, near, ["size"], only=["atoms"])
    assert (score.name, score.value, score.ceiling) == ("atoms.size.share", 1 / 3, 1)
