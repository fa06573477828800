"""import: a guided-diffusion checkpoint becomes a model folder that `generate` samples from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from netdiffus import limits
from netdiffus.config import Config
from netdiffus.diffusion.checkpoint import read_checkpoint, shape_of
from netdiffus.diffusion.schedule import Schedule
from netdiffus.diffusion.unet import UNetShape
from netdiffus.errors import InputError
from netdiffus.imaging.codec import GasfCodec
from netdiffus.imaging.range_scale import RangeScale
from netdiffus.manifest import Text
from netdiffus.models.manifest import IMPORTED, model_manifest
from netdiffus.models.network import shape_to_json
from netdiffus.steps.train import versions
from netdiffus.store.account import sha256
from netdiffus.store.cards import ModelCard
from netdiffus.store.model import MODEL, write_model
from netdiffus.store.publish import check_folder
from netdiffus.text import markdown


class ImportConfig(Config):
    """What a checkpoint does not say itself."""

    image_size: int = Field(ge=2, le=limits.LENGTH)
    heads: int = Field(4, ge=1, le=limits.HEADS)
    steps: int = Field(1000, ge=2, le=limits.TIMESTEPS)
    schedule: str = "cosine"
    labels: list[Text] | None = None  # names of the classes, in the order of their numbers; None: the numbers
    scale: tuple[float, float] | None = None  # series = low ... high; None: only images can be drawn


def parse_scale(text: str | None) -> tuple[float, float] | None:
    """`--scale -1460,1460` as numbers.

    Raises:
        InputError: it is not two ascending numbers within limits.RANGE.
    """
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low, high = 0.0, 0.0
    if not -limits.RANGE <= low < high <= limits.RANGE:
        raise InputError(
            f"--scale LOW,HIGH, two ascending numbers up to {limits.RANGE:,.0f}", repr(text[:60]), "correct --scale"
        )
    return low, high


def import_checkpoint(checkpoint: Path, out: Path, config: ImportConfig) -> UNetShape:
    """Write the model folder of a checkpoint; returns the sizes that were read off it.

    Raises:
        InputError: it is no such checkpoint, or an option does not fit what is in it.
    """
    check_folder(out, MODEL, inputs=[checkpoint])
    weights = read_checkpoint(checkpoint)
    shape = shape_of(weights, config.heads)
    Schedule.named(config.schedule, config.steps)
    halvings = 2 ** (len(shape.multipliers) - 1)
    if config.image_size % halvings:
        raise InputError(f"--image-size, a multiple of {halvings}", str(config.image_size), "correct --image-size")
    labels = _labels(config.labels, shape)
    card = ModelCard(
        config={
            "image": "gasf",
            "preset": IMPORTED,
            "network": "unet",
            "timesteps": config.steps,
            "schedule": config.schedule,
            "shape": shape_to_json(shape),
        },
        codec=_codec(config, shape),
        labels=dict.fromkeys(labels, 1),
        dataset=sha256(checkpoint),
        steps=0,
        seconds=0.0,
        seed=0,
        device="cpu",
        versions=versions(),
    )
    model_manifest(card)
    write_model(out, card, weights, _readme(card, checkpoint))
    return shape


def _labels(names: list[str] | None, shape: UNetShape) -> list[str]:
    count = shape.classes or 1
    if names is None:
        return [str(k) for k in range(count)]
    if len(names) != count or len(set(names)) != count:
        raise InputError(f"{count} different labels, one for each class", str(len(set(names))), "correct --labels")
    return names


def _codec(config: ImportConfig, shape: UNetShape) -> dict[str, Any]:
    if config.scale is None:
        channels = [f"image {k}" for k in range(shape.channels_in)]
        return {"codec": "images", "channels": channels, "length": config.image_size}
    if shape.channels_in != 1:
        raise InputError("a checkpoint of one channel for --scale", f"{shape.channels_in}", "import without --scale")
    scale = RangeScale(*config.scale, absent=False)
    named = ("size", "direction") if scale.low < 0 else ("size",)
    return GasfCodec(named, config.image_size, (scale,), angle="direct", empty_up=False).to_json()


def _readme(card: ModelCard, checkpoint: Path) -> str:
    shape = card.config["shape"]
    return f"""# A netdiffus model, imported

The weights of the guided-diffusion checkpoint {markdown(checkpoint.name)} (sha256 {card.dataset[:16]}): a U-Net of
{shape["width"]} channels, {shape["blocks"]} blocks a level, {shape["channels_in"]} image channels of
{card.codec["length"]} x {card.codec["length"]} pixels; {card.config["timesteps"]} steps, {card.config["schedule"]}
schedule; labels: {", ".join(map(markdown, card.labels))}.

What it was trained on, and what it may be used for, is known to whoever trained it. Labels are drawn alike often.
"""
