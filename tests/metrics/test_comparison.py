"""Parts that fit each other, and draws with the labels of another part."""

from __future__ import annotations

import numpy as np
import pytest

from netdiffus.errors import InputError
from netdiffus.metrics import Traces, comparison, scores

NAN = np.nan


def made(labels: str, length: int = 3) -> Traces:
    return Traces(np.zeros((len(labels), 1, length)), np.array(list(labels), dtype=np.str_))


def test_lengths_count_what_is_there() -> None:
    assert Traces(np.array([[[1.0, NAN]], [[NAN, NAN]]]), np.array(["a", "b"])).lengths().tolist() == [1, 0]


def test_matching_takes_as_many_of_each_label_as_there_are() -> None:
    drawn = made("aaaaabb").matching(made("aabbbc"), np.random.default_rng(0))
    assert drawn.labels.tolist() == ["a", "a", "b", "b"]


def test_two_draws_share_no_trace_where_there_are_enough() -> None:
    traces = Traces(np.arange(12.0).reshape(12, 1, 1), np.array(list("aaaaaaaabbbc")))
    one, two = traces.two_draws({"a": 4, "b": 2, "c": 1, "d": 0}, np.random.default_rng(0))
    assert one.labels.tolist() == two.labels.tolist() == list("aaaabbc")
    first, second = (set(part.series[:4].ravel().tolist()) for part in (one, two))
    assert first | second == set(range(8))
    assert not first & second
    last = set(range(8, 11)) - set(one.series[4:6].ravel().tolist())
    assert last <= set(two.series[4:6].ravel().tolist()), "the one that the first left, and any again"
    assert two.series[6].item() == 11, "a label with one trace"
    one, two = traces.two_draws({"a": 99}, np.random.default_rng(0))
    assert sorted(one.series.ravel().tolist()) == list(range(8))
    assert len(two) == 8
    assert len(set(two.series.ravel().tolist())) < 8, "with replacement"


def test_shorter_arrays_are_filled() -> None:
    sets = comparison(made("a", 3), made("a", 2), made("a", 4), ["size"])
    assert [part.series.shape for part in (sets.train, sets.test, sets.synthetic)] == [(1, 1, 4)] * 3
    assert sets.test.lengths().tolist() == [2]


def test_parts_that_do_not_fit_are_named() -> None:
    with pytest.raises(InputError, match=r"part 'synthetic'.*none"):
        comparison(made("a"), made("a"), made(""), ["size"])
    with pytest.raises(InputError, match=r"part 'train'.*shape \(1, 1, 3\).*same channels"):
        comparison(made("a"), made("a"), made("a"), ["size", "gap_ns"])


def test_an_unknown_metric_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(InputError, match=r"marginal.*; got margin;"):
        list(scores(made("a"), made("a"), made("a"), ["size"], only=["margin"]))
