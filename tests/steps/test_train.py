"""train: a model folder, what it holds, and going on after a stop."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest
import torch

from bench.small_traffic import two_labels
from netdiffus.api.verbs import generate, prepare, train
from netdiffus.errors import InputError
from netdiffus.imaging.coarse import CoarseCodebook
from netdiffus.models import fitting
from netdiffus.models.backends import load_model
from netdiffus.models.counted import Channels
from netdiffus.models.network import COARSE_ROWS, LONG
from netdiffus.models.options import train_options
from netdiffus.models.sampling import Request, Sampling
from netdiffus.models.training_data import LabelledSeries, RowData, longest_trace, row_data
from netdiffus.steps import train as step
from netdiffus.store.cards import DatasetCard, ModelCard
from netdiffus.store.model import read_weights
from netdiffus.traffic.traces import channel_names, series


def tiny(dataset, out, steps=40, **options):
    return train(dataset, out, preset="tiny", steps=steps, **options)


def learned(part, options) -> RowData:
    """What a training on some traces draws from."""
    data = LabelledSeries.of(part, longest_trace(part, options.length))
    return row_data(data, Channels(channel_names(part)), options, torch.device("cpu"))


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


def test_the_card_and_the_readme_tell_the_number_of_threads(small_dataset, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    before = torch.get_num_threads()
    try:
        for threads, said in ((1, "on cpu, 1 thread)"), (2, "on cpu, 2 threads)")):
            monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
            model = tiny(small_dataset, tmp_path / str(threads), steps=2)
            assert ModelCard.read(model).threads == threads
            assert said in (model / "README.md").read_text()
    finally:
        torch.set_num_threads(before)


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
    config = train_options("tiny", steps=40, image=image)
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
    whole = step.train(small_dataset, tmp_path / "whole", train_options("tiny", steps=4000))
    going_on = step.train(small_dataset, out, train_options("tiny", steps=4000), resume=True)
    for records in (whole, going_on):
        for record in records:
            if record.step == end:
                break
        records.close()
    assert same_weights(tmp_path / "whole", out)
    steps = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))
    assert steps[-1] == end


def test_what_is_refused(small_dataset, small_model, tmp_path) -> None:
    few = pl.DataFrame({"label": ["a"] * 3, "size": [[1], [2], [3]]})
    few.write_parquet(tmp_path / "few.parquet")
    small = prepare(tmp_path / "few.parquet", tmp_path / "few")
    with pytest.raises(InputError, match="at least 10 training traces; got 2"):
        tiny(small, tmp_path / "out")
    with pytest.raises(InputError, match="a preset among default, tiny, netdiffus, netdiffus2; got 'huge'"):
        train(small_dataset, tmp_path / "out", preset="huge")
    with pytest.raises(InputError, match="expected an image among gasf, series, fields, prompt; got 'jpeg'"):
        train(small_dataset, tmp_path / "out", image="jpeg")
    with pytest.raises(InputError, match=r"which has none; make one with 'netdiffus prepare"):
        train(small_model, tmp_path / "out")
    with pytest.raises(InputError, match="a model with resume/"):
        tiny(small_dataset, tmp_path / "out", resume=True)
    with pytest.raises(InputError, match=r"width = 32 as when .* began; got 64"):
        tiny(small_dataset, small_model, width=64, resume=True)
    with pytest.raises(InputError, match="steps greater than or equal to 1; got 0"):
        train(small_dataset, tmp_path / "out", steps=0)
    with pytest.raises(InputError, match="coarse less than or equal to 64; got 65"):
        train(small_dataset, tmp_path / "out", coarse=65)
    with pytest.raises(InputError, match=r"noised less than or equal to 1; got 1\.5"):
        train(small_dataset, tmp_path / "out", noised=1.5)
    assert not (tmp_path / "out").exists()


def test_a_failed_save_leaves_the_last_one(small_dataset, small_model, tmp_path, monkeypatch) -> None:
    out = tmp_path / "model"
    shutil.copytree(small_model, out)
    before = {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    monkeypatch.setattr(ModelCard, "write", lambda self, folder: os.fsync(999_999))
    with pytest.raises(OSError, match="Bad file descriptor"):
        tiny(small_dataset, out, 70, resume=True)
    assert {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_could_not_be_read_again_is_found_before_the_training(small_dataset, tmp_path, monkeypatch) -> None:
    descending = CoarseCodebook(2, (np.array([0.5, 0.1]),), (np.array([0.0, 0.3, 0.2]),))
    monkeypatch.setattr(CoarseCodebook, "fit", lambda *_: descending)
    with pytest.raises(InputError, match=r"coarse with edges and centres that ascend"):
        tiny(small_dataset, tmp_path / "model", 2, coarse=2)
    assert not (tmp_path / "model").exists()


def test_held_back_traces_choose_the_weights(small_dataset, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(fitting, "VALIDATE_EVERY", 10)
    model = tiny(small_dataset, tmp_path / "model", 25)
    log = [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]
    checks = {record["step"]: record["validation"] for record in log if "validation" in record}
    assert list(checks) == [10, 20, 25]
    best = ModelCard.read(model).validation
    assert best == {"loss": min(checks.values()), "step": min(checks, key=checks.get)}
    state = step.store.read_state(model)
    weights = read_weights(model)
    counted = ("prior", "contexts.")
    trained = [name for name in weights if not name.startswith(counted)]
    assert all(torch.equal(weights[name], state[f"best.{name}"]) for name in trained)
    without = tiny(small_dataset, tmp_path / "without", 25, validation=0.0)
    assert ModelCard.read(without).validation is None
    assert not any("validation" in line for line in (without / "log.jsonl").read_text().splitlines())


def test_patience_stops_early(small_dataset, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(fitting, "VALIDATE_EVERY", 2)
    model = tiny(small_dataset, tmp_path / "model", 4000, learning_rate=1.0, patience=2)
    card = ModelCard.read(model)
    assert card.steps < 4000
    assert card.steps - card.validation["step"] == 4
    with pytest.raises(InputError, match="validation above 0 with patience"):
        tiny(small_dataset, tmp_path / "other", validation=0.0, patience=2)


@pytest.mark.parametrize(("balance", "share"), [(0.0, 0.9), (0.5, 0.75), (1.0, 0.5)])
def test_balance_draws_labels_alike(balance, share, tmp_path) -> None:
    many = two_labels(200, seed=0).filter((pl.col("label") == "chat") | (pl.int_range(pl.len()) < 22))
    many = many.with_columns(pl.lit("train").alias("split"))
    counts = dict(many["label"].value_counts().iter_rows())
    assert counts == {"chat": 100, "bulk": 11}
    config = train_options("tiny", balance=balance, validation=0.0, batch=4000)
    data = learned(many, config)
    label = data.batch(torch.Generator().manual_seed(0)).label
    assert float((label % 2 == 1).float().mean()) == pytest.approx(share, abs=0.03)
    assert data.labels == {"bulk": 11, "chat": 100}  # generate's default mix stays the true one


def test_label_dropout_hides_labels_and_guidance_uses_it(small_dataset, small_model, tmp_path) -> None:
    config = train_options("tiny", label_dropout=0.25, batch=4000)
    _, traces = step.read_dataset(small_dataset)
    data = learned(traces.filter(pl.col("split") == "train"), config)
    label = data.batch(torch.Generator().manual_seed(0)).label
    assert float((label % 3 == 2).float().mean()) == pytest.approx(0.25, abs=0.03)
    assert data.validation(torch.Generator()).label.max() == 1
    model = tiny(small_dataset, tmp_path / "model", 5, label_dropout=0.25)
    assert read_weights(model)["label.weight"].shape[0] == 3
    assert read_weights(small_model)["label.weight"].shape[0] == 2
    loaded = load_model(model)
    plain, pushed = (
        next(loaded.sample(Request(np.arange(20) % 2, Sampling(guidance=weight), 0))).images() for weight in (1.0, 3.0)
    )
    assert plain.shape == pushed.shape
    assert not np.array_equal(plain, pushed)
    with pytest.raises(InputError, match="a model trained with --label-dropout for --guidance"):
        generate(small_model, tmp_path / "x.csv", guidance=2.0)


@pytest.mark.parametrize("scale", ["minmax", "log"])
def test_a_range_scale_is_fitted_on_the_training_part_and_kept(scale, small_dataset, tmp_path) -> None:
    model = tiny(small_dataset, tmp_path / "model", 5, scale=scale)
    card = ModelCard.read(model)
    _, traces = step.read_dataset(small_dataset)
    largest = traces.filter(pl.col("split") == "train")["gap_ns"].explode().max()
    assert card.codec["scales"][1] == {"kind": scale, "low": 0.0, "high": float(largest), "absent": True}
    drawn = pl.read_parquet(generate(model, tmp_path / "s.parquet", count=20))
    assert drawn["gap_ns"].explode().max() <= largest
    assert "lie between those that occurred" in (model / "README.md").read_text()


@pytest.mark.parametrize(("asked", "rows"), [(None, 0), (0, 0), (3, 3), (64, 12)])
def test_coarse_rows_are_resolved_and_kept(asked, rows, small_dataset, tmp_path) -> None:
    """At most as many as there are positions; none by default where traces are short."""
    model = tiny(small_dataset, tmp_path / "model", 2, coarse=asked)
    card = ModelCard.read(model)
    assert card.config["coarse"] == rows
    loaded = load_model(model)
    assert loaded.network.coarse_rows == rows
    if not rows:
        assert card.codec["coarse"] is None
        assert loaded.codec.coarse is None
        return
    assert card.codec["coarse"]["rows"] == rows
    assert loaded.codec.coarse.to_json() == card.codec["coarse"]
    assert len(pl.read_parquet(generate(model, tmp_path / "s.parquet", count=12))) == 12
    tiny(small_dataset, model, 3, coarse=asked, resume=True)
    assert ModelCard.read(model).steps == 3
    with pytest.raises(InputError, match=rf"coarse = {rows} as when .* began; got 1"):
        tiny(small_dataset, model, 4, coarse=1, resume=True)


def test_long_traces_have_coarse_rows_by_default(tmp_path) -> None:
    rows = [{"label": "ab"[k % 2], "size": [(k + i) % 7 * 100 for i in range(LONG)]} for k in range(20)]
    pl.DataFrame(rows).write_parquet(tmp_path / "long.parquet")
    dataset = prepare(tmp_path / "long.parquet", tmp_path / "dataset")
    assert ModelCard.read(tiny(dataset, tmp_path / "model", 1)).config["coarse"] == COARSE_ROWS


def test_priors_that_are_trained_with_do_not_count_the_trace_itself(small_dataset) -> None:
    """A code that one trace alone has is as rare in its own prior as one that no trace of its label has."""
    _, traces = step.read_dataset(small_dataset)
    part = traces.filter(pl.col("split") == "train")
    own = pl.Series("size", [[12345, *row[1:]] if k == 7 else row for k, row in enumerate(part["size"].to_list())])
    config = train_options("tiny", validation=0.0, batch=4000)
    data = learned(part.with_columns(own.cast(part["size"].dtype)), config)
    place = data.codec.image_channels.index("size" if "size" in data.codec.image_channels else "signed_size")
    counted = data.codec.gasf.classes(series(part.with_columns(own.cast(part["size"].dtype)), data.codec.length))
    code = int(counted[7, place, 0])
    assert (counted[:, place, 0] == code).sum() == 1
    label = list(data.labels).index(part["label"][7])
    sample = data.batch(torch.Generator().manual_seed(0))
    mine = sample.traces[:, place, 0] == code
    assert mine.any()
    (fold,) = set(sample.fold[mine].tolist())
    out_of_fold = data.crossed.fine[place][:, label, 0, code].exp()
    assert out_of_fold[fold] < out_of_fold[[k for k in range(len(out_of_fold)) if k != fold]].min() / 10
    assert data.priors[0][place][label, 0, code].exp() > 10 * out_of_fold[fold]
    assert data.validation is None
