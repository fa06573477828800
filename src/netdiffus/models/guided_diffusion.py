"""Models of openai/guided-diffusion: what a checkpoint of it becomes here, with what the file does not say itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from netdiffus.diffusion.checkpoint import read_checkpoint, shape_of
from netdiffus.diffusion.schedule import Schedule
from netdiffus.diffusion.unet_shape import UNetShape
from netdiffus.errors import InputError
from netdiffus.models.codecs import Codec
from netdiffus.models.import_config import ImportConfig
from netdiffus.models.manifest import ModelManifest, model_manifest
from netdiffus.models.options import ImportedOptions, ShapeManifest
from netdiffus.models.series_codec import ImagesCodec, SeriesCodec, signed_size_codec
from netdiffus.store.cards import ModelCard
from netdiffus.text import markdown


@dataclass(frozen=True)
class Imported:
    """A checkpoint as a model: its manifest, its weights, and the sizes that were read off those."""

    manifest: ModelManifest
    weights: dict[str, Tensor]
    shape: UNetShape


def read_imported(checkpoint: Path, config: ImportConfig, digest: str, versions: dict[str, str]) -> Imported:
    """The model of a checkpoint.

    Args:
        digest: sha256 of the file. versions: what the model is made with.

    Raises:
        InputError: it is no such checkpoint, or an option does not fit what is in it.
    """
    weights = read_checkpoint(checkpoint)
    shape = shape_of(weights, config.heads)
    Schedule.named(config.schedule, config.steps)
    halvings = 2 ** (len(shape.multipliers) - 1)
    if config.image_size % halvings:
        raise InputError(f"--image-size, a multiple of {halvings}", str(config.image_size), "correct --image-size")
    labels = _labels(config.labels, shape)
    options = ImportedOptions.of(timesteps=config.steps, schedule=config.schedule, shape=ShapeManifest.of_shape(shape))
    card = ModelCard(
        config=options.model_dump(mode="json"),
        codec=_codec(config, shape).to_json(),
        labels=dict.fromkeys(labels, 1),
        dataset=digest,
        steps=0,
        seconds=0.0,
        seed=0,
        device="cpu",
        versions=versions,
    )
    return Imported(model_manifest(card), weights, shape)


def _labels(names: list[str] | None, shape: UNetShape) -> list[str]:
    count = shape.classes or 1
    if names is None:
        return [str(k) for k in range(count)]
    if len(names) != count or len(set(names)) != count:
        raise InputError(f"{count} different labels, one for each class", str(len(set(names))), "correct --labels")
    return names


def _codec(config: ImportConfig, shape: UNetShape) -> Codec:
    if config.scale is None:
        return ImagesCodec([f"image {k}" for k in range(shape.channels_in)], config.image_size)
    if shape.channels_in != 1:
        raise InputError("a checkpoint of one channel for --scale", f"{shape.channels_in}", "import without --scale")
    return SeriesCodec(signed_size_codec(*config.scale, config.image_size))


def imported_readme(manifest: ModelManifest, name: str) -> str:
    """README.md of a model that was imported from a file of that name."""
    options, codec, card = manifest.options, manifest.codec, manifest.card
    if not isinstance(options, ImportedOptions):
        raise TypeError("no imported model")
    shape = options.shape
    return f"""# A netdiffus model, imported

The weights of the guided-diffusion checkpoint {markdown(name)} (sha256 {card.dataset[:16]}): a U-Net of
{shape.width} channels, {shape.blocks} blocks a level, {shape.channels_in} image channels of
{codec.length} x {codec.length} pixels; {options.timesteps} steps, {options.schedule}
schedule; labels: {", ".join(map(markdown, card.labels))}.

What it was trained on, and what it may be used for, is known to whoever trained it. Labels are drawn alike often.
"""
