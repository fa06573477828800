"""Planted generators: the right metric flags each bad one, and none flags fresh real traces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netdiffus.metrics import Score, Traces, find, scores

CHANNELS = ("size", "direction", "gap_ns")
More = Callable[[int, int], Traces]


def run(train: Traces, test: Traces, synthetic: Traces, *only: str) -> list[Score]:
    return list(scores(train, test, synthetic, CHANNELS, seed=7, only=only or None))


def normalised(found: list[Score], name: str) -> float:
    score = find(found, name)
    assert score is not None, name
    assert score.normalised is not None, f"{name}: {score.note}"
    return score.normalised


def over_floor(found: list[Score], name: str) -> float:
    score = find(found, name)
    assert score is not None
    assert score.value is not None
    assert score.floor is not None
    return score.value / score.floor


def test_fresh_real_traces_pass(train: Traces, held_out: Traces, more: More) -> None:
    found = run(train, held_out, more(120, 5))
    for name in ("utility.ratio", "marginal.by_label.jsd", "detection.auc", "copies.exact", "labels.covered"):
        assert normalised(found, name) < 0.1, name
    assert normalised(found, "copies.nearest_ratio") < 0.1
    assert normalised(found, "atoms.size.share") < 0.1
    assert over_floor(found, "marginal.mean.jsd") < 2
    uncomputed = {score.note for score in found if score.value is None}
    assert uncomputed == {
        "no images were given",
        "the real training part is balanced already",
        "needs captures, or datasets of captures with whole flows, on both sides",
    }
    assert not [score.name for score in found if score.flagged and score.label is None]
    for name in ("size", "gap_ns", "length"):
        assert over_floor(found, f"marginal.{name}.jsd") < 3, name


def test_shuffled_labels(train: Traces, held_out: Traces, more: More) -> None:
    good = more(120, 5)
    bad = Traces(good.series, np.random.default_rng(0).permutation(good.labels))
    found = run(train, held_out, bad, "utility", "marginal")
    assert normalised(found, "utility.ratio") > 0.5
    assert normalised(found, "marginal.by_label.jsd") > 0.3


def test_one_class_for_all(train: Traces, held_out: Traces, more: More) -> None:
    good = more(120, 5)
    only_a = np.resize(np.flatnonzero(good.labels == "a"), len(good))
    found = run(train, held_out, Traces(good.series[only_a], good.labels), "marginal", "detection")
    for name in ("marginal.by_label.jsd", "detection.auc"):
        assert normalised(found, name) > 0.3, name
    covered = run(train, held_out, good.of("a"), "labels")
    assert normalised(covered, "labels.covered") == 0.75


def test_memorised_copies(train: Traces, held_out: Traces) -> None:
    rows = np.random.default_rng(0).choice(len(train), 300)
    found = run(train, held_out, train.take(rows), "copies")
    assert normalised(found, "copies.exact") == 1


def test_copies_moved_a_little(train: Traces, held_out: Traces) -> None:
    noise = np.random.default_rng(0).normal(1, 0.01, train.series.shape)
    moved = Traces(np.round(train.series * noise), train.labels)
    found = run(train, held_out, moved, "copies")
    assert normalised(found, "copies.exact") < 0.1
    assert normalised(found, "copies.nearest_ratio") > 0.5


def test_the_mean_of_each_class(train: Traces, held_out: Traces) -> None:
    means = {label: np.nanmean(train.of(label).series, axis=0).round() for label in "abcd"}
    bad = Traces(np.stack([means[str(label)] for label in held_out.labels]), held_out.labels)
    found = run(train, held_out, bad, "detection", "atoms", "marginal")
    assert normalised(found, "detection.auc") > 0.8
    assert normalised(found, "atoms.size.share") > 0.5
    assert normalised(found, "marginal.by_label.jsd") > 1


def test_rounded_sizes(train: Traces, held_out: Traces, more: More) -> None:
    bad = more(120, 5)
    bad.series[:, 0] = np.round(bad.series[:, 0] / 16) * 16
    found = run(train, held_out, bad, "marginal", "atoms", "detection")
    assert over_floor(found, "marginal.size.jsd") > 5
    assert normalised(found, "atoms.size.share") > 0.3
    assert normalised(found, "detection.auc") > 0.3


def test_same_seed_same_scores_whatever_else_runs(train: Traces, held_out: Traces, more: More) -> None:
    synthetic = more(60, 9)
    together = run(train, held_out, synthetic, "labels", "detection", "marginal")
    assert run(train, held_out, synthetic, "marginal") == [s for s in together if s.name.startswith("marginal")]
