"""Mode coverage: the few values that make up most of real traffic; does the synthetic traffic hit them exactly?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.arrays import Floats
from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import measured, score_of
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

TOP = 20
MOST = 20_000  # traces of each side
SHARE = ScoreType(
    "atoms.CHANNEL.share", "max", "share of values among the 20 most frequent of the real test part", useless=0.0,
    useless_is="0", unit="share",
)  # fmt: skip


def atoms(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """For each channel, the share of its values that are among the 20 most frequent of the real test part.

    The ceiling is the share in other real traces of the same labels. A share above it is not better: the marginal
    distances show that.
    """
    kinds = [SHARE.of(channel) for channel in sets.channels]

    def measure(real: Traces, other: Traces) -> dict[str, float]:
        shares = {
            kind.name: share(other.series[:, index], most_frequent(real.series[:, index], TOP))
            for index, kind in enumerate(kinds)
        }
        return {name: value for name, value in shares.items() if value is not None}

    found = measured(sets, rng, measure, MOST)
    for index, kind in enumerate(kinds):
        top = most_frequent(sets.test.series[:, index], TOP)
        listed = ", ".join(f"{value:g}" for value in top[:5])
        note = f"the {len(top)} most frequent real values, first {listed}; labels mixed as in the test part"
        yield score_of(kind, found, note=note, missing="no values of a shared label")


def most_frequent(values: Floats, top: int) -> Floats:
    """The `top` most frequent values, most frequent first; the smaller one of two that are equally frequent."""
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    return distinct[np.argsort(-counts, kind="stable")[:top]]


def share(values: Floats, atoms: Floats) -> float | None:
    """The share of the values (ignoring absent ones) that are atoms; None if there are no values."""
    present = values[~np.isnan(values)]
    return float(np.isin(present, atoms).mean()) if len(present) else None


METRIC = Metric(atoms, Comparison, "Do the values that real traffic repeats come out exactly?", "fidelity", (SHARE,))
