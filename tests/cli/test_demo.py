"""The demo evaluates its capture in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.small_traffic import two_labels
from netdiffus.cli.demo_run import _packets_evaluated
from netdiffus.store.report import read_scores


def test_the_report_is_there_after_the_block(tmp_path: Path) -> None:
    real, made = tmp_path / "real.parquet", tmp_path / "made.parquet"
    two_labels(50, seed=0).write_parquet(real)
    two_labels(12, seed=1).write_parquet(made)
    with _packets_evaluated(real, made, tmp_path / "report", seed=3):
        assert not (tmp_path / "report").exists()
    names = {str(score["name"]) for score in read_scores(tmp_path / "report")}
    assert "marginal.size.jsd" in names
    assert not any(name.startswith("baseline.") for name in names)


def test_what_it_says_of_a_failure_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"ended with 2: .*no-dataset"),
        _packets_evaluated(tmp_path / "no-dataset", tmp_path / "none.pcap", tmp_path / "report", seed=0),
    ):
        pass


def test_a_failure_of_the_block_ends_it(tmp_path: Path) -> None:
    with pytest.raises(KeyError), _packets_evaluated(tmp_path, tmp_path, tmp_path / "report", seed=0):
        raise KeyError
