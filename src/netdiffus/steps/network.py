"""The network of a configuration: joins the codec's geometry and the diffusion's networks."""

from __future__ import annotations

from typing import Any

from netdiffus.diffusion.charts import Chart, GasfChart, SeriesChart
from netdiffus.diffusion.discrete_recipe import DiscreteRecipe
from netdiffus.diffusion.fit import EdmRecipe, Recipe
from netdiffus.diffusion.rows import RowDenoiser
from netdiffus.diffusion.schedule import Schedule
from netdiffus.diffusion.unet import UNet, UNetShape, published_shape
from netdiffus.imaging.codec import STEP

Network = RowDenoiser | UNet
SCHEDULE = "cosine"  # of the published presets


def is_unet(config: dict[str, Any]) -> bool:
    """Whether a model's configuration is of the published kind; older models do not say."""
    return bool(config.get("network") == "unet")


def label_rows(config: dict[str, Any], labels: int) -> int:
    """Rows of the network's label table: one more, for no label, where it was trained with hidden labels."""
    return labels + bool(config.get("label_dropout"))


def build_network(config: dict[str, Any], channels: int, length: int, labels: int) -> Network:
    """An untrained network for a model's configuration, its image's channels and length, and its number of labels."""
    rows = label_rows(config, labels)
    if is_unet(config):
        return UNet(
            shape_from_json(config["shape"])
            if "shape" in config
            else published_shape(
                length, channels, rows, width=config["width"], blocks=config["depth"], heads=config["heads"]
            )
        )
    series = config["image"] == "series"
    chart: Chart = SeriesChart() if series else GasfChart(length, STEP)
    return RowDenoiser(
        channels,
        length,
        rows,
        chart,
        width=config["width"],
        depth=config["depth"],
        heads=config["heads"],
        rank=0 if series else config["rank"],
        patch=config["patch"],
    )


def build_recipe(network: Network, config: dict[str, Any], length: int) -> Recipe:
    """How that network is fitted."""
    if isinstance(network, UNet):
        schedule = Schedule.named(SCHEDULE, config["timesteps"])
        return DiscreteRecipe(network, GasfChart(length, STEP), schedule, config["ema"])
    return EdmRecipe(network)


def shape_to_json(shape: UNetShape) -> dict[str, Any]:
    """A U-Net's sizes as plain values."""
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in vars(shape).items()} | {
        "multipliers": list(shape.multipliers)
    }


def shape_from_json(data: dict[str, Any]) -> UNetShape:
    """The way back from `shape_to_json`."""
    return UNetShape(**(data | {"multipliers": tuple(data["multipliers"]), "attention": frozenset(data["attention"])}))
