"""Label coverage: does the synthetic set have every real label, and only those?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType

COVERED = ScoreType(
    "labels.covered", "max", "share of the real labels that have synthetic traces", useless=0.0, unit="share"
)


def labels(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The share of the real labels that have synthetic traces; the note names missing and unknown labels."""
    synthetic = {str(label) for label in np.unique(sets.synthetic.labels)}
    missing, unknown = sorted(set(sets.labels) - synthetic), sorted(synthetic - set(sets.labels))
    note = "; ".join(
        f"{what}: {', '.join(names)}" for what, names in (("missing", missing), ("not a real label", unknown)) if names
    )
    yield COVERED.score(1 - len(missing) / len(sets.labels), 1.0, note=note)


METRIC = Metric(
    labels, Comparison, "Does every label have synthetic traces?", "fidelity", (COVERED,), stream="coverage"
)
