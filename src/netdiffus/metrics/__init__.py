"""Metrics: how faithful, how useful and how private synthetic traffic is; README.md lists all scores.

Each file declares one `Metric`: a function that gives scores, the question it answers, the input it needs and what its
scores mean. METRICS holds them all by name; the report, `evaluate`, the README and the benchmarks read it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from netdiffus.errors import InputError
from netdiffus.metrics import (
    anomaly,
    atoms,
    autocorrelation,
    balance,
    bits,
    bits_classifiers,
    boosting,
    bursts,
    conformance,
    connections,
    contamination,
    copies,
    correlation,
    delays,
    detection,
    disclosure,
    fields,
    fingerprinting,
    flows,
    identifiers,
    labels,
    leakage,
    load,
    lowdata,
    manifold,
    marginal,
    membership,
    membership_audit,
    membership_likelihood,
    mmd,
    sessions,
    spectrum,
    totals,
    utility,
    wavelet,
)
from netdiffus.metrics.comparison import Comparison, comparison
from netdiffus.metrics.inputs import Identifiers, Imaged, Inputs, Losses, Missing, Promise
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.packets import PacketSets
from netdiffus.metrics.score import Confusion, Score, find
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces
from netdiffus.metrics.whole import WholeSets

METRICS: dict[str, Metric[Any]] = {
    "leakage": leakage.METRIC,
    "labels": labels.METRIC,
    "marginal": marginal.METRIC,
    "atoms": atoms.METRIC,
    "autocorrelation": autocorrelation.METRIC,
    "correlation": correlation.METRIC,
    "bursts": bursts.METRIC,
    "totals": totals.METRIC,
    "spectrum": spectrum.METRIC,
    "manifold": manifold.METRIC,
    "mmd": mmd.METRIC,
    "copies": copies.METRIC,
    "contamination": contamination.METRIC,
    "membership": membership.METRIC,
    "membership_likelihood": membership_likelihood.METRIC,
    "membership_audit": membership_audit.METRIC,
    "disclosure": disclosure.METRIC,
    "identifiers": identifiers.METRIC,
    "utility": utility.METRIC,
    "boosting": boosting.METRIC,
    "balance": balance.METRIC,
    "lowdata": lowdata.METRIC,
    "anomaly": anomaly.METRIC,
    "detection": detection.METRIC,
    "fingerprinting": fingerprinting.METRIC,
    "fields": fields.METRIC,
    "bits": bits.METRIC,
    "bits_classifiers": bits_classifiers.METRIC,
    "conformance": conformance.METRIC,
    "flows": flows.METRIC,
    "delays": delays.METRIC,
    "load": load.METRIC,
    "wavelet": wavelet.METRIC,
    "sessions": sessions.METRIC,
    "connections": connections.METRIC,
}


def scores(
    real_train: Traces,
    real_test: Traces,
    synthetic: Traces,
    channels: Sequence[str],
    *,
    seed: int = 0,
    only: Sequence[str] | None = None,
) -> Iterator[Score]:
    """Every score of traces, one by one as it is computed; `only` names the METRICS to run.

    The draws of a metric depend on the seed and on the metric, not on which others run.

    Raises:
        InputError: an unknown metric, or arrays that do not fit each other.
    """
    names = list(METRICS) if only is None else list(only)
    if unknown := [name for name in names if name not in METRICS]:
        raise InputError(f"metrics among {', '.join(METRICS)}", ", ".join(unknown), "choose from that list")
    inputs = Inputs(comparison(real_train, real_test, synthetic, channels))
    for name in names:
        yield from compute(name, inputs, seed)


def compute(name: str, inputs: Inputs, seed: int, metric: Metric[Any] | None = None) -> Iterator[Score]:
    """The scores of one of METRICS; none where it needs another input.

    Args:
        metric: it, where it may not be in METRICS: another process has those that ship alone.
    """
    metric = metric or METRICS[name]
    return metric.compute(inputs, _stream(metric.stream or name, seed))


def baseline_values(sets: Comparison, seed: int) -> dict[str, float | None]:
    """By score, the values over all labels that simple generators are measured by; `sets` has their traces."""
    values: dict[str, float | None] = {}
    for name, metric in METRICS.items():
        if metric.baselines:
            values |= metric.compute_values(Inputs(sets), _stream(metric.stream or name, seed))
    return values


def type_of(score: str) -> ScoreType | None:
    """The declaration of a score by its name; None where no metric declares it."""
    kinds = (kind for metric in METRICS.values() if (kind := metric.type_of(score)))
    return next(kinds, None)


def metric_of(score: str) -> str | None:
    """The name in METRICS of the metric that gives a score; None where none does."""
    return next((name for name, metric in METRICS.items() if metric.type_of(score)), None)


def _stream(word: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(word.encode())])


__all__ = [
    "METRICS",
    "Comparison",
    "Confusion",
    "Identifiers",
    "Imaged",
    "Inputs",
    "Losses",
    "Metric",
    "Missing",
    "PacketSets",
    "Promise",
    "Score",
    "ScoreType",
    "Traces",
    "WholeSets",
    "baseline_values",
    "comparison",
    "compute",
    "find",
    "metric_of",
    "scores",
    "type_of",
]
