"""What several tests use: a small dataset and a small model, made once."""

import os
from pathlib import Path

# The models of the tests are small: a second thread would cost more than it brings, most of all on a busy machine.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest

from bench.small_traffic import two_labels
from netdiffus.api.verbs import prepare, train


@pytest.fixture(scope="session")
def small_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 200 traces, two labels."""
    path = tmp_path_factory.mktemp("table") / "traces.parquet"
    two_labels(200, seed=0).write_parquet(path)
    return path


@pytest.fixture(scope="session")
def small_dataset(small_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of those traces."""
    return prepare(small_table, tmp_path_factory.mktemp("dataset") / "dataset")


@pytest.fixture(scope="session")
def small_model(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained on them for a moment."""
    return train(small_dataset, tmp_path_factory.mktemp("model") / "model", preset="tiny", steps=60)
