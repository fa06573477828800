"""train: a dataset becomes a model folder."""

from __future__ import annotations

import dataclasses
import math
import platform
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import torch
from pydantic import Field
from torch import Tensor

from netdiffus import __version__
from netdiffus.diffusion.fit import Fit, TrainStep
from netdiffus.errors import InputError
from netdiffus.imaging.codec import normal_quantile
from netdiffus.imaging.label_codec import LabelCodec
from netdiffus.steps.config import Config
from netdiffus.steps.device import choose_device
from netdiffus.steps.network import build_network
from netdiffus.steps.readme import model_readme
from netdiffus.store import model as store
from netdiffus.store.atomic import check_replaceable
from netdiffus.store.cards import ModelCard
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.traces import channel_names, series

FEWEST_TRACES = 10
SAVE_EVERY_S = 60.0


class TrainConfig(Config):
    """What can be chosen in `train`; PRESETS give the sizes."""

    image: Literal["gasf", "series"] = "gasf"
    preset: str = "default"
    width: int = 160
    depth: int = 4
    heads: int = 4
    rank: int = 4
    patch: int = 4
    batch: int = 128
    learning_rate: float = 2e-3
    length: int | None = Field(None, ge=2, le=1000)
    minutes: float | None = Field(None, gt=0)
    steps: int | None = Field(None, ge=1)
    seed: int = Field(0, ge=0)


PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "tiny": {"width": 32, "depth": 2, "heads": 2, "rank": 2, "batch": 64, "patch": 2},
}
DEFAULT_MINUTES = 10.0


def train_config(preset: str = "default", **chosen: Any) -> TrainConfig:
    """The configuration of a preset with some choices of one's own (None = not chosen).

    Raises:
        InputError: there is no such preset.
    """
    if preset not in PRESETS:
        raise InputError(f"a preset among {', '.join(PRESETS)}", repr(preset), "name one of those with --preset")
    chosen = {name: value for name, value in chosen.items() if value is not None}
    if "minutes" not in chosen and "steps" not in chosen:
        chosen["minutes"] = DEFAULT_MINUTES
    return TrainConfig.of(preset=preset, **(PRESETS[preset] | chosen))


def train(dataset: Path, out: Path, config: TrainConfig, *, resume: bool = False) -> Generator[TrainStep, None, None]:
    """Fit a model to a dataset's training part and write it to the folder `out`; yields a record per step.

    The model is saved after the first step, every minute, at the end, and when the generator is closed early.

    Raises:
        InputError: the dataset is too small, or there is nothing (or something else) to resume.
    """
    card, traces = read_dataset(dataset)
    part = traces.filter(pl.col("split") == "train")
    if len(part) < FEWEST_TRACES:
        raise InputError(
            f"a dataset with at least {FEWEST_TRACES} training traces",
            f"{len(part)} in {dataset}",
            "prepare more traffic",
        )
    check_replaceable(out, ModelCard.FILE)
    fit, model = _begin(part, card.hash, config)
    if resume:
        _resume(fit, model, out)
    else:
        store.clear_log(out)
    yield from _run(fit, model, out, len(part))


def _begin(part: pl.DataFrame, dataset_hash: str, config: TrainConfig) -> tuple[Fit, ModelCard]:
    longest = int(part.select(pl.col(channel_names(part)[0]).list.len().max()).item())
    length = max(2, min(config.length or 1000, longest))
    data = series(part, length)
    counts = dict(sorted(part["label"].value_counts().iter_rows()))
    names = list(counts)
    ids = part["label"].replace_strict(names, range(len(names)), return_dtype=pl.Int64).to_numpy()
    codec = LabelCodec.fit(data, channel_names(part), ids)
    torch.manual_seed(config.seed)
    device = choose_device()
    network = build_network(config.model_dump(), codec, len(names)).to(device)
    low, high = (torch.from_numpy(end.astype(np.float32)).to(device) for end in codec.intervals(data, ids))
    label = torch.tensor(ids, device=device)

    def batch(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        index = torch.randint(len(label), (config.batch,), generator=generator, device=device)
        share = torch.rand(low[index].shape, generator=generator, device=device)
        return normal_quantile(torch.lerp(low[index], high[index], share), torch.special.ndtri), label[index]

    fit = Fit(network, batch, learning_rate=config.learning_rate, seed=config.seed)
    model = ModelCard(
        config=config.model_dump(),
        codec=codec.to_json(),
        labels=counts,
        dataset=dataset_hash,
        steps=0,
        seconds=0.0,
        seed=config.seed,
        device=device.type,
        versions={"netdiffus": __version__, "torch": str(torch.__version__), "python": platform.python_version()},
    )
    return fit, model


def _resume(fit: Fit, model: ModelCard, out: Path) -> None:
    if not store.has_resume(out):
        raise InputError(f"a model with resume/ at {out} for --resume", "none", "train without --resume")
    before = ModelCard.read(out)
    free = {"minutes", "steps"}
    for name, value in model.config.items():
        if name not in free and before.config.get(name) != value:
            raise InputError(
                f"{name} = {before.config.get(name)} as when {out} began", str(value), "resume with the same options"
            )
    if before.dataset != model.dataset:
        raise InputError("the dataset that the training began with", "another", "name the same dataset, or train anew")
    fit.restore(store.read_state(out))
    store.cut_log(out, fit.step)


def _run(fit: Fit, model: ModelCard, out: Path, traces: int) -> Iterator[TrainStep]:
    share = share_done(TrainConfig(**model.config))
    pending: list[dict[str, Any]] = []
    saved = -math.inf  # save after the first step: a place that cannot be written must show before the hours are spent
    try:
        for record in fit.run(share):
            pending.append(dataclasses.asdict(record))
            yield record
            if time.perf_counter() - saved > SAVE_EVERY_S:
                _save(fit, model, out, traces, pending)
                saved = time.perf_counter()
    except GeneratorExit:  # whoever runs us has had enough
        _save(fit, model, out, traces, pending)
        raise
    _save(fit, model, out, traces, pending)


def _save(fit: Fit, model: ModelCard, out: Path, traces: int, pending: list[dict[str, Any]]) -> None:
    card = model.model_copy(update={"steps": fit.step, "seconds": round(fit.seconds, 3)})
    weights = {name: value.detach().cpu().contiguous() for name, value in fit.average.tensors.items()}
    store.write_model(out, card, weights, fit.state(), model_readme(card, traces))
    store.append_log(out, pending)
    pending.clear()


def share_done(config: TrainConfig) -> Callable[[TrainStep], float]:
    """How much of a training a step's record says is done, by steps or by the clock."""

    def share(record: TrainStep) -> float:
        return (
            record.step / config.steps if config.steps else record.seconds / (60 * (config.minutes or DEFAULT_MINUTES))
        )

    return share
