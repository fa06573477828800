"""Training by two workers: it is one training, which survives a death and goes on with another number of workers."""

import json
import os
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
import pytest
from torch import Tensor

from netdiffus import generate, prepare, train
from netdiffus.cluster.mailbox import Mailbox
from netdiffus.cluster.spreads import training_on
from netdiffus.diffusion.fit import TrainStep
from netdiffus.errors import InputError
from netdiffus.models.options import train_options
from netdiffus.store.cards import ModelCard
from netdiffus.store.copies import fetched
from netdiffus.store.model import FILES, read_state, read_weights
from netdiffus.store.objects import objects_below, send

ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
STEPS = 120


def log_of(model: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]


def validation(model: Path) -> float:
    return next(record["validation"] for record in reversed(log_of(model)) if "validation" in record)


def counted(model: Path) -> tuple[dict[str, Any], dict[str, int], dict[str, Tensor]]:
    """What workers count: the codec with its scales, codebooks and forms of contexts, labels, priors and contexts."""
    card, fitted = ModelCard.read(model), read_state(model).keys()
    tables = {name: value for name, value in read_weights(model).items() if f"weights.{name}" not in fitted}
    return card.codec, card.labels, tables


def assert_counted_alike(model: Path, other: Path) -> None:
    """Bit by bit; and there is something of every kind that is counted."""
    (codec, labels, tables), (other_codec, other_labels, other_tables) = counted(model), counted(other)
    assert codec == other_codec
    assert labels == other_labels
    assert tables.keys() == other_tables.keys()
    for name, table in tables.items():
        assert table.numpy().tobytes() == other_tables[name].numpy().tobytes(), name
    assert any(name.startswith("prior") or ".prior" in name for name in tables)
    assert any(name.endswith(".counts") for name in tables)


@pytest.fixture(scope="module")
def turns(tmp_path_factory) -> Path:
    """A dataset whose directions depend on the one before, so that contexts are counted."""
    rng, folder, rows = np.random.default_rng(0), tmp_path_factory.mktemp("turns"), list[dict[str, object]]()
    for k in range(300):
        n = int(rng.integers(2, 12))
        direction = np.cumsum(rng.random(n) < 0.1) % 2
        gaps = rng.lognormal(8, 2, n).astype(int)
        sizes = rng.choice([0, 64, 517, 1428, 1448], n)
        rows.append({"label": "abc"[k % 3], "size": sizes, "direction": direction, "gap_us": gaps})
    pl.DataFrame(rows).write_parquet(folder / "table.parquet")
    return prepare(folder / "table.parquet", folder / "dataset")


@pytest.fixture(scope="module")
def alone(turns, tmp_path_factory) -> Path:
    return train(turns, tmp_path_factory.mktemp("alone") / "model", preset="tiny", steps=STEPS, coarse=2)


def kill_a_worker(before: set[int]) -> None:
    """Kill a training worker that was not there before."""
    for process in psutil.process_iter(["pid", "cmdline"]):
        if process.pid not in before and "TrainWorker" in " ".join(process.info["cmdline"] or ()):
            os.kill(process.pid, signal.SIGKILL)
            return
    raise AssertionError("no worker to kill")


def test_two_workers_are_one_training_that_survives_a_death_and_goes_on_without_them(
    cluster, alone, turns, tmp_path
) -> None:
    out, before, said = tmp_path / "model", {process.pid for process in psutil.process_iter()}, list[str]()
    options = train_options("tiny", steps=1_000_000, coarse=2)
    records: list[TrainStep] = []
    with training_on("auto", turns, out, options) as (step, speeds):
        running = step(turns, out, options, say=said.append)
        for record in running:
            records.append(record)
            if not said and len(records) == 20:
                kill_a_worker(before)
            if said and record.step >= STEPS // 2:
                break
        assert speeds is not None
        told = speeds()
        running.close()  # Ctrl-C
    assert [line for line in said if line.startswith("goes on after step ")]
    assert any(after.step <= before.step for before, after in pairwise(records))  # from the last save
    assert "workers on 1 host, " in told
    stopped = ModelCard.read(out).steps
    assert stopped >= STEPS // 2
    assert [record["step"] for record in log_of(out)] == list(range(1, stopped + 1))
    assert read_state(out).keys() == read_state(alone).keys()
    assert_counted_alike(out, alone)
    assert {path.name for path in out.iterdir()} == {path.name for path in alone.iterdir()}
    assert list(tmp_path.iterdir()) == [out]
    train(turns, out, preset="tiny", steps=stopped + STEPS // 2, coarse=2, resume=True)
    assert [record["step"] for record in log_of(out)] == list(range(1, stopped + STEPS // 2 + 1))
    assert validation(out) == pytest.approx(validation(alone), abs=0.1)  # exactly: python -m bench cluster
    assert generate(out, tmp_path / "drawn.parquet", count=5).is_file()


def test_two_workers_count_packets_as_one_process_does(cluster, packet_model, tmp_path) -> None:
    options = {"image": "fields", "preset": "tiny", "steps": 2, "batch": 8}
    model = train(packet_model.parent / "dataset", tmp_path / "model", ray="auto", **options)
    assert_counted_alike(model, packet_model)


def test_workers_read_an_object_store_and_go_on_from_what_they_sent_there(
    cluster, small_dataset, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("netdiffus.cluster.training.ClusterTraining.workers", 1)  # each takes seconds to start
    far, said = Path(f"file://{tmp_path}/store"), list[str]()
    before = {process.pid for process in psutil.process_iter()}
    dataset, model, options = far / "dataset", far / "model", train_options("tiny", steps=1_000_000)
    for path in small_dataset.iterdir():
        send(path, dataset / path.name)
    with training_on("auto", dataset, model, options) as (step, _):
        running = step(dataset, model, options, say=said.append)
        for number, record in enumerate(running):
            if not said and number == 5:
                kill_a_worker(before)
            if said and record.step >= 10:
                break
        running.close()
    assert [line for line in said if line.startswith("goes on after step ")]
    assert {str(path.relative_to(model)) for path in objects_below(model)} == set(FILES)
    with fetched(model) as local:
        stopped = len(log_of(local))
    train(dataset, model, preset="tiny", steps=stopped + 2, resume=True)
    with fetched(model) as local:
        assert [record["step"] for record in log_of(local)] == list(range(1, stopped + 3))
    assert generate(model, tmp_path / "drawn.parquet", count=5, ray="auto").is_file()


def test_what_a_worker_refuses_is_told_as_it_is(cluster, small_dataset, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("netdiffus.cluster.training.ClusterTraining.workers", 1)  # each takes seconds to start
    with pytest.raises(InputError, match=r"a model with resume/ at .*new for --resume; got none"):
        train(small_dataset, tmp_path / "new", preset="tiny", steps=5, resume=True, ray="auto")
    assert list(tmp_path.iterdir()) == []


def test_the_mailbox_keeps_what_was_said_until_it_is_taken() -> None:
    box = Mailbox()
    box.begin(2, 0)
    assert not box.put(0, "a", 3.0, ["r"], ["line"])
    box.stop()
    assert box.put(1, "b", 4.0, [], [])
    box.begin(1, 7)
    assert not box.speeds
    box.put(0, "a", 5.0, [], [])
    box.fail(InputError("x", "y", "z"))
    box.fail(OSError(28, "full"))
    mail = box.take()
    assert (mail.records, mail.lines, mail.speeds) == (
        ("r",),
        ("line", "goes on after step 7 with 1 worker"),
        (("a", 5.0),),
    )
    assert str(mail.failed) == "expected x; got y; z"
    assert box.take().records == ()
