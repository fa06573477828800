"""Marginal distances: does each channel take its values as often as in real traffic, over all and for each label?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.metrics.binning import bin_of, fit_edges
from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.distances import cdf_difference, jsd, kolmogorov_smirnov, wasserstein
from netdiffus.metrics.reference import Interval, Redraws, ends, interval, redraws
from netdiffus.metrics.score import Score

MOST = 20_000  # traces of each part that are looked at
UNITS = {"size": "bytes", "gap_ns": "ns", "up_bytes": "bytes", "down_bytes": "bytes", "length": "packets"}
MEASURES = ("jsd", "jsd_position", "wasserstein", "wasserstein_std", "ks")


@dataclass(frozen=True)
class Sample:
    """One channel of some traces: values (N, n), NaN where absent, and a weight for each trace (N,)."""

    values: NDArray[np.float64]
    weights: NDArray[np.float64]

    def present(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The values that are there, and their weights, both (M,)."""
        there = ~np.isnan(self.values) & (self.weights > 0)[:, None]
        return self.values[there], np.broadcast_to(self.weights[:, None], self.values.shape)[there]

    def histograms(self, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mass in each bin at each position (n, bins); the last bin counts the absent."""
        bins, positions = len(edges) + 2, self.values.shape[1]
        flat = bin_of(self.values, edges) + bins * np.arange(positions)
        weights = np.broadcast_to(self.weights[:, None], flat.shape).ravel()
        mass = np.bincount(flat.ravel(), weights, bins * positions).astype(np.float64)
        return mass.reshape(positions, bins)


def marginal(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Distances of the synthetic from the real test traces, per channel, over all and for each label.

    Positions past the end of a trace are left out; the length of traces is a marginal of its own. Over all labels,
    traces are weighted so that every part has the label mix of the real test part: a balanced synthetic set is not
    blamed for being balanced. The floor is the distance between two real sets of the same sizes.
    """
    sets = sets.limited(MOST, rng)
    draws = redraws(sets, rng)
    found: list[tuple[Score, list[float]]] = []
    for channel in (*sets.channels, "length"):
        for label in (None, *sets.labels):
            for score, floors in _of(sets, draws, channel, label):
                if score.name.endswith(".jsd"):
                    found.append((score, floors))
                yield score
    yield from _means(found, sets.labels)


def _of(sets: Comparison, draws: Redraws, channel: str, label: str | None) -> Iterator[tuple[Score, list[float]]]:
    """The scores of one channel and one label (None: all), each with the real draws that its floor is the mean of."""
    train, test, synthetic = (_sample(part, sets, channel, label) for part in (sets.train, sets.test, sets.synthetic))
    pooled = np.concatenate([train.values, test.values])
    edges = fit_edges(pooled)
    values = _distances(test, synthetic, edges)
    pool = _sample(draws.pool, sets, channel, None)
    floors = []
    for first, second in draws.rows if values else []:
        one, two = (_weighted(pool.values[rows], draws.pool.labels[rows], sets, label) for rows in (first, second))
        floors.append(_distances(one, two, edges))
    ceiling = None if label is None else _ceiling(test, _sample(sets.test, sets, channel, label, others=True), edges)
    std = float(np.nanstd(pooled)) if not np.isnan(pooled).all() else 0.0
    note = _note(label, test, synthetic)
    for measure in MEASURES:
        key, scale = ("wasserstein", std) if measure == "wasserstein_std" else (measure, 1.0)
        value, real = values.get(key), [found[key] for found in floors if key in found]
        # one trace more or less, or three for a largest difference, are chance whatever the draws say
        least = (1 if key.startswith("jsd") else 3) / max(1, min(len(test.weights), len(synthetic.weights)))
        least *= std if key == "wasserstein" else 1.0
        span = interval(real, lowest=0.0, least=least) if real and scale else None
        low, high = ends(span)
        why = note or ("the real values do not vary" if scale == 0 else "")
        unit = UNITS.get(channel, "") if measure == "wasserstein" else "std" if measure == "wasserstein_std" else ""
        score = Score(
            f"marginal.{channel}.{measure}",
            None if value is None or scale == 0 else value / scale,
            None if span is None else span.middle / scale,
            1.0 if measure == "ks" else ceiling if measure == "jsd" else None,
            "min",
            unit,
            label,
            why,
            low=None if low is None else low / scale,
            high=None if high is None else high / scale,
        )
        yield score, real


def _sample(part: Traces, sets: Comparison, channel: str, label: str | None, others: bool = False) -> Sample:
    """One channel of a part: of all labels, weighted to the test part's mix, of one label, or of all the others."""
    values = part.lengths()[:, None] if channel == "length" else part.series[:, sets.channels.index(channel)]
    if others:
        chosen = part.labels != label
        return Sample(values[chosen], np.ones(int(chosen.sum())))
    return _weighted(values, part.labels, sets, label)


def _weighted(values: NDArray[np.float64], labels: NDArray[np.str_], sets: Comparison, label: str | None) -> Sample:
    """The values of one label, or of all with the test part's mix."""
    if label is not None:
        chosen = labels == label
        return Sample(values[chosen], np.ones(int(chosen.sum())))
    names, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    wanted = np.array([np.count_nonzero(sets.test.labels == name) for name in names])
    return Sample(values, (wanted / counts)[index])


def _distances(real: Sample, other: Sample, edges: NDArray[np.float64]) -> dict[str, float]:
    """Every measure between two samples; empty where one of them holds nothing."""
    a, b = real.present(), other.present()
    if not len(a[0]) or not len(b[0]):
        return {}
    p, q = real.histograms(edges), other.histograms(edges)
    points, difference = cdf_difference(a[0], b[0], a[1], b[1])
    return {
        "jsd": float(jsd(p[:, :-1].sum(axis=0), q[:, :-1].sum(axis=0))),
        "jsd_position": float(jsd(p, q).mean()),
        "wasserstein": wasserstein(points, difference),
        "ks": kolmogorov_smirnov(difference),
    }


def _ceiling(real: Sample, others: Sample, edges: NDArray[np.float64]) -> float | None:
    """How far a label is from all the other labels, both real: the generator that ignores the label."""
    p, q = (sample.histograms(edges)[:, :-1].sum(axis=0) for sample in (real, others))
    return float(jsd(p, q)) if p.any() and q.any() else None


def _note(label: str | None, test: Sample, synthetic: Sample) -> str:
    of = f" of the label '{label}'" if label else " of the real labels"
    for name, sample in (("real test", test), ("synthetic", synthetic)):
        if not len(sample.present()[0]):
            return f"there are no {name} values{of}"
    return ""


def _mean(values: list[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


def _means(found: list[tuple[Score, list[float]]], labels: list[str]) -> Iterator[Score]:
    """The mean over the channels, over all and for each label, and the mean of the labels'."""
    means, draws = [], []
    for label in (None, *labels):
        these = [(score, real) for score, real in found if score.label == label]
        value = _mean([score.value for score, _ in these])
        note = these[0][0].note if value is None else "mean over the channels and the length"
        real = _mean_draws([real for _, real in these])
        ceiling = _mean([score.ceiling for score, _ in these])
        means.append(_mean_score("marginal.mean.jsd", value, real, ceiling, label, note))
        draws.append(real)
    yield from means
    missing = [score.label for score in means[1:] if score.value is None]
    yield _mean_score(
        "marginal.by_label.jsd",
        _mean([1.0 if score.value is None else score.value for score in means[1:]]),
        _mean_draws(draws[1:]),
        _mean([score.ceiling for score in means[1:]]),
        None,
        "mean over labels, channels and the length; the ceiling is one label against all others"
        + (f"; counted as 1 for want of traces: {', '.join(map(str, missing))}" if missing else ""),
    )


def _mean_draws(draws: list[list[float]]) -> list[float]:
    """Draw by draw, the mean over what was measured; where a measure lacks draws, it is left out."""
    most = max(map(len, draws), default=0)
    return [float(value) for value in np.mean([real for real in draws if len(real) == most], axis=0)] if most else []


def _mean_score(
    name: str, value: float | None, real: list[float], ceiling: float | None, label: str | None, note: str
) -> Score:
    span: Interval | None = interval(real, lowest=0.0) if real else None
    low, high = ends(span)
    middle = None if span is None else span.middle
    return Score(name, value, middle, ceiling, "min", "", label, note, low=low, high=high)
