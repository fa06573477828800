"""One cap on length: what a model can learn is what is learned, drawn, compared and shown."""

import numpy as np
import polars as pl
import pytest

from netdiffus import limits
from netdiffus.api.verbs import prepare
from netdiffus.models.options import RowOptions
from netdiffus.models.training_data import longest_trace
from netdiffus.steps import evaluate as step
from netdiffus.steps.evaluate_config import EvaluateConfig
from netdiffus.steps.images.config import BitImageConfig, ImageConfig
from netdiffus.store.dataset import read_dataset


@pytest.fixture
def long_traces(tmp_path):
    """Sixty traces that are longer than any model."""
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 5, limits.LENGTH + 9).tolist() for _ in range(60)]
    pl.DataFrame({"label": ["a", "b"] * 30, "size": rows}).write_parquet(tmp_path / "long.parquet")
    return tmp_path / "long.parquet"


def test_a_model_learns_up_to_the_cap(long_traces, tmp_path) -> None:
    _, traces = read_dataset(prepare(long_traces, tmp_path / "dataset"))
    assert longest_trace(traces, None) == limits.LENGTH
    assert longest_trace(traces, 1000) == 1000


def test_it_is_judged_on_as_much(long_traces, monkeypatch) -> None:
    seen = []

    def noted(sets, inputs, provenance, config, spread):
        seen.append((sets.train.series.shape[2], provenance["compared"]))
        yield from ()

    monkeypatch.setattr(step, "evaluate_sets", noted)
    list(step.evaluate(long_traces, long_traces, None, EvaluateConfig.of()))
    assert seen == [(limits.LENGTH, f"size; the first {limits.LENGTH} positions of a trace")]


@pytest.mark.parametrize("kind", [RowOptions, ImageConfig, BitImageConfig])
def test_options_have_the_same_cap(kind) -> None:
    assert kind.of(length=limits.LENGTH).length == limits.LENGTH
