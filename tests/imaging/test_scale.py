"""The empirical scale: what goes in comes out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from netdiffus.errors import InputError
from netdiffus.imaging.scale import EmpiricalScale, round_significant

values_or_absent = hnp.arrays(
    np.float64, st.integers(1, 60), elements=st.one_of(st.integers(-2000, 2000).map(float), st.just(float("nan")))
).filter(lambda array: not np.isnan(array).all())


def test_intervals_are_as_wide_as_the_probability() -> None:
    scale = EmpiricalScale.fit([0, 0, 0, 517, 1448, 1448, 1448, 1448])
    assert scale.values.tolist() == [0, 517, 1448]
    assert scale.edges.tolist() == [0, 0.375, 0.5, 1]
    assert scale.decode([0.0, 0.374, 0.375, 0.499, 0.5, 1.0]).tolist() == [0, 0, 517, 517, 1448, 1448]


def test_names_are_as_wide_as_the_root_of_their_probability_and_leave_absence_as_it_was() -> None:
    values = [7.0] * 25 + [8.0] + [9.0] * 4 + [float("nan")] * 10
    scale = EmpiricalScale.of_names(values)
    assert scale.values[:-1].tolist() == [7, 8, 9]
    np.testing.assert_allclose(np.diff(scale.edges), [0.75 * 5 / 8, 0.75 / 8, 0.75 * 2 / 8, 0.25])
    np.testing.assert_allclose(scale.edges[-2:], EmpiricalScale.fit(values).edges[-2:])


def test_absence_is_the_topmost_atom_and_is_narrowed() -> None:
    nan = float("nan")
    scale = EmpiricalScale.fit([5, nan, nan, nan])
    assert scale.edges.tolist() == [0, 1 - EmpiricalScale.LARGEST_ABSENT, 1]
    assert np.isnan(scale.decode(0.99))
    assert scale.decode(0.5) == 5


@given(values_or_absent, st.integers(0, 2**32 - 1))
def test_every_known_value_comes_back_from_anywhere_in_its_interval(values, seed) -> None:
    scale = EmpiricalScale.fit(values)
    low, high = scale.interval(values)
    u = low + (high - low) * np.random.default_rng(seed).random(values.shape)
    assert np.array_equal(scale.decode(np.minimum(u, np.nextafter(high, 0))), values, equal_nan=True)


@given(values_or_absent)
def test_json_keeps_all_of_it(values) -> None:
    scale = EmpiricalScale.fit(values)
    again = EmpiricalScale.from_json(scale.to_json())
    assert np.array_equal(again.values, scale.values, equal_nan=True)
    assert np.array_equal(again.edges, scale.edges)
    assert again.digits == scale.digits


def test_unknown_values_go_to_the_nearest() -> None:
    scale = EmpiricalScale.fit([10, 20, 30])
    assert scale.values[scale.index([-5, 14, 16, 99])].tolist() == [10, 10, 20, 30]


def test_many_values_are_rounded_to_significant_digits() -> None:
    gaps = np.arange(1, 200_001, 7, dtype=np.float64)
    scale = EmpiricalScale.fit(gaps)
    assert scale.digits == 3
    assert len(scale.values) <= EmpiricalScale.MOST_VALUES
    low, high = scale.interval(gaps)
    assert np.abs(scale.decode((low + high) / 2) - gaps).max() <= 0.005 * gaps.max()
    assert np.all(np.abs(scale.decode((low + high) / 2) / gaps - 1) <= 0.005)


def test_round_significant() -> None:
    assert round_significant(np.array([0, 7, 1234, -98765, 0.4]), 2).tolist() == [0, 7, 1200, -99000, 0]


def test_nothing_to_fit_is_an_error() -> None:
    with pytest.raises(InputError, match="at least one value"):
        EmpiricalScale.fit([float("nan")])
