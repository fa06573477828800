"""The network of a configuration: joins the codec's geometry and the diffusion's networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from netdiffus.diffusion.charts import Chart, GasfChart, SeriesChart
from netdiffus.diffusion.discrete_recipe import DiscreteRecipe
from netdiffus.diffusion.fit import EdmRecipe, Recipe
from netdiffus.diffusion.mixture import Mixture
from netdiffus.diffusion.rows import RowDenoiser
from netdiffus.diffusion.schedule import Schedule
from netdiffus.diffusion.unet import UNet, UNetShape, published_shape
from netdiffus.imaging.bits import BITS
from netdiffus.imaging.codec import STEP
from netdiffus.steps.device import prefers_half

Network = RowDenoiser | UNet
MOST_CLASSES, LEAST_CLASSES, CLASS_BUDGET = 512, 64, 1 << 14  # the budget is positions x classes of a trace
VALUES_PER_CLASS = 64  # on average, or most classes would be guesses
MOST_BATCH, LEAST_BATCH, LOGIT_BUDGET = 256, 32, 1 << 20
TOKENS = 32
SCHEDULE = "cosine"  # of the published presets


def is_unet(config: dict[str, Any]) -> bool:
    """Whether a model's configuration is of the published kind."""
    return bool(config["network"] == "unet")


def label_rows(config: dict[str, Any], labels: int) -> int:
    """Rows of the network's label table: one more, for no label, where it was trained with hidden labels."""
    return labels + bool(config.get("label_dropout"))


def most_classes(config: dict[str, Any], length: int, traces: int) -> int:
    """Classes of a channel at most: as many as the work of a step and the number of values allow."""
    budget = min(MOST_CLASSES, CLASS_BUDGET // length, traces * length // VALUES_PER_CLASS)
    return int(config["classes"] or max(LEAST_CLASSES, budget))


def batch_size(config: dict[str, Any], length: int, classes: int) -> int:
    """Traces of a training step; `classes` of all channels together.

    Logits beyond the processor's cache cost more time than a larger batch saves steps.
    """
    return int(config["batch"] or max(LEAST_BATCH, min(MOST_BATCH, LOGIT_BUDGET // (length * classes))))


def build_rows(
    config: dict[str, Any], length: int, centres: Sequence[Tensor], mixture: Mixture, device: torch.device
) -> RowDenoiser:
    """An untrained row denoiser of a model's configuration; the mixture has a group for each label."""
    chart: Chart = SeriesChart() if config["image"] in ("series", BITS) else GasfChart(length, STEP)
    return RowDenoiser(
        centres,
        mixture,
        length,
        chart,
        width=config["width"],
        depth=config["depth"],
        heads=config["heads"],
        patch=config["patch"] or math.ceil(length / TOKENS),
        dropout=config["dropout"],
        half=config["precision"] == "bfloat16" or (config["precision"] == "auto" and prefers_half(device)),
    ).to(device)


def build_unet(config: dict[str, Any], channels: int, length: int, labels: int, device: torch.device) -> UNet:
    """An untrained U-Net of a model's configuration, its image's channels and length, and its number of labels."""
    if "shape" in config:
        return UNet(shape_from_json(config["shape"])).to(device)
    rows, width = label_rows(config, labels), config["width"]
    shape = published_shape(length, channels, rows, width=width, blocks=config["depth"], heads=config["heads"])
    return UNet(shape).to(device)


def build_recipe(network: Network, config: dict[str, Any], length: int) -> Recipe:
    """How that network is fitted."""
    if isinstance(network, UNet):
        schedule = Schedule.named(config.get("schedule", SCHEDULE), config["timesteps"])
        return DiscreteRecipe(network, GasfChart(length, STEP), schedule, config.get("ema"))
    return EdmRecipe(network)


def shape_to_json(shape: UNetShape) -> dict[str, Any]:
    """A U-Net's sizes as plain values."""
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in vars(shape).items()} | {
        "multipliers": list(shape.multipliers)
    }


def shape_from_json(data: dict[str, Any]) -> UNetShape:
    """The way back from `shape_to_json`."""
    return UNetShape(**(data | {"multipliers": tuple(data["multipliers"]), "attention": frozenset(data["attention"])}))
