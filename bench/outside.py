"""Generators of others beside netdiffus: a VAE and a VAE-GAN of pythae, on the same rows for the same minutes.

They get netdiffus' own scale, in which every value that was seen owns an interval of [0, 1], so that only the generator
differs; the label is a part of the row. OUTSIDE_MINUTES sets the minutes (default 3).
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.results import table, write_section
from netdiffus import recordings
from netdiffus.api.verbs import evaluate, generate, prepare, train
from netdiffus.imaging.codec import GasfCodec, normal_quantile, uniform
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.traces import channel_names, series

PACKETS, PER_LABEL, LATENT, BATCH = 32, 100, 32, 128
FIGURES = (
    "utility.tstr_accuracy", "utility.ratio", "marginal.by_label.jsd", "correlation.channels", "manifold.coverage",
    "copies.exact", "membership.auc", "images.fid", "detection.auc",
)  # fmt: skip
MODELS = ("VAE", "VAEGAN")
Floats = NDArray[np.float32]


def trained(name: str, rows: Floats, seconds: float, folder: Path, seed: int) -> Floats:
    """Train a model of pythae for about so many seconds, and draw thrice as many rows as are wanted."""
    import torch
    from pythae import models, trainers
    from pythae.pipelines import TrainingPipeline
    from pythae.samplers import GaussianMixtureSampler

    settings = trainers.CoupledOptimizerAdversarialTrainerConfig if name == "VAEGAN" else trainers.BaseTrainerConfig

    def run(epochs: int) -> object:
        torch.manual_seed(seed)
        config = getattr(models, f"{name}Config")(input_dim=(rows.shape[1],), latent_dim=LATENT)
        model = getattr(models, name)(config)
        options = {"output_dir": str(folder), "num_epochs": epochs, "per_device_train_batch_size": BATCH}
        TrainingPipeline(model=model, training_config=settings(no_cuda=True, **options))(train_data=rows)
        return model

    logging.disable(logging.INFO)  # its own lines of every epoch
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        began = time.perf_counter()
        run(1)
        model = run(max(1, round(seconds / (time.perf_counter() - began))))
        sampler = GaussianMixtureSampler(model)
        sampler.fit(rows)
        drawn = sampler.sample(num_samples=3 * PER_LABEL * len(recordings.labels()), batch_size=512)
    logging.disable(logging.NOTSET)
    return np.asarray(drawn.numpy(), dtype=np.float32)


def main() -> None:
    """Train each for the same time, evaluate each on the same test part."""
    if importlib.util.find_spec("pythae") is None:
        raise SystemExit("this bench compares with pythae; install it with: pip install -e '.[bench]'")
    minutes = float(os.environ.get("OUTSIDE_MINUTES", "3"))
    columns: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare(recordings.folder(), folder / "dataset", packets=PACKETS)
        train(folder / "dataset", folder / "model", minutes=minutes)
        count = PER_LABEL * len(recordings.labels())
        generate(folder / "model", folder / "netdiffus.parquet", count=count, balance=True)
        whole = evaluate(folder / "dataset", folder / "netdiffus.parquet")
        columns["real gets"] = [_cell(whole[figure].reference) for figure in FIGURES]
        columns["netdiffus"] = [_cell(whole[figure].value) for figure in FIGURES]

        _, traces = read_dataset(folder / "dataset")
        part = traces.filter(traces["split"] == "train")
        names = channel_names(part)
        codec = GasfCodec.fit(series(part, PACKETS, names), names)
        labels, ids = np.unique(part["label"].to_numpy().astype(str), return_inverse=True)
        u = uniform(codec.quantiles(series(part, PACKETS, names), np.random.default_rng(0)))
        rows = np.concatenate([u.reshape(len(u), -1), np.eye(len(labels))[ids]], axis=1).astype(np.float32)
        held_out = traces.filter(traces["split"] == "test")
        real, test = (
            (series(frame, PACKETS, names), frame["label"].to_numpy().astype(str)) for frame in (part, held_out)
        )
        for name in MODELS:
            drawn = trained(name, rows, 60 * minutes, folder / name, 0)
            said = np.argmax(drawn[:, -len(labels) :], axis=1)
            kept = np.concatenate([np.flatnonzero(said == k)[:PER_LABEL] for k in range(len(labels))])
            z = normal_quantile(drawn[kept, : -len(labels)].astype(np.float64).reshape(len(kept), *u.shape[1:]))
            made = (codec.from_quantiles(z), labels[said[kept]])
            found = evaluate(real, made, test=test, channels=names, baselines=False)
            columns[f"pythae {name}"] = [_cell(found[figure].value) for figure in FIGURES]
    body = (
        f"{minutes:g} minutes each on the shipped recordings (first {PACKETS} packets), up to {PER_LABEL} traces of a "
    )
    body += "label drawn. The outside models get netdiffus' scale and the label as a part of the row.\n\n"
    body += table(("score", *columns), list(zip(FIGURES, *columns.values(), strict=True)))
    write_section("outside", "Beside generators of others", body)


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
