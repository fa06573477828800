"""train: a dataset becomes a model folder."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import torch

from netdiffus import __version__
from netdiffus.diffusion.fit import Fit, TrainStep, Validation
from netdiffus.errors import InputError
from netdiffus.imaging.bits import BITS
from netdiffus.models.card import model_readme
from netdiffus.models.device import choose_device
from netdiffus.models.manifest import read_model
from netdiffus.models.network import Network, build_causal, build_recipe, build_rows, build_unet
from netdiffus.models.options import PRESETS, TrainConfig, share_done, train_config
from netdiffus.models.packets import CLASSES, NAMES, packet_part
from netdiffus.models.training_data import TrainingData, series_data, training_data
from netdiffus.store import model as store
from netdiffus.store.cards import ModelCard
from netdiffus.store.dataset import read_dataset
from netdiffus.store.publish import check_folder
from netdiffus.traffic.sessions.fields import CHANNELS

__all__ = ["PRESETS", "TrainConfig", "share_done", "train", "train_config", "versions"]

FEWEST_TRACES = 10
SAVE_EVERY_S = 60.0
VALIDATE_EVERY = 100  # steps; a check costs about as much as two


def train(dataset: Path, out: Path, config: TrainConfig, *, resume: bool = False) -> Generator[TrainStep, None, None]:
    """Fit a model to a dataset's training part and write it to the folder `out`; yields a record per step.

    The model is saved after the first step, every minute, at the end, and when the generator is closed early. An old
    model at `out` that the training does not go on with stays for the first minute. Where traces are held back
    (training_data.py), every VALIDATE_EVERY steps the averaged weights are tried on them; the best are what is saved to
    generate with.

    Raises:
        InputError: the dataset is too small, there is nothing (or something else) to resume, or `out` may not be
            written.
    """
    check_folder(out, store.MODEL, inputs=[dataset])
    card, traces = read_dataset(dataset)
    part = traces.filter(pl.col("split") == "train")
    if len(part) < FEWEST_TRACES:
        raise InputError(
            f"a dataset with at least {FEWEST_TRACES} training traces",
            f"{len(part)} in {dataset}",
            "prepare more traffic",
        )
    fit, model = _begin(dataset, traces, card.hash, config)
    model = model.model_copy(update={"warnings": card.warnings})
    if resume:
        _resume(fit, model, out)
    yield from _run(fit, model, out, len(part))


def _begin(dataset: Path, traces: pl.DataFrame, dataset_hash: str, config: TrainConfig) -> tuple[Fit, ModelCard]:
    began, device = time.perf_counter(), choose_device()
    data, of_packets = _data(dataset, traces, config, device)
    codec = data.codec
    options = config.model_dump() | {"coarse": data.coarse.rows if data.coarse else 0}
    torch.manual_seed(config.seed)
    if config.network == "unet":
        network: Network = build_unet(options, len(codec.image_channels), codec.length, len(data.labels), device)
        recipe = build_recipe(network, options, codec.length)
    else:
        network = build_causal(options, codec, data.coarse, data.priors, device)
        recipe = build_recipe(network, options, codec.length, build_rows(options, codec, device), data.crossed)
    watch = Validation(data.validation, VALIDATE_EVERY, config.patience) if data.validation else None
    fit = Fit(
        network, data.batch, learning_rate=config.learning_rate, seed=config.seed, recipe=recipe, validation=watch
    )
    fit.seconds = time.perf_counter() - began  # counting is part of the training
    small = {"coarse": data.coarse.to_json() if data.coarse else None}
    model = ModelCard(
        config=options,
        codec=codec.to_json() | small | of_packets,
        labels=data.labels,
        dataset=dataset_hash,
        steps=0,
        seconds=0.0,
        seed=config.seed,
        device=device.type,
        threads=torch.get_num_threads() if device.type == "cpu" else None,
        versions=versions(),
    )
    return fit, model


def _data(
    dataset: Path, traces: pl.DataFrame, config: TrainConfig, device: torch.device
) -> tuple[TrainingData, dict[str, Any]]:
    """The training part, and what else a model of packets keeps."""
    part = traces.filter(pl.col("split") == "train")
    if config.image != BITS:
        return training_data(part, config, device), {}
    beside = traces.filter(pl.col("source").is_in(part["source"].unique()))  # whole sources may be for testing
    found = packet_part(dataset, part, len(part) / len(beside), config.length)
    classes = pl.Series(found.classes, dtype=pl.String)
    return series_data(found.series, CHANNELS, classes, config, device, CLASSES, NAMES), found.codec.to_json()


def versions() -> dict[str, str]:
    """What a model was made with."""
    return {"netdiffus": __version__, "torch": str(torch.__version__), "python": platform.python_version()}


def _resume(fit: Fit, model: ModelCard, out: Path) -> None:
    if not store.has_resume(out):
        raise InputError(f"a model with resume/ at {out} for --resume", "none", "train without --resume")
    before = read_model(out).card
    free = {"minutes", "steps", "patience"}
    known = before.config
    for name, value in model.config.items():
        if name not in free and known.get(name) != value:
            raise InputError(
                f"{name} = {known.get(name)} as when {out} began", str(value), "resume with the same options"
            )
    if before.dataset != model.dataset:
        raise InputError("the dataset that the training began with", "another", "name the same dataset, or train anew")
    fit.restore(store.read_state(out))


def _run(fit: Fit, model: ModelCard, out: Path, traces: int) -> Iterator[TrainStep]:
    share = share_done(TrainConfig(**model.config))
    log = _Log(fit.step)
    # Save after the first step: a place that is too small must show before the hours are spent. An old model is not
    # given up for that.
    saved = time.perf_counter() if not fit.step and out.is_dir() and any(out.iterdir()) else -math.inf
    try:
        for record in fit.run(share):
            log.records.append({name: value for name, value in vars(record).items() if value is not None})
            yield record
            if time.perf_counter() - saved > SAVE_EVERY_S:
                _save(fit, model, out, traces, log)
                saved = time.perf_counter()
    except GeneratorExit:  # whoever runs us has had enough
        _save(fit, model, out, traces, log)
        raise
    _save(fit, model, out, traces, log)


@dataclass
class _Log:
    """The step up to which the log is saved, and the records since."""

    saved: int
    records: list[dict[str, Any]] = field(default_factory=list)


def _save(fit: Fit, model: ModelCard, out: Path, traces: int, log: _Log) -> None:
    best = {"loss": fit.best_loss, "step": fit.best_step} if fit.best else None
    card = model.model_copy(update={"steps": fit.step, "seconds": round(fit.seconds, 3), "validation": best})
    weights = {name: value.detach().cpu().contiguous() for name, value in fit.result.items()}
    store.write_model(out, card, weights, model_readme(card, traces), fit.state(), log.records, log.saved)
    log.saved, log.records = fit.step, []
