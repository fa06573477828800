"""The split: stratified, grouped, seeded; and copies across it."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.traffic.split import duplicates, keys, split


def parts(labels, groups=None, test=0.2, seed=0) -> list[str]:
    made = split(pl.Series(labels), None if groups is None else pl.Series(groups), test, np.random.default_rng(seed))
    return made.to_list()


def test_every_label_gives_its_share() -> None:
    labels = ["a"] * 100 + ["b"] * 10 + ["c"] * 2 + ["d"]
    found = parts(labels)
    tests = [label for label, part in zip(labels, found, strict=True) if part == "test"]
    assert {label: tests.count(label) for label in "abcd"} == {"a": 20, "b": 2, "c": 1, "d": 0}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), min_size=1, max_size=60), st.integers(0, 99))
def test_a_group_stays_on_one_side(rows, seed) -> None:
    labels, groups = [label for label, _ in rows], [group for _, group in rows]
    sides: dict[int, set[str]] = {}
    for group, part in zip(groups, parts(labels, groups, 0.4, seed), strict=True):
        sides.setdefault(group, set()).add(part)
    assert all(len(side) == 1 for side in sides.values())


def test_a_seed_gives_the_same_split_and_another_another() -> None:
    labels = ["a"] * 50 + ["b"] * 50
    assert parts(labels, seed=3) == parts(labels, seed=3)
    assert parts(labels, seed=3) != parts(labels, seed=4)


def test_no_test_part_when_none_is_asked_for() -> None:
    assert parts(["a"] * 10, test=0.0) == ["train"] * 10


def test_duplicates_across_the_split() -> None:
    traces = pl.DataFrame(
        {
            "split": ["train", "test", "test", "test", "train"],
            "size": [[1, 2], [1, 2], [1], [12], [1, 2]],
            "gap_ns": [[0, 5], [0, 5], [0], [0], [0, 5]],
        }
    )
    found = duplicates(traces["split"], keys(traces, ["size", "gap_ns"]))
    assert found.to_list() == [False, True, False, False, False]


def test_keys_are_those_of_the_series_wherever_they_lie() -> None:
    traces = pl.DataFrame(
        {"size": [[1, 2], [1], [], [0], [2, 1], [1, 2]], "gap_ns": [[0, 5], [0], [], [0], [0, 5], [0, 6]]}
    )
    whole = keys(traces, ["size", "gap_ns"])
    assert whole.n_unique() == 6
    pieces = [keys(traces[i : i + 1].rechunk(), ["size", "gap_ns"]) for i in range(6)]
    assert pl.concat(pieces).to_list() == whole.to_list()
