"""Generators of others and simple ones beside netdiffus: a VAE and a VAE-GAN of pythae, jitter, histograms, Markov.

All learn from the same rows, the two of pythae for as many minutes as netdiffus. They get netdiffus' own scale, where
each value that was seen owns an interval of [0, 1], so that only the generator differs; the label is a part of the row.
OUTSIDE_MINUTES sets the minutes (default 10); below 2 the table is only printed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.results import table, write_section
from netdiffus import recordings
from netdiffus.api.scores import Scores
from netdiffus.api.verbs import evaluate, generate, prepare, train
from netdiffus.arrays import Floats32
from netdiffus.baselines import BASELINES
from netdiffus.imaging.codec import GasfCodec, normal_quantile, uniform
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.traces import channel_names, series

PACKETS, PER_LABEL, LATENT, BATCH = 32, 100, 32, 128
SURPLUS = 3  # rows drawn for each that is wanted: the label is a part of the row, and some labels are rarely drawn
FEWEST_MINUTES = 2.0
FIGURES = (
    "utility.tstr_accuracy", "utility.tstr_macro_f1", "utility.ratio", "utility.augmented_accuracy",
    "marginal.by_label.jsd", "autocorrelation.size", "correlation.channels", "manifold.precision", "manifold.coverage",
    "copies.exact", "membership.auc", "images.fid", "detection.auc",
)  # fmt: skip
MODELS = ("VAE", "VAEGAN")
Pair = tuple[NDArray[np.float64], NDArray[np.str_]]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without pythae's own lines of every epoch, and without its warnings of what torch has deprecated."""
    logging.disable(logging.INFO)
    try:
        nowhere = io.StringIO()
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


@quiet()
def trained(name: str, rows: Floats32, seconds: float, folder: Path, count: int, seed: int = 0) -> tuple[Floats32, int]:
    """Train a model of pythae for about so many seconds, and draw rows; returns them and the epochs."""
    import torch
    from pythae import models, trainers
    from pythae.pipelines import TrainingPipeline
    from pythae.samplers import GaussianMixtureSampler

    settings = trainers.CoupledOptimizerAdversarialTrainerConfig if name == "VAEGAN" else trainers.BaseTrainerConfig

    def run(epochs: int) -> Any:
        torch.manual_seed(seed)
        model = getattr(models, name)(getattr(models, f"{name}Config")(input_dim=(rows.shape[1],), latent_dim=LATENT))
        options = {"output_dir": str(folder), "num_epochs": epochs, "per_device_train_batch_size": BATCH}
        TrainingPipeline(model=model, training_config=settings(no_cuda=True, **options))(train_data=rows)
        return model.eval()

    run(1)  # what is loaded once does not count
    began = time.perf_counter()
    run(2)
    epochs = max(1, round(2 * seconds / (time.perf_counter() - began)))
    sampler = GaussianMixtureSampler(run(epochs))
    sampler.fit(rows)
    return np.asarray(sampler.sample(num_samples=count, batch_size=512).numpy(), dtype=np.float32), epochs


def outside(name: str, real: Pair, names: list[str], seconds: float, folder: Path) -> tuple[Pair, int]:
    """What a model of pythae makes of real traces: up to 100 of a label; and the epochs it had."""
    codec = GasfCodec.fit(real[0], names)
    labels, ids = np.unique(real[1], return_inverse=True)
    u = uniform(codec.quantiles(real[0], np.random.default_rng(0)))
    rows = np.concatenate([u.reshape(len(u), -1), np.eye(len(labels))[ids]], axis=1).astype(np.float32)
    drawn, epochs = trained(name, rows, seconds, folder, SURPLUS * PER_LABEL * len(labels))
    said = np.argmax(drawn[:, -len(labels) :], axis=1)
    kept = np.concatenate([np.flatnonzero(said == k)[:PER_LABEL] for k in range(len(labels))])
    z = normal_quantile(drawn[kept, : -len(labels)].astype(np.float64).reshape(len(kept), *u.shape[1:]))
    return (codec.from_quantiles(z), labels[said[kept]]), epochs


def main() -> None:
    """Train each for the same time, evaluate each on the same test part."""
    if importlib.util.find_spec("pythae") is None:
        raise SystemExit("this bench compares with pythae; install it with: pip install -e '.[bench]'")
    minutes = float(os.environ.get("OUTSIDE_MINUTES", "10"))
    columns: dict[str, Scores] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare(recordings.folder(), folder / "dataset", packets=PACKETS)
        _, traces = read_dataset(folder / "dataset")
        names = channel_names(traces)
        real, test = (
            (series(part, PACKETS, names), part["label"].to_numpy().astype(np.str_))
            for part in (traces.filter(traces["split"] == side) for side in ("train", "test"))
        )
        labels = [str(label) for label in np.unique(real[1])]
        train(folder / "dataset", folder / "model", minutes=minutes)
        generate(folder / "model", folder / "netdiffus.parquet", count=PER_LABEL * len(labels), balance=True)
        columns["netdiffus"] = evaluate(folder / "dataset", folder / "netdiffus.parquet", baselines=False)
        epochs = []
        for name in MODELS:
            made, count = outside(name, real, names, 60 * minutes, folder / name)
            epochs.append(f"{name} {count:,} epochs, {len(made[1]):,} traces")
            columns[f"pythae {name}"] = evaluate(real, made, test=test, channels=names, baselines=False)
    for name, baseline in BASELINES.items():
        made = baseline(*real, dict.fromkeys(labels, PER_LABEL), np.random.default_rng(0))
        columns[name] = evaluate(real, made, test=test, channels=names, baselines=False)
    body = (
        f"netdiffus and those of pythae {minutes:g} minutes each on the shipped recordings (first {PACKETS} packets), "
        f"{PER_LABEL} traces of each of {len(labels)} labels drawn, of pythae's as many as came out of "
        f"{SURPLUS * PER_LABEL * len(labels):,} ({'; '.join(epochs)}). "
        "The outside models get netdiffus' scale and the label as a part of the row.\n\n"
    )
    body += _figures(columns)
    if minutes < FEWEST_MINUTES:
        print(body)
    else:
        write_section("outside", "Comparison with other generators", body)


def _figures(columns: dict[str, Scores]) -> str:
    """A row a figure, a column a generator."""
    whole = next(iter(columns.values()))
    rows = [
        (
            figure,
            whole[figure].goal,
            _cell(whole[figure].reference),
            *(_cell(_value(c, figure)) for c in columns.values()),
        )
        for figure in FIGURES
    ]
    return table(("score", "good is", "real gets", *columns), rows)


def _value(scores: Scores, name: str) -> float | None:
    return next((score.value for score in scores if score.name == name and score.label is None), None)


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
