"""Attacks on releases where the answer is known; identifiers in texts."""

from __future__ import annotations

import numpy as np
import pytest

from netdiffus.metrics import Identifiers, Inputs, Losses, Traces, comparison, compute
from netdiffus.metrics.identifiers import identifiers_in
from netdiffus.metrics.membership import true_positives

RNG = np.random.default_rng(0)


def random(count: int) -> Traces:
    return Traces(RNG.random((count, 1, 6)), np.repeat("a", count))


TRAIN, TEST, FRESH = random(200), random(200), random(200)


def values(name: str, released: Traces) -> dict[str, tuple[float | None, bool]]:
    found = compute(name, Inputs(comparison(TRAIN, TEST, released, ["size"])), 0)
    return {score.name: (score.value, score.flagged) for score in found}


def test_a_release_of_the_training_part_gives_every_member_away() -> None:
    assert values("membership", TRAIN) == {"membership.auc": (1.0, True), "membership.tpr": (1.0, True)}
    assert not any(flagged for _, flagged in values("membership", FRESH).values())


def test_second_halves_are_read_off_a_release_of_the_training_part_only() -> None:
    value, flagged = values("disclosure", TRAIN)["disclosure.excess"]
    assert value == pytest.approx(1, abs=0.03)  # test traces are sometimes near by chance
    assert flagged
    value, flagged = values("disclosure", FRESH)["disclosure.excess"]
    assert value is not None
    assert abs(value) < 0.02
    assert not flagged


def test_true_positives_at_one_per_cent() -> None:
    others = np.arange(100.0)
    assert true_positives(np.array([200.0, 200, 50, 50]), others) == 0.5
    assert true_positives(np.full(100, 5.0), np.full(100, 5.0)) == pytest.approx(0.01)
    rng = np.random.default_rng(1)
    members, others = rng.integers(0, 400, 300) / 7, rng.integers(0, 300, 250) / 7
    allowed = [border for border in {*members, *others} if np.mean(others >= border) <= 0.01]
    assert true_positives(members, others) == max(np.mean(members >= border) for border in allowed)


def test_too_few_traces_are_reported() -> None:
    few = TRAIN.take(np.arange(5))
    for name in ("membership", "disclosure"):
        (score, *_) = compute(name, Inputs(comparison(few, few, few, ["size"])), 0)
        assert score.value is None
        assert "needs 20 training and 20 test traces" in score.note


def test_identifiers_of_each_kind() -> None:
    text = (
        "GET http://Mail.Example.org:8443/x from 192.168.1.7:51234 and [fe80::1ff:fe23:4567:890a]:53, 00:1A:2b:3c:4d:5e"
    )
    assert {kind: sorted(names) for kind, names in identifiers_in([text]).items()} == {
        "mac": ["00:1a:2b:3c:4d:5e"],
        "ipv4": ["192.168.1.7"],
        "ipv6": ["fe80::1ff:fe23:4567:890a"],
        "port": ["51234", "53", "8443"],
        "host": ["mail.example.org"],
    }
    assert not any(identifiers_in(["version 1.2.3.4.5 at 12:30:15, 300.1.2.3"]).values())


def test_what_comes_out_again_is_counted() -> None:
    texts = Identifiers(*map(frozenset, (["10.0.0.1", "10.0.0.2"], [], ["seen 10.0.0.2"])))
    (score,) = compute("identifiers", Inputs(texts), 0)
    assert (score.name, score.value, score.floor, score.flagged) == ("identifiers.ipv4", 0.5, 0, True)
    assert list(compute("identifiers", Inputs(comparison(TRAIN, TEST, FRESH, ["size"])), 0)) == []


def test_a_model_that_knows_training_traces_by_heart_is_found() -> None:
    name = "membership_likelihood"
    assert list(compute(name, Inputs(), 0)) == []  # no model, no losses
    learned = Inputs(Losses(np.linspace(0, 1, 100), np.linspace(2, 3, 100)))
    assert {s.name: (s.value, s.flagged) for s in compute(name, learned, 0)} == {
        "membership.likelihood_auc": (1.0, True), "membership.likelihood_tpr": (1.0, True)
    }  # fmt: skip
    equal = Inputs(Losses(np.linspace(0, 1, 100), np.linspace(0, 1, 100)))
    auc, tpr = compute(name, equal, 0)
    assert (auc.value, auc.flagged) == (0.5, False)
    assert tpr.value == pytest.approx(0.01)
    assert auc.high == pytest.approx(0.5 + 1.96 * np.sqrt(201 / 120_000))
    (few,) = compute(name, Inputs(Losses(np.zeros(5), np.zeros(100))), 0)
    assert few.value is None
    assert "needs 20 training and 20 test traces" in few.note
