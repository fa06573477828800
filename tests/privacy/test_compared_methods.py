"""The private methods that the bench compares: what they look at is paid for, and they draw what they learned."""

from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch.nn import functional

from bench import private_evolution, private_marginals, private_sgd, private_start
from bench.private_evolution import varied, voted
from bench.private_marginals import draw_tree, marginals, scored, tree_of, unconditional
from bench.private_sgd import Batch, Network, Steps, by_sgd, clipped_sum, noise_of
from bench.private_start import CODES, DELTA, Private, begin, by_label, draw_cells, label_cells
from netdiffus.arrays import Ints
from netdiffus.privacy.ledger import Entry, Look, epsilon_of

LENGTH, NOISE, EPSILON = 4, 2.0, 20.0
STEPS = Steps(steps=5, sampled=0.2, clip=0.5, rate=0.01)
SETTINGS = {
    by_label: {"codes": 0.9},
    marginals: {"codes": 0.5, "pairs": 0.4},
    by_sgd: {"contexts": 0, "share": 0.5, "steps": 3, "sampled": 0.1, "clip": 1.0, "rate": 0.01},
}


@pytest.fixture(autouse=True)
def _little_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """What plans cost, and how much noise they find, is tested elsewhere."""

    def planned(looks: list[Look], epsilon: float, delta: float) -> list[Entry]:
        return [Entry(name=each.name, cells=each.cells, sensitivity=1, sigma=NOISE, share=0.1) for each in looks]

    monkeypatch.setattr(private_start, "plan", planned)
    monkeypatch.setattr(private_sgd, "GRID", 1e-2)


def some_private(count: int = 2000) -> Private:
    """Label 0 repeats 100 or 300, label 1 sends 700 upward and ends early."""
    rng = np.random.default_rng(0)
    ids = np.arange(count) % 2
    values = np.repeat(rng.choice([100.0, 300.0], (count, 1)), LENGTH, axis=1)
    values[ids == 1] = -701.0
    values[ids == 1, 2:] = np.nan
    return Private(values, ids, ["a", "b"])


@pytest.mark.parametrize("method", SETTINGS, ids=lambda method: method.__name__)
def test_methods_spend_no_more_than_asked_and_draw_what_they_learned(method: private_start.Method) -> None:
    made = method(some_private(), EPSILON, SETTINGS[method], 0)
    assert 0 < made.spent <= EPSILON
    drawn = made.draw(np.repeat([0, 1], 200), np.random.default_rng(0))
    assert np.isin(drawn[:200, 0], [100, 300]).mean() > 0.9
    assert (drawn[200:, 0] == -701).mean() > 0.9
    assert np.isnan(drawn[200:, 2:]).mean() > 0.9


def test_pairs_are_drawn_together() -> None:
    made = marginals(some_private(), EPSILON, SETTINGS[marginals], 0)
    drawn = made.draw(np.zeros(500, dtype=np.int64), np.random.default_rng(0))
    assert (drawn[:, 0] == drawn[:, 1]).mean() > 0.75  # by label alone: half of them


def scores_of(private: Private, shares_of: Private) -> Ints:
    """The scores before noise, with what another set's tables without noise expect."""
    counted: list[Ints] = []

    def silent(counts: Ints, sigma: float) -> Ints:
        counted.append(counts)
        return counts

    looks = {CODES: (LENGTH, 0.5), private_marginals.SCORES: (6, 0.4)}
    with patch.object(private_start, "noisy", silent), patch.object(private_marginals, "noisy", silent):
        other = begin(shares_of, looks, 1.0)
        start = begin(private, looks, 1.0)
        codes = other.book.encode(private.values)
        scored(type(start)(codes, private.ids, other.book, other.traces_of, start.entries), unconditional(other))
    return counted[-1]


def test_a_trace_changes_a_score_by_one_at_most() -> None:
    every = some_private(60)
    for left_out in (0, 1, 17):
        rest = np.delete(np.arange(60), left_out)
        fewer = Private(every.values[rest], every.ids[rest], every.labels)
        change = scores_of(every, every) - scores_of(fewer, every)
        assert np.abs(change).max() == 1


def test_the_tree_has_the_largest_scores() -> None:
    scores = np.zeros((4, 4))
    scores[0, 2], scores[2, 3], scores[1, 3], scores[0, 1] = 9, 8, 7, 6
    assert tree_of(scores) == [(0, -1), (2, 0), (3, 2), (1, 3)]


def test_what_follows_an_end_is_absent() -> None:
    start = begin(some_private(), {CODES: (LENGTH, 0.9)}, EPSILON)
    edges = [private_marginals.Edge(row, -1, np.ones((1, len(start.book)))) for row in range(LENGTH)]
    shares = [np.full((2, len(start.book)), 1 / len(start.book))] * LENGTH
    drawn = draw_tree(edges, shares, np.zeros(300, dtype=np.int64), np.random.default_rng(0))
    absent = drawn == len(start.book) - 1
    assert absent.any()
    assert np.array_equal(absent, np.logical_or.accumulate(absent, axis=1))


def test_gradients_are_clipped_trace_by_trace() -> None:
    torch.manual_seed(0)
    network = Network(5, 2, LENGTH)
    torch.nn.init.normal_(network.head.weight)
    codes, ids = torch.randint(0, 5, (6, LENGTH)), torch.tensor([0, 1, 0, 1, 0, 1])
    batch = Batch(codes, ids, torch.randn(6, LENGTH, 5), torch.ones(6, LENGTH))
    rows = torch.tensor([0, 2, 3])
    total = clipped_sum(network, batch, rows, 0.5)
    expected = {name: torch.zeros_like(value) for name, value in network.named_parameters()}
    for row in rows:
        network.zero_grad()
        logits = network(codes[row : row + 1, :-1], ids[row : row + 1])[0] + batch.expected[row]
        functional.cross_entropy(logits, codes[row], reduction="sum").backward()
        length = torch.stack([value.grad.norm() for value in network.parameters()]).norm()
        assert length > 0.5
        for name, value in network.named_parameters():
            expected[name] += value.grad * 0.5 / length
    for name, value in expected.items():
        torch.testing.assert_close(total[name], value, rtol=1e-4, atol=1e-5)
    assert all(value.norm() <= 1.5 + 1e-4 for value in total.values())


def test_the_network_sees_no_later_code() -> None:
    torch.manual_seed(0)
    network = Network(5, 2, LENGTH)
    torch.nn.init.normal_(network.head.weight)
    before = torch.tensor([[1, 2, 3], [1, 2, 4]])
    logits = network(before, torch.zeros(2, dtype=torch.long))
    torch.testing.assert_close(logits[0, :3], logits[1, :3])
    assert not torch.allclose(logits[0, 3], logits[1, 3])


def test_steps_are_paid_for_beside_the_tables() -> None:
    entries = [Entry(name="x", cells=4, sensitivity=1, sigma=4.0, share=1.0)]
    noise, spent = noise_of(entries, STEPS, 6.0)
    assert epsilon_of(entries, DELTA) < 5.5 < spent <= 6.0
    assert noise > noise_of(entries, STEPS, 8.0)[0]


def test_each_private_trace_has_one_vote() -> None:
    values = some_private(30).values
    candidates = np.array([[100.0] * 4, [300.0] * 4, [-701.0, -701.0, np.nan, np.nan], [1400.0] * 4])
    votes: list[Ints] = []
    with patch.object(private_evolution, "noisy", lambda counts, sigma: votes.append(counts) or counts):
        found = voted(values, candidates, 0.01)
    assert votes[0].sum() == 30
    assert found[-1] == 0
    assert (found[:-1] > 0).all()


def test_variation_keeps_ends_at_the_end() -> None:
    rng = np.random.default_rng(0)
    public = np.array([[3, 4, 9, 9], [1, 1, 1, 1]])
    found = varied(public[rng.integers(0, 2, 500)], public, 9, 1.0, rng)
    absent = found == 9
    assert np.array_equal(absent, np.logical_or.accumulate(absent, axis=1))
    assert len(np.unique(found, axis=0)) > 20
    assert found.min() >= 0


def test_tables_by_label_end_where_traces_end() -> None:
    start = begin(some_private(), {CODES: (LENGTH, 0.9)}, EPSILON)
    codes = draw_cells(label_cells(start), np.ones(50, dtype=np.int64), np.random.default_rng(0))
    assert (codes[:, 2:] == len(start.book) - 1).mean() > 0.9
