"""A unit never counts for more than was paid for."""

import numpy as np
import pytest

from netdiffus.errors import InputError
from netdiffus.privacy.units import LARGEST_GROUP, check_delta, counted_rows, default_delta


def test_no_group_counts_more_often_than_allowed() -> None:
    groups = np.array([3, 1, 3, 3, 2, 3, 1])
    rows = counted_rows(groups, 2)
    assert np.bincount(groups[rows]).tolist() == [0, 2, 1, 2]
    assert (np.diff(rows) > 0).all()


def test_which_rows_of_a_group_count_is_left_to_chance() -> None:
    groups = np.zeros(40, dtype=np.int64)
    assert len({tuple(counted_rows(groups, 3)) for _ in range(20)}) > 1


def test_a_group_that_is_no_unit_is_refused() -> None:
    with pytest.raises(InputError, match=f"groups of at most {LARGEST_GROUP:,} rows"):
        counted_rows(np.zeros(1_000_000, dtype=np.int64), 4)


def test_delta_says_no_more_of_n_than_its_order_of_magnitude() -> None:
    assert default_delta(13_043) == pytest.approx(1e-6)
    assert default_delta(99_999) == default_delta(10_001)
    assert all(default_delta(n) <= 1 / (10 * n) * 1.001 for n in (2, 10, 11, 1000, 12_345))


def test_a_delta_that_would_allow_to_publish_a_unit_is_refused() -> None:
    check_delta(1e-3, 999)
    with pytest.raises(InputError, match="below 1/n"):
        check_delta(1e-3, 1000)


def test_whether_a_row_counts_does_not_depend_on_other_groups() -> None:
    """Rows chosen from all without replacement would: a group more would leave the others less room."""
    few, many = np.repeat([1, 2], 5), np.repeat([1, 2, 3, 4], 5)
    shares = [np.mean([np.isin([0, 5], counted_rows(groups, 2)) for _ in range(2000)]) for groups in (few, many)]
    assert shares == pytest.approx([0.4, 0.4], abs=0.04)
