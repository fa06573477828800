"""Made-up traffic of four labels that behaves like the real thing: atoms, handshakes, gaps over many decades."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from made_once import made_once
from netdiffus import recordings
from netdiffus.api.verbs import prepare
from netdiffus.metrics import Traces
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.traces import series

CHANNELS = ("size", "direction", "gap_ns")
ATOMS = np.array([0, 64, 517, 1448, 1400, 40, 250], dtype=np.float64)


def draw(per_label: int, seed: int, length: int = 10) -> Traces:
    """`per_label` traces of each of the labels a, b, c, d."""
    rng = np.random.default_rng(seed)
    parts = []
    for index, likely in enumerate(
        ([8, 1, 1, 1, 1, 1, 1], [1, 8, 1, 1, 1, 3, 1], [1, 1, 4, 8, 1, 1, 1], [2, 1, 1, 1, 6, 1, 4])
    ):
        shape = (per_label, length)
        size = rng.choice(ATOMS, shape, p=np.array(likely) / sum(likely))
        size[:, 0] = 517
        size += np.where(rng.random(shape) < 0.3, rng.integers(1, 400, shape), 0)
        direction = (rng.random(shape) < 0.3 + 0.1 * index).astype(np.float64)
        direction[:, 0] = 0
        gap = np.round(rng.lognormal(11 + index, 2, shape))
        gap[:, 0] = 0
        series = np.stack([size, direction, gap], axis=1)
        ends = rng.integers(4 + index, length + 1, per_label)
        series[np.broadcast_to((np.arange(length) >= ends[:, None])[:, None], series.shape)] = np.nan
        parts.append(series)
    return Traces(np.concatenate(parts), np.repeat(np.array(["a", "b", "c", "d"]), per_label))


RECORDED = ("api", "dns", "download", "mail", "mqtt", "redis", "voice-call", "web")


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    """The first 32 packets of all flows of eight recordings."""
    sources = [recordings.folder() / label for label in RECORDED]
    folder = made_once(tmp_path_factory, "recorded-dataset", lambda out: prepare(sources, out, packets=32))
    _, table = read_dataset(folder)
    return Traces(series(table, 32, CHANNELS), table["label"].to_numpy().astype(np.str_))


@pytest.fixture(scope="session")
def train() -> Traces:
    return draw(150, seed=1)


@pytest.fixture(scope="session")
def held_out() -> Traces:
    return draw(100, seed=2)


@pytest.fixture(scope="session")
def more() -> Callable[[int, int], Traces]:
    """Other real traces: draw(per_label, seed)."""
    return draw
