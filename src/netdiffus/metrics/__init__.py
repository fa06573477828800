"""Metrics: how faithful, how useful and how private synthetic traces are; names and meanings in README.md beside this.

A metric is `f(sets, rng) -> Iterator[Score]`, where `sets` is a Comparison of real training, real test and synthetic
traces. METRICS holds them all by name; `scores` runs them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from netdiffus.errors import InputError
from netdiffus.metrics.anomaly import anomaly
from netdiffus.metrics.atoms import atoms
from netdiffus.metrics.autocorrelation import autocorrelation
from netdiffus.metrics.balance import balance
from netdiffus.metrics.bitclassifiers import bitclassifiers
from netdiffus.metrics.bits import bits
from netdiffus.metrics.boosting import boosting
from netdiffus.metrics.comparison import Comparison, Traces, comparison
from netdiffus.metrics.conformance import conformance
from netdiffus.metrics.contamination import contamination
from netdiffus.metrics.copies import copies
from netdiffus.metrics.correlation import correlation
from netdiffus.metrics.coverage import coverage
from netdiffus.metrics.detection import detection
from netdiffus.metrics.disclosure import disclosure
from netdiffus.metrics.headerfields import headerfields
from netdiffus.metrics.identifiers import identifiers
from netdiffus.metrics.images import images
from netdiffus.metrics.leakage import leakage
from netdiffus.metrics.likelihood import likelihood
from netdiffus.metrics.lowdata import lowdata
from netdiffus.metrics.manifold import manifold
from netdiffus.metrics.marginal import marginal
from netdiffus.metrics.membership import membership
from netdiffus.metrics.mmd import mmd
from netdiffus.metrics.runs import runs
from netdiffus.metrics.score import Confusion, Score, find
from netdiffus.metrics.spectrum import spectrum
from netdiffus.metrics.totals import totals
from netdiffus.metrics.utility import utility

METRICS: dict[str, Callable[[Comparison, np.random.Generator], Iterator[Score]]] = {
    "leakage": leakage,
    "coverage": coverage,
    "marginal": marginal,
    "atoms": atoms,
    "autocorrelation": autocorrelation,
    "correlation": correlation,
    "runs": runs,
    "totals": totals,
    "spectrum": spectrum,
    "manifold": manifold,
    "mmd": mmd,
    "copies": copies,
    "contamination": contamination,
    "membership": membership,
    "likelihood": likelihood,
    "disclosure": disclosure,
    "identifiers": identifiers,
    "utility": utility,
    "boosting": boosting,
    "balance": balance,
    "lowdata": lowdata,
    "anomaly": anomaly,
    "detection": detection,
    "images": images,
    "headerfields": headerfields,
    "bits": bits,
    "bitclassifiers": bitclassifiers,
    "conformance": conformance,
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
    """Every score, one by one as it is computed; `only` names the METRICS to run.

    The draws of a metric depend on the seed and on the metric, not on which others run.

    Raises:
        InputError: an unknown metric, or arrays that do not fit each other.
    """
    names = list(METRICS) if only is None else list(only)
    if unknown := [name for name in names if name not in METRICS]:
        raise InputError(f"metrics among {', '.join(METRICS)}", ", ".join(unknown), "choose from that list")
    sets = comparison(real_train, real_test, synthetic, channels)
    for name in names:
        yield from compute(name, sets, seed)


def compute(name: str, sets: Comparison, seed: int) -> Iterator[Score]:
    """The scores of one of METRICS."""
    return METRICS[name](sets, np.random.default_rng([seed, zlib.crc32(name.encode())]))


__all__ = ["METRICS", "Comparison", "Confusion", "Score", "Traces", "comparison", "compute", "find", "scores"]
