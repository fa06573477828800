"""What several tests use: a small dataset and a small model, made once."""

import os
from pathlib import Path

# The models of the tests are small: a second thread would cost more than it brings, most of all on a busy machine.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import polars as pl
import pytest

from netdiffus.api.verbs import prepare, train


def two_labels(count: int, seed: int) -> pl.DataFrame:
    """Traces of two labels that differ in sizes, directions, gaps and length."""
    rng = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        chat = index % 2 == 0
        length = int(rng.integers(3, 8) if chat else rng.integers(6, 13))
        sizes = rng.choice([0, 40, 64] if chat else [0, 1400, 1448], length)
        down = rng.random(length - 1) < (0.5 if chat else 0.9)
        gaps = 10 ** (rng.uniform(7, 9, length - 1) if chat else rng.uniform(4, 6, length - 1))
        rows.append(
            {
                "label": "chat" if chat else "bulk",
                "size": sizes.tolist(),
                "direction": [0, *down.astype(int).tolist()],
                "gap_ns": [0, *gaps.astype(int).tolist()],
            }
        )
    return pl.DataFrame(rows)


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
