"""On real traffic: each planted generator is found by the right scores, and none finds other real traces.

On eight of the shipped recordings, and on MIRAGE where it is there, with some dozens of short traces of each label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from bench.corrupted import CHANNELS, GENERATORS, MUST_FLAG, parts
from netdiffus.api.verbs import prepare
from netdiffus.arrays import Floats
from netdiffus.imaging.codec import GasfCodec
from netdiffus.metrics import METRICS, Imaged, Inputs, Score, Traces, comparison, compute, detection, metric_of
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.traces import series
from shared_files import shared

PACKETS = 16  # of each flow
DEAR = {"fingerprinting", "lowdata", "balance", "boosting"}


@pytest.fixture(scope="module", autouse=True)
def detectors_of_the_same_sets() -> Iterator[None]:
    """A detector of two sets is fitted once: generators with as many traces of each label have the same real pairs."""
    found: dict[tuple[bytes, bytes, int, int], float] = {}
    fitted = detection.detector_auc

    def remembered(real: Floats, other: Floats, fit: Callable[..., object], seed: int, folds: int) -> float:
        key = (real.tobytes(), other.tobytes(), seed, folds)
        if key not in found:
            found[key] = fitted(real, other, fit, seed, folds)
        return found[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detection, "detector_auc", remembered)
        yield


def evaluated(sets: tuple[Traces, Traces, Traces], generator: str, metrics: set[str]) -> dict[str, Score]:
    train, test, fresh = sets
    made = GENERATORS[generator](train, test, fresh, CHANNELS, np.random.default_rng(1))
    codec = GasfCodec.fit(train.series, CHANNELS)
    sets = comparison(train, test, made, CHANNELS)
    inputs = Inputs(sets, Imaged(sets, codec.encode))
    found = [score for name in METRICS if name in metrics for score in compute(name, inputs, 0)]
    return {score.name: score for score in found if score.label is None}


def needed(generator: str) -> set[str]:
    """The metrics that give the scores which must find it; for the resample all but the dear ones."""
    found = {metric_of(name) for name in MUST_FLAG.get(generator, ())}
    assert None not in found
    return found or set(METRICS) - DEAR  # type: ignore[return-value]


def flagged(found: dict[str, Score]) -> list[str]:
    return [name for name, score in found.items() if score.flagged]


@pytest.fixture(scope="module")
def recorded_parts(recorded: Traces) -> tuple[Traces, Traces, Traces]:
    return parts(Traces(recorded.series[:, :, :PACKETS], recorded.labels), 40, 0)


@pytest.mark.parametrize("generator", MUST_FLAG)
def test_recordings(recorded_parts: tuple[Traces, Traces, Traces], generator: str) -> None:
    found = evaluated(recorded_parts, generator, needed(generator))
    assert set(MUST_FLAG[generator]) <= set(flagged(found)), generator


def test_recordings_as_they_are(recorded_parts: tuple[Traces, Traces, Traces]) -> None:
    found = evaluated(recorded_parts, "resample", set(METRICS))
    assert flagged(found) == []
    assert len(found) > 70


@pytest.fixture(scope="module")
def mirage_parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Traces, Traces, Traces]:
    folder = tmp_path_factory.mktemp("mirage") / "dataset"
    sources = [shared(f"data/mirage_appxact/{name}.parquet") for name in ("train", "test")]
    prepare(sources, folder, columns="size=PL,direction=DIR,gap_us=IAT,label=LABEL", strip_padding=True)
    _, table = read_dataset(folder)
    return parts(Traces(series(table, 10, CHANNELS), table["label"].to_numpy().astype(np.str_)), 60, 0)


@pytest.mark.parametrize("generator", GENERATORS)
def test_mirage(mirage_parts: tuple[Traces, Traces, Traces], generator: str) -> None:
    found = evaluated(mirage_parts, generator, needed(generator))
    assert set(MUST_FLAG.get(generator, ())) <= set(flagged(found))
    if generator == "resample":
        assert flagged(found) == []
