"""The demo works on its capture in processes of their own."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bench.small_traffic import two_labels
from netdiffus.cli.demo_capture import THREADS, Beside
from netdiffus.store.cards import DatasetCard


def test_commands_run_one_after_another_and_are_through_after_the_block(tmp_path: Path) -> None:
    table, dataset = tmp_path / "real.parquet", tmp_path / "dataset"
    two_labels(50, seed=0).write_parquet(table)
    with Beside([["prepare", "--out", str(dataset), "--", str(table)], ["info", str(dataset)]]) as beside:
        assert not dataset.exists()
    assert DatasetCard.read(dataset).labels.keys() == {"bulk", "chat"}
    assert list(beside.seconds) == ["prepare", "info"]
    assert str(beside).startswith("prepare ")


def test_what_it_says_of_a_failure_is_told(tmp_path: Path) -> None:
    commands = [["info", str(tmp_path / "no-dataset")], ["info", "--never"]]
    with pytest.raises(RuntimeError, match=r"netdiffus info, .*, ended with 2: .*no-dataset"), Beside(commands):
        pass


def test_a_failure_of_the_block_ends_it() -> None:
    began = time.monotonic()
    with pytest.raises(KeyError), Beside([["studio", "--port", "0"]]):
        raise KeyError
    assert time.monotonic() - began < 20, "a server would run for ever"


def test_both_sides_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(THREADS, raising=False)
    with Beside([]):
        assert int(os.environ[THREADS]) == max(1, len(os.sched_getaffinity(0)) // 2)
    assert THREADS not in os.environ
    monkeypatch.setenv(THREADS, "3")
    with Beside([]):
        assert os.environ[THREADS] == "3"
