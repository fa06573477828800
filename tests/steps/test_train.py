"""train: a model folder, what it holds, and going on after a stop."""

import errno
import json
import signal
import subprocess
import sys
import time

import polars as pl
import pytest
import torch

from netdiffus.api.verbs import prepare, train
from netdiffus.errors import InputError
from netdiffus.steps import train as step
from netdiffus.store.cards import DatasetCard, ModelCard
from netdiffus.store.model import read_weights


def tiny(dataset, out, steps=40, **options):
    return train(dataset, out, preset="tiny", steps=steps, **options)


def same_weights(one, other) -> bool:
    ours, theirs = read_weights(one), read_weights(other)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_what_is_in_the_folder(small_dataset, small_model) -> None:
    files = {str(path.relative_to(small_model)) for path in small_model.rglob("*") if path.is_file()}
    assert files == {"model.json", "weights.safetensors", "resume/state.safetensors", "log.jsonl", "README.md"}
    card = ModelCard.read(small_model)
    assert card.dataset == DatasetCard.read(small_dataset).hash
    assert card.labels == {"bulk": 80, "chat": 80}
    assert card.steps == 60
    log = [json.loads(line) for line in (small_model / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in log] == list(range(1, 61))
    assert sum(record["loss"] for record in log[-10:]) < sum(record["loss"] for record in log[:10])
    assert "80" in (small_model / "README.md").read_text()


def test_a_seed_gives_the_same_weights_and_another_others(small_dataset, tmp_path) -> None:
    one, again, other = (
        tiny(small_dataset, tmp_path / name, 10, seed=seed) for name, seed in [("a", 1), ("b", 1), ("c", 2)]
    )
    assert same_weights(one, again)
    assert not same_weights(one, other)


def test_only_the_training_part_is_seen(small_dataset, tmp_path) -> None:
    _, traces = step.read_dataset(small_dataset)
    rows = traces.filter(pl.col("split") == "train").select("label", "size", "direction", "gap_ns")
    rows.write_parquet(tmp_path / "train.parquet")
    alone = prepare(tmp_path / "train.parquet", tmp_path / "alone", test=0.0)
    assert same_weights(tiny(small_dataset, tmp_path / "a", 5), tiny(alone, tmp_path / "b", 5))


@pytest.mark.parametrize("image", ["gasf", "series"])
def test_stopped_and_resumed_is_as_never_stopped(image, small_dataset, tmp_path) -> None:
    whole = tiny(small_dataset, tmp_path / "whole", image=image)
    config = step.train_config("tiny", steps=40, image=image)
    records = step.train(small_dataset, tmp_path / "parts", config)
    for record in records:
        if record.step == 17:
            break
    records.close()
    assert ModelCard.read(tmp_path / "parts").steps == 17
    parts = tiny(small_dataset, tmp_path / "parts", image=image, resume=True)
    assert same_weights(whole, parts)
    assert len((parts / "log.jsonl").read_text().splitlines()) == 40


def test_killed_and_resumed_is_as_never_stopped(small_dataset, tmp_path) -> None:
    """kill -9 in the middle: what was saved last goes on as if nothing had happened."""
    code = (
        "import sys; from netdiffus.steps import train as s; s.SAVE_EVERY_S = 0.0\n"
        "from netdiffus.api.verbs import train; train(sys.argv[1], sys.argv[2], preset='tiny', steps=4000)"
    )
    out = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", code, str(small_dataset), str(out)])
    deadline = time.monotonic() + 120
    while not (out / "model.json").exists() or json.loads((out / "model.json").read_text())["steps"] < 8:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = int(step.store.read_state(out)["step"])
    end = reached + 5
    # the learning rate follows the share that is done, so the uninterrupted run needs the same target throughout
    whole = step.train(small_dataset, tmp_path / "whole", step.train_config("tiny", steps=4000))
    going_on = step.train(small_dataset, out, step.train_config("tiny", steps=4000), resume=True)
    for records in (whole, going_on):
        for record in records:
            if record.step == end:
                break
        records.close()
    assert same_weights(tmp_path / "whole", out)
    steps = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))
    assert steps[-1] == end


def test_minutes_are_kept(small_dataset, tmp_path) -> None:
    began = time.monotonic()
    train(small_dataset, tmp_path / "model", preset="tiny", minutes=0.03)
    assert 1.8 <= time.monotonic() - began < 15
    assert ModelCard.read(tmp_path / "model").seconds == pytest.approx(1.8, abs=1.5)


def test_what_is_refused(small_dataset, small_model, tmp_path) -> None:
    few = pl.DataFrame({"label": ["a"] * 3, "size": [[1], [2], [3]]})
    few.write_parquet(tmp_path / "few.parquet")
    small = prepare(tmp_path / "few.parquet", tmp_path / "few")
    with pytest.raises(InputError, match="at least 10 training traces; got 2"):
        tiny(small, tmp_path / "out")
    with pytest.raises(InputError, match="a preset among default, tiny; got 'huge'"):
        train(small_dataset, tmp_path / "out", preset="huge")
    with pytest.raises(InputError, match="expected image 'gasf' or 'series'; got 'jpeg'"):
        train(small_dataset, tmp_path / "out", image="jpeg")
    with pytest.raises(InputError, match=r"which has none; make one with 'netdiffus prepare"):
        train(small_model, tmp_path / "out")
    with pytest.raises(InputError, match="a model with resume/"):
        tiny(small_dataset, tmp_path / "out", resume=True)
    with pytest.raises(InputError, match=r"width = 32 as when .* began; got 64"):
        tiny(small_dataset, small_model, width=64, resume=True)
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_shows_after_one_step(small_dataset, tmp_path, monkeypatch) -> None:
    def full(path, tensors) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("netdiffus.store.model.write_tensors", full)
    seen = []
    with pytest.raises(OSError, match="No space left"):
        train(small_dataset, tmp_path / "out", preset="tiny", steps=1000, on_progress=seen.append)
    assert [record.step for record in seen] == [1]
    assert not (tmp_path / "out").exists()
