"""Coverage: does the synthetic set have every real label, and only those?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.metrics.comparison import Comparison
from netdiffus.metrics.score import Score


def coverage(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """The share of the real labels that have synthetic traces; what is missing or unknown is named."""
    made = {str(label) for label in np.unique(sets.synthetic.labels)}
    missing, unknown = sorted(set(sets.labels) - made), sorted(made - set(sets.labels))
    note = "; ".join(
        f"{what}: {', '.join(names)}" for what, names in (("missing", missing), ("not a real label", unknown)) if names
    )
    share = 1 - len(missing) / len(sets.labels)
    yield Score("labels.covered", share, 0.0, 1.0, "max", "share", note=note)
