"""What the ledger says is spent is what is spent."""

import math

import pytest
from dp_accounting.pld.privacy_loss_distribution import from_gaussian_mechanism
from scipy.optimize import brentq
from scipy.stats import norm

from netdiffus.errors import InputError
from netdiffus.privacy.ledger import Entry, Guarantee, Look, epsilon_of, plan


def gaussian_delta(epsilon: float, mu: float) -> float:
    """Of the Gaussian mechanism (Balle and Wang 2018): an independent way to the same figure."""
    return float(norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu))


LOOKS = [Look("few", 1, 1, 0.1), Look("many", 10, 1, 0.9)]


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 4.0, 8.0])
def test_a_plan_spends_what_may_be_spent_and_hardly_less(epsilon: float) -> None:
    entries = plan(LOOKS, epsilon, 1e-5)
    assert 0.99 * epsilon < epsilon_of(entries, 1e-5) <= epsilon


def test_the_accounting_agrees_with_the_formula_for_gaussians() -> None:
    entries = plan(LOOKS, 4.0, 1e-5)
    mu = math.sqrt(sum(entry.cells * (entry.sensitivity / entry.sigma) ** 2 for entry in entries))
    exact = float(brentq(lambda epsilon: gaussian_delta(epsilon, mu) - 1e-5, 0.1, 20))
    assert epsilon_of(entries, 1e-5) == pytest.approx(exact, rel=0.02)


def test_ten_times_less_noise_costs_far_more_than_the_ledger_promised() -> None:
    broken = [entry.model_copy(update={"sigma": entry.sigma / 10}) for entry in plan(LOOKS, 1.0, 1e-5)]
    assert epsilon_of(broken, 1e-5) > 10


CLAIMS = [{"mechanism": "Poisson-sampled discrete Gaussian"}, {"sampling": 0.1}, {"mechanism": "Laplace"}]


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_ledger_has_no_entry_for_samples(claim: dict[str, object]) -> None:
    """No look samples; an entry that claims less loss because it did is none that can be read or accounted for."""
    entry = plan(LOOKS, 1.0, 1e-5)[0].model_dump()
    assert Entry.of(entry, "ledger") == plan(LOOKS, 1.0, 1e-5)[0]
    with pytest.raises(InputError, match="ledger"):
        Entry.of(entry | claim, "ledger")


def test_rows_sampled_without_replacement_are_not_what_poisson_sampling_would_cost() -> None:
    """The broken variant: four of a hundred rows of a group, counted as if each were there by Poisson sampling."""
    stated = from_gaussian_mechanism(1.5, sampling_prob=0.04).get_epsilon_for_delta(1e-5)
    assert stated < 1
    # what a training pays is what all four cost: they do count, whichever they are
    assert epsilon_of([Entry(name="x", cells=1, sensitivity=4, sigma=1.5, share=1.0)], 1e-5) > 10 * stated
    sigma = plan([Look("x", 1, 4, 1.0)], stated, 1e-5)[0].sigma
    assert sigma > 10 * 1.5


def test_a_group_of_rows_costs_as_much_noise_as_it_has_rows() -> None:
    one, four = plan([Look("x", 5, 1, 1.0)], 1.0, 1e-6), plan([Look("x", 5, 4, 1.0)], 1.0, 1e-6)
    assert four[0].sigma == pytest.approx(4 * one[0].sigma, rel=0.01)


def test_the_sentence_names_epsilon_delta_and_unit() -> None:
    entries = [Entry(name="x", cells=1, sensitivity=1, sigma=3.0, share=1.0)]
    flow = Guarantee(epsilon=4, delta=1e-6, unit="flow", most_per_group=1, entries=entries)
    assert "(4, 1e-06)-differential privacy" in flow.sentence
    assert "any one flow" in flow.sentence
    group = Guarantee(epsilon=4, delta=1e-6, unit="group", most_per_group=7, entries=entries)
    assert "any one group (of which at most 7 are counted)" in group.sentence
    assert flow.spent == epsilon_of(entries, 1e-6)
