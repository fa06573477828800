"""`netdiffus import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from netdiffus.cli.options import ModelOut, chosen, with_options
from netdiffus.cli.say import say, say_next
from netdiffus.models.import_config import ImportConfig


@with_options(ImportConfig)
def import_checkpoint(
    context: typer.Context,
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="A guided-diffusion model*.pt or ema_*.pt.", show_default=False)
    ],
    out: ModelOut,
    **_: Any,
) -> None:
    """A guided-diffusion checkpoint becomes a model."""
    from netdiffus.steps.import_checkpoint import import_checkpoint as step

    config = ImportConfig.of(**chosen(context, ImportConfig))
    shape, side = step(checkpoint, out, config), config.image_size
    say(f"model: {out}")
    attention = ", ".join(str(side // factor) for factor in sorted(shape.attention)) or "the middle alone"
    say(
        f"network: {shape.channels_in} channels of {side} x {side} pixels, {shape.width} channels x "
        f"{', '.join(map(str, shape.multipliers))}, {shape.blocks} blocks, attention at {attention}, "
        f"{'no' if shape.classes is None else shape.classes} classes"
    )
    target = "synthetic.parquet" if config.scale else "images.npz"
    say_next("next", "generate", out, "--out", target, "--count", 100)
