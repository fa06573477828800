"""The audit refutes a guarantee that does not hold, and never one that does."""

import numpy as np
import pytest
from scipy.stats import binom

from netdiffus.metrics import Inputs, Losses, Promise, compute
from netdiffus.metrics.one_run import audited, lower_bound, p_value
from netdiffus.privacy.ledger import Look, plan
from netdiffus.privacy.noise import noisy

DELTA = 1e-5


def canaries(epsilon: float, sigma_over: float, seed: int, count: int = 2000) -> float:
    """The audited epsilon of noisy counts of canaries; each has a cell of its own and is in by the toss of a coin."""
    (entry,) = plan([Look("canaries", 1, 1, 1.0)], epsilon, DELTA)
    inside = np.random.default_rng(seed).random(count) < 0.5
    return audited(noisy(inside.astype(np.int64), entry.sigma * sigma_over).astype(float), inside, DELTA)


@pytest.mark.parametrize("epsilon", [1.0, 4.0, 8.0])
def test_no_run_of_an_honest_mechanism_is_refuted(epsilon: float) -> None:
    found = [canaries(epsilon, 1.0, seed) for seed in range(20)]
    assert max(found) <= epsilon
    assert max(found) > 0.1 * epsilon  # an audit that always says 0 would not do


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 2.0])
def test_noise_ten_times_too_small_is_caught(epsilon: float) -> None:
    assert all(canaries(epsilon, 0.1, seed) > epsilon for seed in range(3))


def test_the_bound_is_that_of_randomised_response() -> None:
    """Without delta the least epsilon is where the binomial tail is 5 %."""
    chance = 1 / (1 + np.exp(-1.5))
    right = int(binom.ppf(0.5, 5000, chance))
    assert 1.3 < lower_bound(right, 5000, 5000, 0.0) < 1.5
    assert lower_bound(2500, 5000, 5000, 0.0) == 0.0
    assert lower_bound(0, 0, 100, 0.0) == 0.0
    assert p_value(right, 5000, 5000, 3.0, 0.0) > 0.99


def test_delta_makes_the_bound_weaker() -> None:
    assert p_value(95, 100, 1000, 1.0, 1e-3) > p_value(95, 100, 1000, 1.0, 0.0)


def test_a_model_that_breaks_its_promise_is_flagged_and_one_that_keeps_it_is_not() -> None:
    rng, promise = np.random.default_rng(0), Promise(2.0, DELTA, "flow", "a sentence")
    known = Losses(rng.normal(0, 1, 400), rng.normal(9, 1, 400), promise)
    audit, stated = compute("membership_audit", Inputs(known), 0)
    assert audit.value is not None
    assert audit.value > 2.0
    assert audit.flagged
    assert (stated.name, stated.value, stated.note) == ("membership.epsilon", 2.0, "a sentence")
    alike = Losses(rng.normal(0, 1, 400), rng.normal(0, 1, 400), promise)
    assert not next(compute("membership_audit", Inputs(alike), 0)).flagged


def test_without_a_promise_none_is_stated() -> None:
    rng = np.random.default_rng(0)
    found = list(compute("membership_audit", Inputs(Losses(rng.normal(0, 1, 99), rng.normal(9, 1, 99))), 0))
    assert [score.name for score in found] == ["membership.audit_epsilon"]
    assert found[0].flagged
    (few,) = compute("membership_audit", Inputs(Losses(np.zeros(5), np.zeros(100))), 0)
    assert few.value is None
    assert "needs 20" in few.note
