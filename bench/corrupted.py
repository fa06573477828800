"""Corrupted sets: real traces corrupted in one known way each, which the right metric must detect."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netdiffus.metrics import Traces

CHANNELS = ("size", "direction", "gap_ns")
Generator = Callable[[Traces, Traces, Traces, tuple[str, ...], np.random.Generator], Traces]


def parts(traces: Traces, per_label: int, seed: int) -> tuple[Traces, Traces, Traces]:
    """Training, test and fresh traces, two, one and one of `per_label` of each label, or of as many as there are."""
    rng = np.random.default_rng(seed)
    rows: list[list[int]] = [[], [], []]
    for label in np.unique(traces.labels):
        mine = rng.permutation(np.flatnonzero(traces.labels == label))[: 4 * per_label]
        share = len(mine) // 4
        for part, some in zip(rows, np.split(mine[: 4 * share], [2 * share, 3 * share]), strict=True):
            part += some.tolist()
    return tuple(traces.take(np.array(part)) for part in rows)  # type: ignore[return-value]


def resample(train: Traces, test: Traces, fresh: Traces, channels: tuple[str, ...], rng: np.random.Generator) -> Traces:
    """Other real traces, not corrupted."""
    return fresh


def noise(train: Traces, test: Traces, fresh: Traces, channels: tuple[str, ...], rng: np.random.Generator) -> Traces:
    """Training traces with each value moved by about 2 %."""
    some = train.take(rng.permutation(len(train))[: len(fresh)])
    moved = np.round(some.series * (1 + 0.02 * rng.standard_normal(some.series.shape)))
    return Traces(moved, some.labels)


def shuffled_labels(
    train: Traces, test: Traces, fresh: Traces, channels: tuple[str, ...], rng: np.random.Generator
) -> Traces:
    return Traces(fresh.series, rng.permutation(fresh.labels))


def time_reversed(
    train: Traces, test: Traces, fresh: Traces, channels: tuple[str, ...], rng: np.random.Generator
) -> Traces:
    """The last packet first; absence stays at the end."""
    there = ~np.isnan(fresh.series)
    order = np.argsort(np.where(there, -np.arange(there.shape[2]), 1), axis=2, kind="stable")
    return Traces(np.take_along_axis(fresh.series, order, axis=2), fresh.labels)


def class_mean(
    train: Traces, test: Traces, fresh: Traces, channels: tuple[str, ...], rng: np.random.Generator
) -> Traces:
    """The mean of the label's traces, again and again, as long as most of them."""
    made = np.empty_like(fresh.series)
    for label in np.unique(fresh.labels):
        part = train.of(str(label))
        count = int(np.median(part.lengths()))
        mean = np.where(np.isnan(part.series), 0, part.series).sum(axis=0) / np.maximum(
            (~np.isnan(part.series)).sum(axis=0), 1
        )
        mean[:, count:] = np.nan
        made[fresh.labels == label] = np.round(mean)
    return Traces(made, fresh.labels)


def one_class(
    train: Traces, test: Traces, fresh: Traces, channels: tuple[str, ...], rng: np.random.Generator
) -> Traces:
    """Traces of the first label under every label."""
    first = np.flatnonzero(fresh.labels == np.unique(fresh.labels)[0])
    return Traces(fresh.series[rng.choice(first, len(fresh))], fresh.labels)


def memorised(
    train: Traces, test: Traces, fresh: Traces, channels: tuple[str, ...], rng: np.random.Generator
) -> Traces:
    return train.take(rng.choice(len(train), len(fresh)))


def half_of_test(
    train: Traces, test: Traces, fresh: Traces, channels: tuple[str, ...], rng: np.random.Generator
) -> Traces:
    """Half of the test part handed in, as by a mistaken argument."""
    return test.take(rng.permutation(len(test))[: len(test) // 2])


def rounded(train: Traces, test: Traces, fresh: Traces, channels: tuple[str, ...], rng: np.random.Generator) -> Traces:
    """Sizes rounded to 16 bytes."""
    series = fresh.series.copy()
    at = channels.index("size")
    series[:, at] = np.round(series[:, at] / 16) * 16
    return Traces(series, fresh.labels)


def shuffled_gaps(
    train: Traces, test: Traces, fresh: Traces, channels: tuple[str, ...], rng: np.random.Generator
) -> Traces:
    """The gaps of each trace in another order, the first left at 0."""
    series = fresh.series.copy()
    gaps = series[:, channels.index("gap_ns"), 1:]
    keys = np.where(np.isnan(gaps), np.inf, rng.random(gaps.shape))
    series[:, channels.index("gap_ns"), 1:] = np.take_along_axis(gaps, np.argsort(keys, axis=1), axis=1)
    return Traces(series, fresh.labels)


GENERATORS: dict[str, Generator] = {
    "resample": resample,
    "noise": noise,
    "shuffled labels": shuffled_labels,
    "time reversed": time_reversed,
    "class mean": class_mean,
    "one class": one_class,
    "memorised": memorised,
    "half of the test part": half_of_test,
    "rounded": rounded,
    "shuffled gaps": shuffled_gaps,
}
# The scores that must flag each of them; none may flag the resample.
MUST_FLAG: dict[str, tuple[str, ...]] = {
    "noise": ("atoms.size.share", "marginal.size.jsd", "marginal.by_label.jsd", "disclosure.excess"),
    "shuffled labels": ("utility.ratio", "marginal.by_label.jsd", "utility.trts_accuracy", "anomaly.tstr_auc"),
    "time reversed": ("marginal.gap_ns.jsd_position", "marginal.size.jsd_position", "detection.auc"),
    "class mean": (
        "manifold.coverage",
        "manifold.recall",
        "atoms.size.share",
        "marginal.by_label.jsd",
        "detection.auc",
    ),
    "one class": ("manifold.recall", "marginal.by_label.jsd", "utility.ratio", "mmd"),
    "memorised": ("copies.exact", "membership.auc", "membership.tpr", "disclosure.excess"),
    "half of the test part": ("contamination.unseen", "contamination.copies"),
    "rounded": ("atoms.size.share", "marginal.size.jsd", "detection.auc"),
    "shuffled gaps": ("marginal.gap_ns.jsd_position", "correlation.channels", "detection.auc"),
}
# The answers that must be given to it (alone, mixed in, publish, IDS), whatever the other scores say.
MUST_ANSWER: dict[str, tuple[str, ...]] = {"half of the test part": ("unknown", "unknown", "no", "unknown")}
