"""Alphabets: classes of values, and values of classes."""

import json

import numpy as np
import pytest

from netdiffus.imaging.alphabet import Alphabet
from netdiffus.imaging.scale import EmpiricalScale, join_rare
from netdiffus.imaging.scales import SCALES

IDS = np.repeat([0, 1], [60, 40])


@pytest.fixture
def values() -> np.ndarray:
    """Atoms 0 and 1448, absence, and 300 rare values; label 1 holds the larger ones."""
    rng = np.random.default_rng(0)
    made = rng.choice([0.0, 1448.0, np.nan], (100, 20), p=[0.5, 0.3, 0.2])
    rare = rng.random(made.shape) < 0.2
    return np.where(rare, rng.integers(1, 300, made.shape) + 300 * IDS[:, None], made)


def test_joining_keeps_what_is_frequent_apart() -> None:
    counts = np.array([1, 1, 1, 50, 1, 1, 2, 40, 1, 3])
    groups = join_rare(counts, 6)
    assert groups.tolist() == [0, 0, 0, 1, 2, 2, 2, 3, 4, 5]
    assert join_rare(counts, 10).tolist() == list(range(10))
    assert join_rare(np.ones(10_000, dtype=np.int64), 256).max() < 256
    assert (np.diff(groups) >= 0).all()


@pytest.mark.parametrize("most", [16, 64, 4096])
def test_there_are_at_most_so_many_classes_and_atoms_have_their_own(values, most) -> None:
    alphabet = Alphabet.fit(values, IDS, most)
    assert len(alphabet) <= most
    sizes = np.bincount(alphabet.classes)
    for atom in (0.0, 1448.0, np.nan):
        assert sizes[alphabet.index(atom)] == 1
    classes = alphabet.index(values)
    assert (classes.min(), classes.max()) == (0, len(alphabet) - 1)


def test_with_a_class_for_each_value_all_come_back(values) -> None:
    alphabet = Alphabet.fit(values, IDS, 4096)
    assert np.array_equal(alphabet.draw(alphabet.index(values), IDS, np.random.default_rng(0)), values, equal_nan=True)


def test_a_label_draws_its_own_values_as_often_as_it_holds_them(values) -> None:
    alphabet = Alphabet.fit(values, IDS, 16)
    drawn = alphabet.draw(alphabet.index(values), IDS, np.random.default_rng(1))
    for label in (0, 1):
        own = values[label == IDS]
        assert set(drawn[label == IDS].ravel()[~np.isnan(drawn[label == IDS].ravel())]) <= set(own.ravel())
        assert abs(np.nanmean(drawn[label == IDS]) - np.nanmean(own)) < 15


def test_a_class_that_a_label_never_held_gives_anyones_value(values) -> None:
    alphabet = Alphabet.fit(values, IDS, 16)
    high = alphabet.index(np.full((40, 20), 450.0))
    drawn = alphabet.draw(high, np.zeros(40, dtype=np.int64), np.random.default_rng(2))
    assert (drawn > 300).all()
    assert np.array_equal(alphabet.index(drawn), high)


def test_between_values_stay_in_their_class_and_atoms_are_exact(values) -> None:
    alphabet = Alphabet.fit(values, IDS, 16)
    classes = alphabet.index(values)
    drawn = alphabet.draw(classes, IDS, np.random.default_rng(3), between=True)
    assert np.array_equal(drawn[values == 1448], values[values == 1448])
    assert np.array_equal(np.isnan(drawn), np.isnan(values))
    rare = (values > 0) & (values < 1448)
    assert (np.abs(drawn - values)[rare] < 120).all()
    assert not set(drawn[rare]) <= set(values[rare])


@pytest.mark.parametrize("scale", SCALES)
def test_middles_ascend_within_the_scale(values, scale) -> None:
    middles = Alphabet.fit(values, IDS, 16).middles(SCALES[scale](values))
    assert (np.diff(middles) > 0).all()
    assert 0 <= middles[0] < middles[-1] <= 1


def test_json_keeps_all_of_it(values) -> None:
    alphabet = Alphabet.fit(values, IDS, 32)
    again = Alphabet.from_json(json.loads(json.dumps(alphabet.to_json())))
    assert np.array_equal(again.index(values), alphabet.index(values))
    one, other = (a.draw(a.index(values), IDS, np.random.default_rng(4)) for a in (alphabet, again))
    assert np.array_equal(one, other, equal_nan=True)


def test_of_too_many_values_frequent_ones_stay_and_rare_ones_go_to_a_neighbour() -> None:
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.integers(0, 10**9, 20_000), np.full(500, 123_456_789)]).astype(float)
    scale = EmpiricalScale.of_atoms(values)
    assert len(scale.values) <= EmpiricalScale.MOST_VALUES
    assert 123_456_789 in scale.values
    assert set(scale.values) <= set(values)
    nearest = scale.values[scale.index(values)]
    assert np.abs(nearest - values).max() < 2_000_000
