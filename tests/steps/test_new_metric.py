"""A new metric is one declaration: evaluate, its baselines, the report's tables and the verdict read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench.small_traffic import two_labels
from netdiffus.api.verbs import evaluate
from netdiffus.metrics import METRICS, Comparison, Confusion, Metric, Score, ScoreType
from netdiffus.metrics.intervals import Interval

QUESTION = "Are the largest packets as large as in real traffic?"
LARGEST = ScoreType(
    "largest.size", "min", "difference of the largest size, relative to real", range=(0.0, float("inf")), unit="share",
    evidence=("shape",), compared=True, confusion="largest packets of each label",
)  # fmt: skip


def largest(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    at = sets.channels.index("size")
    real, synthetic = (float(np.nanmax(part.series[:, at])) for part in (sets.test, sets.synthetic))
    yield LARGEST.score(abs(synthetic - real) / real, Interval(0.0, 0.0, 0.01), confusion=Confusion(("chat",), ((7,),)))


METRIC = Metric(largest, Comparison, QUESTION, "fidelity", (LARGEST,), baselines=True)


def test_one_declaration_is_enough(
    small_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, only_metrics: Callable[..., None]
) -> None:
    monkeypatch.setitem(METRICS, "largest", METRIC)
    only_metrics("utility", "detection", "largest")  # what the verdicts ask first
    doubled = two_labels(100, seed=3).with_columns(pl.col("size").list.eval(pl.element() * 2))
    doubled.write_parquet(tmp_path / "synthetic.parquet")
    scores = evaluate(small_table, tmp_path / "synthetic.parquet", tmp_path / "report")
    assert scores["largest.size"].value > 0.5
    for baseline in ("jitter", "histogram", "markov"):
        score = scores[f"baseline.{baseline}.largest.size"]
        assert score.value is not None
        assert score.floor == 0
        assert score.value < scores["largest.size"].value
    page, text = ((tmp_path / "report" / name).read_text() for name in ("report.html", "report.md"))
    compared, everything = page.split('<h2 id="baselines">')[1].split('<h2 id="scores">')
    assert "<code>largest.size</code>" in compared
    assert "<code>largest.size</code>" in everything
    assert QUESTION in everything
    assert "<caption>largest packets of each label</caption>" in page
    rows = [line for line in text.splitlines() if line.startswith("| largest.size |")]
    assert len(rows) == 2, "in the table of simple generators and in that of all scores"
    feed = scores.verdicts()[3]
    assert "largest.size" in feed.why
