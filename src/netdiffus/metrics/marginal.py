"""Marginal distances: does each channel take its values as often as in real traffic, over all and for each label?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Floats
from netdiffus.metrics.binning import fit_edges
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.intervals import Interval, interval
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import Resamples, resamples
from netdiffus.metrics.pooled import Pooled, Subset
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces
from netdiffus.metrics.weighted import Sample, distances, value_jsd

MOST = 20_000  # traces of each part that are compared
UNITS = {"size": "bytes", "gap_ns": "ns", "up_bytes": "bytes", "down_bytes": "bytes", "length": "packets"}
UNBOUNDED = (0.0, float("inf"))
KINDS = {
    "jsd": ScoreType(
        "marginal.CHANNEL.jsd", "min",
        "Jensen-Shannon divergence in bits of the channel's values, over all and per label",
        useless_is="per label: this label against all others",
    ),
    "jsd_position": ScoreType(
        "marginal.CHANNEL.jsd_position", "min",
        "the same at each position, absence included, mean over positions", compared=True,
    ),
    "wasserstein": ScoreType(
        "marginal.CHANNEL.wasserstein", "min", "Wasserstein-1 in the channel's unit", range=UNBOUNDED
    ),
    "wasserstein_std": ScoreType(
        "marginal.CHANNEL.wasserstein_std", "min", "the same divided by the standard deviation of the real values",
        range=UNBOUNDED, unit="std",
    ),
    "ks": ScoreType(
        "marginal.CHANNEL.ks", "min", "Kolmogorov-Smirnov: the largest difference of the distribution functions",
        useless=1.0, useless_is="1",
    ),
}  # fmt: skip
MEAN = ScoreType(
    "marginal.mean.jsd", "min", "mean of `jsd` over the channels and the length, over all and per label",
    evidence=("shape",),
)  # fmt: skip
BY_LABEL = ScoreType(
    "marginal.by_label.jsd", "min", "mean of those of the labels", useless_is="mean of one label against all others",
    compared=True,
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A score, and the values of the real pairs that its floor is the mean of."""

    score: Score
    real: list[float]


def marginal(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Distances of the synthetic from the real test traces, per channel, over all and for each label.

    Positions past the end of a trace are ignored; the length of traces is a marginal of its own. Over all labels,
    traces are weighted so that every part has the label mix of the real test part: a balanced synthetic set is not
    blamed for being balanced. The floor is the distance between two real sets of the same sizes.
    """
    sets = sets.limited(MOST, rng)
    yield from _scores(sets, resamples(sets, rng))


def _values(sets: Comparison, rng: np.random.Generator) -> Mapping[str, float | None]:
    sets = sets.limited(MOST, rng)
    scores = _scores(sets, Resamples(sets.test, []))
    return {score.name: score.value for score in scores if score.label is None}


def _scores(sets: Comparison, draws: Resamples[Traces]) -> Iterator[Score]:
    jsds: list[Drawn] = []
    pairs = {label: _pairs(sets, draws, label) for label in (None, *sets.labels)}
    for channel in (*sets.channels, "length"):
        pool = _values_of(draws.pool, sets, channel)
        for label in (None, *sets.labels):
            for drawn in _of_channel(sets, pool, pairs[label], channel, label):
                if drawn.score.name.endswith(".jsd"):
                    jsds.append(drawn)
                yield drawn.score
    yield from _means(jsds, sets.labels)


def _of_channel(sets: Comparison, pool: Floats, pairs: Pairs, channel: str, label: str | None) -> Iterator[Drawn]:
    """The scores of one channel and one label (None: all); `pool` has the channel's values of all real traces."""
    train, test, synthetic = (_sample(part, sets, channel, label) for part in (sets.train, sets.test, sets.synthetic))
    pooled = np.concatenate([train.values, test.values])
    edges = fit_edges(pooled)
    values = distances(test, synthetic, edges)
    real = pairs.distances(pool, edges) if values else []
    others = None if label is None else _ceiling(test, _sample(sets.test, sets, channel, label, others=True), edges)
    std = float(np.nanstd(pooled)) if not np.isnan(pooled).all() else 0.0
    note = _missing(label, test, synthetic)
    # one trace more or less, or three for a largest difference, are chance whatever the draws are
    fewest = max(1, min(len(test.weights), len(synthetic.weights)))
    for measure, kind in KINDS.items():
        key, scale = ("wasserstein", std) if measure == "wasserstein_std" else (measure, 1.0)
        value, drawn = values.get(key), [found[key] for found in real if key in found]
        least = (1 if key.startswith("jsd") else 3) / fewest
        span = interval(drawn, lowest=0.0, least=least * (std if key == "wasserstein" else 1.0)) if drawn else None
        of_channel = kind.of(channel, UNITS.get(channel, "") if measure == "wasserstein" else None)
        far = others if measure == "jsd" else None
        if scale:
            scaled = None if value is None else value / scale
            yield Drawn(of_channel.score(scaled, _scaled(span, scale), far, label=label, note=note), drawn)
        else:
            why = note or "the real values do not vary"
            yield Drawn(of_channel.score(None, None, far, label=label, note=why), drawn)


def _scaled(span: Interval | None, scale: float) -> Interval | None:
    return None if span is None else Interval(span.middle / scale, span.low / scale, span.high / scale)


def _sample(part: Traces, sets: Comparison, channel: str, label: str | None, others: bool = False) -> Sample:
    """One channel of a part: of all labels, weighted to the test part's mix, of one label, or of all the others."""
    values = _values_of(part, sets, channel)
    if others:
        chosen = part.labels != label
        return Sample(values[chosen], np.ones(int(chosen.sum())))
    return _weighted(values, part.labels, sets, label)


def _values_of(part: Traces, sets: Comparison, channel: str) -> Floats:
    """The values (N, n) of a channel; of the length (N, 1)."""
    return part.lengths()[:, None] if channel == "length" else part.series[:, sets.channels.index(channel)]


def _weighted(values: Floats, labels: NDArray[np.str_], sets: Comparison, label: str | None) -> Sample:
    """The values of one label, or of all with the test part's mix."""
    if label is not None:
        chosen = labels == label
        return Sample(values[chosen], np.ones(int(chosen.sum())))
    return Sample(values, _weights(labels, sets.test.labels))


def _weights(labels: NDArray[np.str_], mix: NDArray[np.str_]) -> Floats:
    """A weight for each label (N,), so that all of them together are mixed like the others."""
    names, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    wanted = np.array([np.count_nonzero(mix == name) for name in names])
    return (wanted / counts)[index]


@dataclass(frozen=True)
class Pairs:
    """The rows of the real traces that have a label (None: all), and pairs of subsets of these."""

    rows: NDArray[np.bool_]
    pairs: list[tuple[Subset, Subset]]

    def distances(self, pool: Floats, edges: Floats) -> list[dict[str, float]]:
        """The distances of each pair that has values, of a channel (N, n) of the real traces."""
        pooled = Pooled.of(pool[self.rows], edges)
        return [pooled.distances(*pair) for pair in self.pairs]


def _pairs(sets: Comparison, draws: Resamples[Traces], label: str | None) -> Pairs:
    labels = draws.pool.labels
    if label is None:
        weighted = [[(rows, _weights(labels[rows], sets.test.labels)) for rows in pair] for pair in draws.rows]
        return Pairs(np.ones(len(labels), dtype=np.bool_), [(one, two) for one, two in weighted])
    chosen = labels == label
    place = np.cumsum(chosen) - 1
    own = [[place[rows[chosen[rows]]] for rows in pair] for pair in draws.rows]
    return Pairs(chosen, [((one, np.ones(len(one))), (two, np.ones(len(two)))) for one, two in own])


def _ceiling(real: Sample, others: Sample, edges: Floats) -> float | None:
    """How far a label is from all the other labels, both real: a generator that ignores the label."""
    return value_jsd(real, others, edges) if all(len(sample.present()[0]) for sample in (real, others)) else None


def _missing(label: str | None, test: Sample, synthetic: Sample) -> str:
    """What is missing for a comparison, in words; empty where nothing is."""
    of = f" of the label '{label}'" if label else " of the real labels"
    for name, sample in (("real test", test), ("synthetic", synthetic)):
        if not len(sample.present()[0]):
            return f"no {name} values{of}"
    return ""


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _means(jsds: list[Drawn], labels: list[str]) -> Iterator[Score]:
    """The mean over the channels, over all and for each label, and the mean of the labels'."""
    means, draws = [], []
    for label in (None, *labels):
        these = [drawn for drawn in jsds if drawn.score.label == label]
        value = _mean([drawn.score.value for drawn in these])
        note = these[0].score.note if value is None else "mean over the channels and the length"
        real = _mean_draws([drawn.real for drawn in these])
        useless = _mean([drawn.score.ceiling for drawn in these])
        means.append(MEAN.score(value, _span(real), useless, label=label, note=note))
        draws.append(real)
    yield from means
    missing = [score.label for score in means[1:] if score.value is None]
    yield BY_LABEL.score(
        _mean([1.0 if score.value is None else score.value for score in means[1:]]),
        _span(_mean_draws(draws[1:])),
        _mean([score.ceiling for score in means[1:]]),
        note="mean over labels, channels and the length; the ceiling is one label against all others"
        + (f"; counted as 1, having no synthetic traces: {', '.join(map(str, missing))}" if missing else ""),
    )


def _mean_draws(draws: list[list[float]]) -> list[float]:
    """Draw by draw, the mean over what was measured; a measure with fewer draws than others is skipped."""
    most = max(map(len, draws), default=0)
    return [float(value) for value in np.mean([real for real in draws if len(real) == most], axis=0)] if most else []


def _span(real: list[float]) -> Interval | None:
    return interval(real, lowest=0.0) if real else None


METRIC = Metric(
    marginal,
    Comparison,
    "Does each channel take its values as often as in real traffic?",
    "fidelity",
    (MEAN, BY_LABEL, *KINDS.values()),
    baselines=True,
    values=_values,
)
