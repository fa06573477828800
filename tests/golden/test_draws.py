"""The same seed draws the same bytes as when draws.json was written: every model, every form of output.

Only the machines that draws.json names are held to their hashes (draws.py says why); elsewhere this skips and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.golden import draws


@pytest.fixture(scope="module")
def drawer() -> Iterator[draws.Drawer]:
    drawer = draws.Drawer()
    yield drawer
    drawer.close()


@pytest.mark.parametrize("kind", [*draws.DRAWN, *draws.SOURCES])
def test_draws_are_as_recorded(kind: str, drawer: draws.Drawer) -> None:
    key = draws.versions() if kind in draws.SOURCES else draws.machine()
    recorded = draws.recorded()
    if key not in recorded:
        pytest.skip(f"no golden draws of {key}; those that are: {'; '.join(recorded)}")
    assert drawer.drawn(kind) == recorded[key][kind]


def test_another_seed_has_another_hash(tmp_path: Path) -> None:
    """Else the hashes would say nothing."""
    from netdiffus import generate, prepare, train

    model = train(prepare(draws.table(tmp_path), tmp_path / "dataset"), tmp_path / "model", preset="tiny", steps=1)
    made = {draws.hash_of(generate(model, tmp_path / "x.csv", count=5, seed=seed)) for seed in (0, 1, 0)}
    assert len(made) == 2
