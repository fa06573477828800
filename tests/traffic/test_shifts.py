"""Copies of traces shifted by one position."""

import numpy as np
import pytest
from netdiffus.traffic.shifts import rows_to_fill, shifted

ABSENT = np.nan


def one(values, n: int = 6) -> np.ndarray:
    """A trace of two channels (1, 2, n): the values, and their negatives."""
    row = np.array([*values, *[ABSENT] * (n - len(values))], dtype=float)
    return np.stack([row, -row])[None]


def copies(values, count: int = 400) -> set[tuple[float, ...]]:
    """Which shifted copies of a trace occur; both channels are shifted alike."""
    found = shifted(np.repeat(one(values), count, axis=0), np.random.default_rng(0))
    assert np.array_equal(found[:, 0], -found[:, 1], equal_nan=True)
    ended = np.isnan(found[:, 0])
    assert (np.diff(ended.astype(int), axis=1) >= 0).all()  # nothing comes after an end
    return {tuple(row[~end].tolist()) for row, end in zip(found[:, 0], ended, strict=True)}


def test_one_position_is_missing_or_comes_twice() -> None:
    left_out = {(2, 3, 4), (1, 3, 4), (1, 2, 4), (1, 2, 3)}
    twice = {(1, 1, 2, 3, 4), (1, 2, 2, 3, 4), (1, 2, 3, 3, 4), (1, 2, 3, 4, 4)}
    assert copies([1, 2, 3, 4]) == left_out | twice


def test_a_full_trace_stays_full() -> None:
    assert {len(found) for found in copies([1, 2, 3, 4, 5, 6])} == {6}
    assert (2, 3, 4, 5, 6, 6) in copies([1, 2, 3, 4, 5, 6])
    assert (1, 1, 2, 3, 4, 5) in copies([1, 2, 3, 4, 5, 6])


def test_a_short_trace_does_not_get_shorter() -> None:
    assert copies([1, 2, 3]) == {(1, 1, 2, 3), (1, 2, 2, 3), (1, 2, 3, 3)}
    assert copies([]) == {()}


def test_a_gap_inside_a_trace_is_shifted_too() -> None:
    rows = [shifted(one([1, ABSENT, 3, 4, 5]), np.random.default_rng(seed))[0, 0] for seed in range(50)]
    assert {int(np.isnan(row).sum()) for row in rows} == {1, 2, 3}
    found = {tuple(np.nan_to_num(shifted(one([1, ABSENT, 3, 4]), np.random.default_rng(seed))[0, 0], nan=-1))
             for seed in range(50)}  # fmt: skip
    assert (1, -1, -1, 3, 4, -1) in found
    assert (1, 3, 4, -1, -1, -1) in found


def test_both_happen_alike_often_and_the_input_stays() -> None:
    series = np.repeat(one([1, 2, 3, 4]), 1000, axis=0)
    found = shifted(series, np.random.default_rng(0))
    assert np.array_equal(series, np.repeat(one([1, 2, 3, 4]), 1000, axis=0), equal_nan=True)
    longer = (~np.isnan(found[:, 0])).sum(axis=1) == 5
    assert longer.mean() == pytest.approx(0.5, abs=0.05)
    assert np.array_equal(found, shifted(series, np.random.default_rng(0)), equal_nan=True)
    assert len(shifted(series[:0], np.random.default_rng(0))) == 0


def test_labels_are_filled_evenly() -> None:
    ids = np.repeat([0, 2, 5], [3, 10, 12])
    rows = rows_to_fill(ids, 11, np.random.default_rng(0))
    assert np.bincount(ids[rows], minlength=6).tolist() == [8, 0, 1, 0, 0, 0]
    assert sorted(np.bincount(rows[ids[rows] == 0]).tolist()) == [2, 3, 3]
    assert len(rows_to_fill(ids, 3, np.random.default_rng(0))) == 0
