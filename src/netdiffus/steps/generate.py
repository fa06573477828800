"""generate: a model draws labelled traces and writes them as a table."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from pydantic import Field

from netdiffus import __version__
from netdiffus.diffusion import edm
from netdiffus.diffusion.rows import RowDenoiser
from netdiffus.diffusion.samplers import SAMPLERS
from netdiffus.errors import InputError
from netdiffus.imaging.label_codec import LabelCodec
from netdiffus.steps.config import Config
from netdiffus.steps.device import choose_device
from netdiffus.steps.network import build_network
from netdiffus.steps.output import FORMS, write_traces
from netdiffus.store import model as store
from netdiffus.store.cards import ModelCard
from netdiffus.traffic.traces import conform, ragged

DEFAULT_COUNT = 1000
SAMPLER = "dpm++2m"  # as good as Heun with half the evaluations
IMAGE_BUDGET = 1_500_000  # floats of one batch of images: bounds memory, and keeps a batch in the cache


class GenerateConfig(Config):
    """What can be chosen in `generate`."""

    count: int | dict[str, int] = DEFAULT_COUNT
    balance: bool = False
    seed: int = Field(0, ge=0)
    sampling_steps: int = Field(18, ge=2, le=1000)


@dataclass(frozen=True)
class Drawn:
    """So many traces of so many are drawn."""

    done: int
    total: int


@dataclass(frozen=True)
class LoadedModel:
    """A model folder in memory."""

    card: ModelCard
    codec: LabelCodec
    network: RowDenoiser
    hash: str


def load_model(folder: Path) -> LoadedModel:
    """The model in a folder, ready to draw from.

    Raises:
        InputError: it is no model of this format, or its weights do not fit its configuration.
    """
    card = ModelCard.read(folder)
    codec = LabelCodec.from_json(card.codec)
    network = build_network(card.config, codec, len(card.labels))
    try:
        network.load_state_dict(store.read_weights(folder))
    except RuntimeError:
        raise InputError("weights that fit model.json", "others", "copy the model again, or train again") from None
    return LoadedModel(card, codec, network.to(choose_device()).eval(), store.model_hash(folder))


def generate(model: Path, out: Path, config: GenerateConfig) -> Generator[Drawn, None, None]:
    """Draw traces from the model in a folder and write them to the file `out`; yields a record per batch.

    Raises:
        InputError: `model` is no model, a label or the suffix of `out` is unknown, a count is below 1.
    """
    if out.suffix.lower() not in FORMS:
        raise InputError(f"--out with one of the suffixes {', '.join(FORMS)}", str(out), "name such a file")
    loaded = load_model(model)
    traces = yield from draw(loaded, config)
    provenance = {
        "netdiffus": __version__,
        "model": loaded.hash,
        "dataset": loaded.card.dataset,
        "config": config.model_dump(),
    }
    write_traces(out, traces, json.dumps(provenance))


def draw(model: LoadedModel, config: GenerateConfig) -> Generator[Drawn, None, pl.DataFrame]:
    """Yields a record per batch; returns the table of traces (StopIteration.value), in the order of the labels."""
    counts = label_counts(model.card.labels, config.count, balance=config.balance)
    names = list(model.card.labels)
    ids = np.repeat(np.arange(len(names)), [counts.get(name, 0) for name in names])
    batches = []
    for values in _batches(model, ids, config):
        batches.append(values)
        yield Drawn(sum(len(batch) for batch in batches), len(ids))
    return traces_table(np.concatenate(batches), model.codec.channels, np.array(names)[ids], model.hash, config.seed)


def _batches(model: LoadedModel, ids: NDArray[np.int64], config: GenerateConfig) -> Iterator[NDArray[np.float64]]:
    network, codec, chart = model.network, model.codec, model.network.chart
    device = choose_device()
    generator = torch.Generator(device).manual_seed(config.seed)
    sigmas = edm.sigmas(config.sampling_steps).to(device) * chart.noise_gain
    empty = torch.zeros(1, len(codec.image_channels), codec.length, device=device)
    size = max(1, min(512, IMAGE_BUDGET // chart.image(empty).numel()))
    for start in range(0, len(ids), size):
        label = torch.from_numpy(ids[start : start + size]).to(device)

        def denoise(x: torch.Tensor, sigma: torch.Tensor, label: torch.Tensor = label) -> torch.Tensor:
            clean: torch.Tensor = network(x, sigma.expand(len(label)), label)
            return clean

        with torch.inference_mode():
            noise = chart.noise(empty.expand(len(label), -1, -1), generator) * sigmas[0]
            image = SAMPLERS[SAMPLER](denoise, noise, sigmas)
        values = image.cpu().double().numpy()
        decode = codec.from_quantiles if model.card.config["image"] == "series" else codec.decode
        yield decode(values, ids[start : start + size])


def label_counts(mix: Mapping[str, int], count: int | dict[str, int], *, balance: bool) -> dict[str, int]:
    """How many traces of each label: as named, or `count` in all by the training mix or in equal parts.

    Shares are rounded by largest remainder, so that they add up to `count`.

    Raises:
        InputError: a label that the model does not know, or a count below 1.
    """
    if isinstance(count, dict):
        unknown = [label for label in count if label not in mix]
        if unknown:
            raise InputError(f"labels among {', '.join(mix)}", repr(unknown[0]), "correct --count")
        if min(count.values(), default=0) < 1:
            raise InputError("a count of at least 1", str(min(count.values(), default=0)), "correct --count")
        return count
    if count < 1:
        raise InputError("a count of at least 1", str(count), "correct --count")
    weights = np.array([1.0 if balance else number for number in mix.values()])
    exact = count * weights / weights.sum()
    whole = np.floor(exact).astype(int)
    for index in np.argsort(whole - exact, kind="stable")[: count - whole.sum()]:
        whole[index] += 1
    return {label: int(number) for label, number in zip(mix, whole, strict=True) if number}


def traces_table(
    values: NDArray[np.float64], channels: tuple[str, ...], labels: NDArray[np.str_], model_hash: str, seed: int
) -> pl.DataFrame:
    """Drawn series (N, C, n) as a table with the columns of traces.parquet, split = "synthetic"."""
    lists = {name: ragged(values[:, k], name) for k, name in enumerate(channels)}
    source = f"netdiffus {__version__} model {model_hash[:16]} seed {seed}"
    return conform(
        pl.DataFrame({"label": labels.tolist(), **lists}).with_columns(split=pl.lit("synthetic"), source=pl.lit(source))
    )


def parse_counts(texts: Sequence[str] | None) -> int | dict[str, int]:
    """`--count 1000` as 1000, `--count web=10 --count dns=20` as {"web": 10, "dns": 20}; nothing as the default.

    Raises:
        InputError: neither form, or both mixed.
    """
    if not texts:
        return DEFAULT_COUNT
    pairs = [text.rpartition("=") for text in texts]
    try:
        numbers = [int(number) for _, _, number in pairs]
    except ValueError:
        numbers = []
    if not numbers or (len(texts) > 1 and not all(label for label, _, _ in pairs)):
        raise InputError("--count N, or --count LABEL=N once for each label", " ".join(texts), "correct --count")
    if not pairs[0][0]:
        return numbers[0]
    return {label: number for (label, _, _), number in zip(pairs, numbers, strict=True)}
