"""The network of a configuration: joins the codec's geometry and the diffusion's networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from netdiffus.diffusion.causal import CausalDenoiser, Codebook
from netdiffus.diffusion.discrete_recipe import DiscreteRecipe
from netdiffus.diffusion.fit import Recipe
from netdiffus.diffusion.forcing import Rows
from netdiffus.diffusion.forcing_recipe import ForcingRecipe
from netdiffus.diffusion.observation import GasfRows, SeriesRows
from netdiffus.diffusion.schedule import Schedule
from netdiffus.diffusion.unet import UNet, UNetShape, published_shape
from netdiffus.imaging.bits import BITS
from netdiffus.imaging.coarse import CoarseCodebook
from netdiffus.imaging.codec import STEP, GasfCodec

Network = CausalDenoiser | UNet
MOST_CLASSES, LEAST_CLASSES, CLASS_BUDGET = 512, 64, 1 << 14  # the budget is positions x classes of a trace
VALUES_PER_CLASS = 64  # on average, or most classes would be guesses
MOST_BATCH, LEAST_BATCH, ROW_BUDGET = 256, 32, 1 << 12
LONG, COARSE_ROWS = 64, 8
SCHEDULE = "cosine"  # of the published presets


def is_unet(config: Mapping[str, Any]) -> bool:
    """Whether a model's configuration is of the published kind."""
    return bool(config["network"] == "unet")


def label_rows(config: Mapping[str, Any], labels: int) -> int:
    """Rows of the network's label table: one more, for no label, where it was trained with hidden labels."""
    return labels + bool(config.get("label_dropout"))


def most_classes(config: Mapping[str, Any], length: int, traces: int) -> int:
    """Classes of a channel at most: as many as the work of a step and the number of values allow."""
    budget = min(MOST_CLASSES, CLASS_BUDGET // length, traces * length // VALUES_PER_CLASS)
    return int(config["classes"] or max(LEAST_CLASSES, budget))


def coarse_rows(config: Mapping[str, Any], length: int) -> int:
    """Coarse rows that are drawn first: COARSE_ROWS for traces of LONG positions or more, unless asked otherwise."""
    asked = config["coarse"]
    return int((COARSE_ROWS if length >= LONG else 0) if asked is None else min(asked, length))


def batch_size(config: Mapping[str, Any], length: int) -> int:
    """Traces of a training step: as many as hold ROW_BUDGET rows."""
    return int(config["batch"] or max(LEAST_BATCH, min(MOST_BATCH, ROW_BUDGET // length)))


def build_rows(config: Mapping[str, Any], codec: GasfCodec, device: torch.device) -> Rows:
    """What a causal denoiser's rows are observed as."""
    series = config["image"] in ("series", BITS)
    observation = SeriesRows(codec.length) if series else GasfRows(codec.length, STEP)
    return Rows.of(observation, [torch.from_numpy(z).to(device) for z in codec.centres])


def build_causal(
    config: Mapping[str, Any],
    codec: GasfCodec,
    coarse: CoarseCodebook | None,
    priors: tuple[list[Tensor], list[Tensor]],
    device: torch.device,
) -> CausalDenoiser:
    """An untrained causal denoiser of a model's configuration.

    Args:
        priors: log-priors of the rows' channels, and of the coarse rows'.
    """
    fine, of_coarse = priors
    with device:
        books = [
            Codebook(torch.from_numpy(z).to(device), end) for z, end in zip(codec.centres, codec.absent, strict=True)
        ]
        small = None
        if coarse is not None:
            small = ([Codebook(torch.from_numpy(z).to(device), False) for z in coarse.centres], of_coarse)
        return CausalDenoiser(
            books,
            fine,
            small,
            width=config["width"],
            depth=config["depth"],
            heads=config["heads"],
            dropout=config["dropout"],
        )


def build_unet(config: Mapping[str, Any], channels: int, length: int, labels: int, device: torch.device) -> UNet:
    """An untrained U-Net of a model's configuration, its image's channels and length, and its number of labels."""
    if "shape" in config:
        return UNet(shape_from_json(config["shape"])).to(device)
    rows, width = label_rows(config, labels), config["width"]
    shape = published_shape(length, channels, rows, width=width, blocks=config["depth"], heads=config["heads"])
    return UNet(shape).to(device)


def build_recipe(
    network: Network,
    config: Mapping[str, Any],
    length: int,
    rows: Rows | None = None,
    crossed: tuple[list[Tensor], list[Tensor]] | None = None,
) -> Recipe:
    """How that network is fitted.

    Args:
        rows: of a causal denoiser. crossed: its out-of-fold priors in training.
    """
    if isinstance(network, UNet):
        schedule = Schedule.named(config.get("schedule", SCHEDULE), config["timesteps"])
        return DiscreteRecipe(network, GasfRows(length, STEP), schedule, config.get("ema"))
    if rows is None:
        raise TypeError("a causal denoiser needs its rows")
    return ForcingRecipe(network, rows, crossed, config["noised"])


def shape_to_json(shape: UNetShape) -> dict[str, Any]:
    """A U-Net's sizes as plain values."""
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in vars(shape).items()} | {
        "multipliers": list(shape.multipliers)
    }


def shape_from_json(data: dict[str, Any]) -> UNetShape:
    """The way back from `shape_to_json`."""
    return UNetShape(**(data | {"multipliers": tuple(data["multipliers"]), "attention": frozenset(data["attention"])}))
