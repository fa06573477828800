"""Baselines keep counts, labels and what they promise to keep."""

from __future__ import annotations

import numpy as np
import pytest

from netdiffus.baselines import BASELINES
from netdiffus.baselines.markov import states

NAN = np.nan
LABELS = np.array(["a", "a", "a", "b"])
SERIES = np.array(
    [
        [[100, 20, NAN, NAN], [0, 1, NAN, NAN]],
        [[100, 20, 30, NAN], [0, 1, 0, NAN]],
        [[100, 20, 30, NAN], [0, 1, 0, NAN]],
        [[7, 8, 9, 0], [1, 1, 1, 1]],
    ],
    dtype=np.float64,
)


@pytest.mark.parametrize("name", BASELINES)
def test_makes_as_many_of_each_label_as_asked_with_absence_only_at_the_end(name: str) -> None:
    series, labels = BASELINES[name](SERIES, LABELS, {"b": 3, "a": 40}, np.random.default_rng(0))
    assert series.shape == (43, 2, 4)
    assert labels.tolist() == ["b"] * 3 + ["a"] * 40
    absent = np.isnan(series)
    assert (absent[:, 0] == absent[:, 1]).all()
    assert (np.diff(absent.astype(int), axis=2) >= 0).all()
    assert not absent[:3].any()
    assert absent[3:, :, 3].all()
    assert np.isin(series[3:, 1][~absent[3:, 1]], [0, 1]).all()


@pytest.mark.parametrize("name", BASELINES)
def test_same_generator_same_traces_and_nothing_asked_gives_nothing(name: str) -> None:
    one, two = (BASELINES[name](SERIES, LABELS, {"a": 5}, np.random.default_rng(3))[0] for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert BASELINES[name](SERIES, LABELS, {"a": 0}, np.random.default_rng(0))[0].shape == (0, 2, 4)


def test_jitter_moves_values_but_neither_zeros_nor_directions() -> None:
    series, _ = BASELINES["jitter"](SERIES, LABELS, {"b": 200}, np.random.default_rng(0))
    assert (series[:, 0, 3] == 0).all()
    assert (series[:, 1] == 1).all()
    large, _ = BASELINES["jitter"](SERIES, LABELS, {"a": 200}, np.random.default_rng(0))
    assert len(np.unique(large[:, 0, 0])) > 5
    assert abs(large[:, 0, 0].mean() - 100) < 2


def test_histogram_keeps_each_position_but_mixes_channels() -> None:
    labels = np.array(["x", "x"])
    series = np.array([[[1.0, 2.0], [0, 0]], [[10.0, 20.0], [1, 1]]])
    made, _ = BASELINES["histogram"](series, labels, {"x": 200}, np.random.default_rng(0))
    assert set(made[:, 0, 0]) == {1, 10}
    assert set(made[:, 0, 1]) == {2, 20}
    assert len(np.unique(made.reshape(200, -1), axis=0)) == 16


def test_markov_follows_only_real_transitions() -> None:
    made, _ = BASELINES["markov"](SERIES, LABELS, {"a": 300}, np.random.default_rng(0))
    assert (made[:, 0, 0] == 100).all()
    assert (made[:, 0, 1] == 20).all()
    ended = np.isnan(made[:, 0, 2]).mean()
    assert 0.2 < ended < 0.47  # a third of the real ones end there


def test_markov_does_not_take_the_cut_of_the_array_for_an_end() -> None:
    series = np.full((5, 1, 6), 4.0)
    made, _ = BASELINES["markov"](series, np.repeat("x", 5), {"x": 50}, np.random.default_rng(0))
    assert (made == 4).all()


def test_states_are_equal_where_every_channel_is_in_the_same_bin() -> None:
    packets = np.array([[0, 0], [0, 1], [1000, 0], [0, 0]], dtype=np.float64)
    assert states(packets)[0] == states(packets)[3]
    assert len(set(states(packets).tolist())) == 3
