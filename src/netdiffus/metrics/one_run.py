"""The audit of differential privacy in one run: a lower bound of epsilon from guesses who was in the training set.

Steinke, Nasr and Jagielski, "Privacy auditing with one (1) training run", NeurIPS 2023, theorem 5.2: of m examples,
each of which was in the training set or not by the toss of a coin, an attacker guesses r. If the training is
(epsilon, delta)-private, then

    P(at least v guesses are right) <= beta + 2 m delta max_i (P(v > B >= v - i) / i),   beta = P(B >= v),

where B is binomial: r tosses of a coin that shows heads with probability e^epsilon / (1 + e^epsilon).
"""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

from netdiffus.arrays import Bools, Floats

GUESSED = (0.05, 0.2, 1.0)
"""Shares of the examples that are guessed about: the surest ones, or all. Each is a test; they share the 5 %."""
LARGEST = 30.0
CLOSE = 1e-3


def p_value(right: int, guesses: int, examples: int, epsilon: float, delta: float) -> float:
    """The largest probability that so many of the guesses are right where the training is private."""
    chance = 1 / (1 + np.exp(-epsilon))
    beta = float(binom.sf(right - 1, guesses, chance))
    passed = np.cumsum(binom.pmf(right - np.arange(1, right + 1), guesses, chance))
    alpha = float(np.max(passed / np.arange(1, right + 1), initial=0.0))
    return min(1.0, beta + 2 * examples * delta * alpha)


def lower_bound(right: int, guesses: int, examples: int, delta: float, error: float = 0.05) -> float:
    """The least epsilon that so many right guesses do not refute with confidence 1 - `error`; 0 where none do."""
    if not guesses or p_value(right, guesses, examples, 0.0, delta) > error:
        return 0.0
    low, high = 0.0, LARGEST
    while high - low > CLOSE:
        middle = (low + high) / 2
        low, high = (low, middle) if p_value(right, guesses, examples, middle, delta) > error else (middle, high)
    return low


def audited(scores: Floats, inside: Bools, delta: float) -> float:
    """The lower bound of epsilon, with 95 % confidence, of an attacker with scores (m,), higher for likelier members.

    Args:
        inside: (m,) which examples were in the training set.
    """
    order = np.argsort(scores, kind="stable")
    bounds = []
    for share in GUESSED:
        half = max(1, int(share * len(scores) / 2))
        right = int(inside[order[-half:]].sum() + (~inside[order[:half]]).sum())
        bounds.append(lower_bound(right, 2 * half, len(scores), delta, 0.05 / len(GUESSED)))
    return max(bounds)
