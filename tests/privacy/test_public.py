"""Public traces: what they say holds where the noisy counts bear it out, and nowhere else."""

from unittest.mock import patch

import numpy as np
import pytest

from netdiffus.privacy import tables
from netdiffus.privacy.public import Public, moved
from netdiffus.privacy.tables import Coded, Noise

NOISE = Noise(60.0, 120.0, 50.0)
"""So much that three hundred traces of a label hardly show."""


def chains(count: int, seed: int, shift: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Codes (count, 1, 5) of two labels: each code follows the one before by a step, now and then by chance."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, 2, count)
    codes = np.zeros((count, 1, 5), dtype=np.int64)
    codes[:, 0, 0] = (ids * 4 + shift) % 8
    for row in range(1, 5):
        step = np.where(rng.random(count) < 0.9, 1 + shift, rng.integers(0, 8, count))
        codes[:, 0, row] = (codes[:, 0, row - 1] + step) % 8
    return codes, ids


def nats(public: Public | None) -> float:
    """What unseen traces cost in the tables of few private ones."""
    codes, ids = chains(600, 0)
    coded = Coded(codes, ids, [9])
    rng = np.random.default_rng(3)
    with patch.object(tables, "noisy", lambda counts, sigma: counts + rng.normal(0.0, sigma, counts.shape).round()):
        cells = list(tables.tables(coded, np.array([300.0, 300.0]), NOISE, np.random.default_rng(0), public))
    unseen, labels = chains(2000, 1)
    lost = 0.0
    for cell in cells:
        before = [unseen[:, k, cell.row - back] for k, back in cell.places]
        shares = cell.shares[cell.tree.of(labels, before), unseen[:, 0, cell.row]]
        lost -= np.log(np.maximum(shares, 1e-4)).mean()
    return float(lost)


def test_public_traces_of_the_same_kind_help_where_noise_hides_the_private_ones() -> None:
    alike, _ = chains(3000, 2)
    unlabelled = Public(alike, np.full(3000, -1), [9])
    labelled = Public(*chains(3000, 2), [9])
    alone = nats(None)
    assert nats(unlabelled) < alone - 0.5
    assert nats(labelled) < alone - 0.5


def test_public_traces_of_another_kind_hardly_harm() -> None:
    other = Public(*chains(3000, 2, shift=2), [9])
    assert nats(other) < nats(None) + 1.0


def test_expected_counts_move_as_far_as_the_noisy_ones_are_on_the_way() -> None:
    expected, public = np.array([[40.0, 40.0]]), np.array([[80.0, 0.0]])
    assert moved(expected, public, public, 0.1) == pytest.approx(public, abs=1e-2)
    assert moved(expected, public, expected, 0.1) == pytest.approx(expected)
    assert moved(expected, public, np.array([[60.0, 20.0]]), 0.1) == pytest.approx(np.array([[60.0, 20.0]]), abs=1e-2)
    assert moved(expected, public, np.array([[0.0, 80.0]]), 0.1) == pytest.approx(expected)  # never away from it
    assert moved(expected, public, public, 1e6) == pytest.approx(expected, abs=1e-3)  # noise alone says nothing


def test_shares_of_public_traces_are_those_of_the_ones_that_go_on() -> None:
    codes = np.array([[[0, 1, 2]], [[0, 2, 2]], [[1, 1, 0]], [[1, 2, 2]]])  # 2 is absence
    public = Public(codes, np.array([0, 0, 1, -1]), [3])
    assert public.shares(0, 0) == pytest.approx([0.5, 0.5, 0.0])
    assert public.shares(0, 2) == pytest.approx([0.5, 0.0, 0.5])  # two traces have ended
    even = np.full((2, 3), 1 / 3)
    assert public.of_labels(0, 0, even)[1] == pytest.approx(np.array([1 / 3, 4 / 3, 1 / 3]) / 2)
    assert public.after(0, 1, (0, 1), even[0])[0] == pytest.approx(np.array([1 / 3, 4 / 3, 4 / 3]) / 3)
