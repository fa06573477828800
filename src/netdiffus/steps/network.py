"""The network of a configuration: joins the codec's geometry and the diffusion's denoiser."""

from __future__ import annotations

from typing import Any

from netdiffus.diffusion.charts import Chart, GasfChart, SeriesChart
from netdiffus.diffusion.rows import RowDenoiser
from netdiffus.imaging.codec import STEP
from netdiffus.imaging.label_codec import LabelCodec


def build_network(config: dict[str, Any], codec: LabelCodec, classes: int) -> RowDenoiser:
    """An untrained denoiser for a model's configuration, codec and number of labels."""
    series = config["image"] == "series"
    chart: Chart = SeriesChart() if series else GasfChart(codec.length, STEP)
    return RowDenoiser(
        len(codec.image_channels),
        codec.length,
        classes,
        chart,
        width=config["width"],
        depth=config["depth"],
        heads=config["heads"],
        rank=0 if series else config["rank"],
        patch=config["patch"],
    )
