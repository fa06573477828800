"""Copies: exact ones by hand, near ones by distance in ranks."""

from __future__ import annotations

import numpy as np
import pytest

from netdiffus.metrics import Traces, find, scores
from netdiffus.metrics.copies import distances, ranks, seen_before

NAN = np.nan


def traces(*rows: list[list[float]]) -> Traces:
    return Traces(np.array(rows, dtype=np.float64), np.repeat("a", len(rows)))


TRAIN = traces([[10, 20], [5, 7]], [[30, NAN], [5, NAN]])


def test_seen_before_is_exact_on_the_chosen_channels() -> None:
    other = traces([[10, 20], [5, 7]], [[10, 20], [5, 8]], [[30, NAN], [5, NAN]], [[30, 0], [5, 0]])
    assert seen_before(other, TRAIN, [0, 1]).tolist() == [True, False, True, False]
    assert seen_before(other, TRAIN, [0]).tolist() == [True, True, True, False]
    assert seen_before(traces([[-0.0]]), traces([[0.0]]), [0]).all()


def test_ranks_and_distances_by_hand() -> None:
    train = traces([[0, 1]], [[1, 3]])  # sorted: 0 1 1 3
    scale = [np.array([0.0, 1, 1, 3])]
    assert ranks(traces([[1, NAN]], [[3, -5]]), scale).tolist() == [[0.5, -0.5], [0.875, 0]]
    # (0.5, 0.5) is 0.375 from (0.125, 0.5) and from (0.5, 0.875)
    assert distances(traces([[1, 1]]), train) == pytest.approx([0.375], abs=1e-6)


def test_each_rate_stands_beside_the_real_test_parts_own() -> None:
    test = traces([[10, 20], [5, 7]], [[10, 20], [5, 8]], [[1, 2], [3, 4]], [[2, 2], [3, 4]])
    found = list(scores(TRAIN, test, TRAIN, ["size", "gap_ns"], only=["copies"]))
    exact, shape, near = (find(found, f"copies.{name}") for name in ("exact", "exact_shape", "nearest_ratio"))
    assert exact is not None
    assert (exact.value, exact.floor) == (1, 0.25)
    assert shape is not None
    assert (shape.value, shape.floor) == (1, 0.5)
    assert "on size only" in shape.note
    assert near is not None
    assert near.value is None
    assert near.note == "every synthetic trace is an exact copy of a training trace"
