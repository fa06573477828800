"""What several tests use: a small dataset and a small model, made once for all processes."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path

# The models of the tests are small: a second thread would cost more than it brings, most of all on a busy machine.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest

from made_once import made_once

# The rest is imported where it is used: the process that hands out the tests reads this file, and runs none of them.

REPEATED = {"lowdata", "boosting", "balance"}  # metrics that train the forests of `utility` on parts of the sets, again


def pytest_collection_finish() -> None:
    """Modules and thousands of tests live until the end: looking through them for garbage took a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def small_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 200 traces, two labels."""
    from bench.small_traffic import two_labels

    return made_once(tmp_path_factory, "small-traces.parquet", two_labels(200, seed=0).write_parquet)


@pytest.fixture(scope="session")
def small_dataset(small_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of those traces."""
    from netdiffus.api.verbs import prepare

    return made_once(tmp_path_factory, "small-dataset", lambda out: prepare(small_table, out))


@pytest.fixture(scope="session")
def small_model(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained on them for a moment."""
    from netdiffus.api.verbs import train

    return made_once(tmp_path_factory, "small-model", lambda out: train(small_dataset, out, preset="tiny", steps=60))


@pytest.fixture
def only_metrics(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets `evaluate` compute the named metrics alone, for tests of what is around them."""
    from netdiffus.metrics import METRICS
    from netdiffus.steps import evaluate as evaluating

    def choose(*names: str) -> None:
        monkeypatch.setattr(evaluating, "METRICS", {name: METRICS[name] for name in names})

    return choose


@pytest.fixture
def unrepeated_metrics(only_metrics: Callable[..., None]) -> None:
    """Lets `evaluate` compute all metrics but REPEATED, half of the work, for tests of what all of them are given."""
    from netdiffus.metrics import METRICS

    only_metrics(*(name for name in METRICS if name not in REPEATED))


@pytest.fixture
def quick_metrics() -> Iterator[None]:
    """Lets `evaluate` compute its metrics from less."""
    from quick_metrics import quick_metrics

    with quick_metrics():
        yield
