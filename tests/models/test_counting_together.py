"""Workers that count together have what one process counts, bit by bit."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Barrier

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

from netdiffus.imaging.coarse import CoarseCodebook
from netdiffus.imaging.codec import GasfCodec
from netdiffus.imaging.course import CourseCodebook
from netdiffus.imaging.scale import EmpiricalScale
from netdiffus.models.counted import Channels
from netdiffus.models.counting import CountingTogether
from netdiffus.models.options import train_options
from netdiffus.models.training_data import LabelledSeries, RowData, row_data

SIZE = 3


@dataclass
class Meeting:
    """Where threads that stand for workers add up what they bring."""

    barrier: Barrier = field(default_factory=lambda: Barrier(SIZE))
    brought: list[Tensor] = field(default_factory=list)


@dataclass
class OfThree:
    rank: int
    meeting: Meeting
    size: int = SIZE
    counted: int = 0

    def total(self, values: Tensor) -> None:
        if values.min() >= 0:  # counts: not likelihoods, nor keys of contexts
            self.counted += int(values.sum())
        self.meeting.brought.append(values.clone())
        self.meeting.barrier.wait(60)
        values.copy_(sum(self.meeting.brought))
        if self.meeting.barrier.wait(60) == 0:
            self.meeting.brought.clear()
        self.meeting.barrier.wait(60)

    def of_first(self, values: Tensor) -> None:
        raise AssertionError("counting needs no first worker")

    def agreed(self, done: float) -> float:
        return done


def tensors(data: RowData) -> list[Tensor]:
    fine, coarse = data.priors
    return [*fine, *coarse, *data.crossed.fine, *data.crossed.coarse]


@pytest.mark.parametrize("most", [8, 4096])
def test_scales_and_codebooks_that_workers_count_together(monkeypatch, most) -> None:
    monkeypatch.setattr(EmpiricalScale, "MOST_VALUES", most)  # fewer: values are rounded, and rare ones joined
    rng = np.random.default_rng(1)
    series = rng.integers(0, 90_000, (50, 3, 7)) * rng.choice([0.5, 1.0], (50, 3, 7))
    series[rng.random(series.shape) < 0.2] = np.nan
    series[:, 1] = rng.integers(0, 2, (50, 7))
    ids, names = rng.integers(0, 3, 50), ("size", "direction", "gap_ns")
    fit = partial(GasfCodec.fit, series, names, ids=ids, classes=6, names=("gap_ns",))
    course = partial(CourseCodebook.fit, series, ids)
    coarse = partial(CoarseCodebook.fit, rng.normal(size=(200, 2, 9)).clip(-4, 4), 3)
    meeting = Meeting()
    workers = [CountingTogether(OfThree(rank, meeting), torch.device("cpu")) for rank in range(SIZE)]
    for what in (fit, course, coarse):
        with ThreadPoolExecutor(SIZE) as pool:
            found = list(pool.map(lambda counting, what=what: what(counting=counting).to_json(), workers))
        assert found == [what().to_json()] * SIZE


def test_priors_and_contexts_that_workers_count_together() -> None:
    rng = np.random.default_rng(0)
    labels = pl.Series(["a", "b"] * 100)
    series = np.ones((200, 2, 8))
    series[:, 1] = (rng.integers(0, 2, (200, 1)) + np.cumsum(rng.random((200, 8)) < 0.9, axis=1)) % 2
    options = train_options("tiny", steps=1, label_dropout=0.1)
    learned, channels, cpu = LabelledSeries(series, labels), Channels(("size", "direction")), torch.device("cpu")
    alone = row_data(learned, channels, options, cpu)
    meeting = Meeting()
    workers = [OfThree(rank, meeting) for rank in range(SIZE)]
    with ThreadPoolExecutor(SIZE) as pool:
        found = list(pool.map(lambda worker: row_data(learned, channels, options, cpu, worker), workers))
    assert max(worker.counted for worker in workers) < sum(worker.counted for worker in workers) / 2
    for data in found:
        assert data.codec.to_json() == alone.codec.to_json()
        for mine, expected in zip(tensors(data), tensors(alone), strict=True):
            assert torch.equal(mine, expected)
        assert data.contexts.specs == alone.contexts.specs
        for name, mine in data.crossed.contexts.state_dict().items():
            assert torch.equal(mine, alone.crossed.contexts.state_dict()[name])
    assert alone.contexts.specs[0]  # a direction depends on the one before
