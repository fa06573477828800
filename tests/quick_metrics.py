"""`evaluate` with small forests, short trainings and few draws, for tests that do not ask how good they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

TREES, DRAWS, STEPS = 10, 6, 20


@contextmanager
def quick_metrics() -> Iterator[None]:
    """Every metric computes all its scores, from less."""
    from netdiffus.metrics import fingerprinting, forest, lowdata, null

    with pytest.MonkeyPatch.context() as patch:
        for function in (forest.forest, forest.forest_of, forest.forest_result):
            patch.setattr(function, "__defaults__", (TREES,))
        patch.setattr(null.resamples, "__defaults__", (DRAWS,))
        patch.setattr(lowdata, "TREES", TREES)
        for name in ("STEPS", "DETECTOR_STEPS"):
            patch.setattr(fingerprinting, name, STEPS)
        yield
