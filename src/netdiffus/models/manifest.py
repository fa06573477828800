"""model.json as a whole: its configuration and codec in typed form, and whether they, labels and sizes fit each other.

Everything that loading a model allocates follows from what is checked here, and from the weights (store/model.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from netdiffus import limits
from netdiffus.errors import InputError
from netdiffus.imaging.bits import BITS
from netdiffus.imaging.channels import image_channels
from netdiffus.imaging.coarse import CoarseCodebook
from netdiffus.imaging.codec import GasfCodec, GasfManifest
from netdiffus.imaging.range_scale import RangeManifest
from netdiffus.imaging.scale import EmpiricalManifest
from netdiffus.manifest import Manifest, Text
from netdiffus.models.options import TrainConfig
from netdiffus.models.packets import PacketCodec, PacketManifest
from netdiffus.store.cards import ModelCard
from netdiffus.traffic.flowframes import PROTOCOLS
from netdiffus.traffic.sessions.fields import CHANNELS as FIELDS
from netdiffus.traffic.traces import CHANNELS

IMPORTED = "imported"
"""The preset of a model whose weights were trained elsewhere."""
ACTION = "copy the model again, or train again"
TIMES = -(1 << 62), 1 << 62
RANGES = {"size": (0, (1 << 31) - 1), "signed_size": (-(1 << 31), (1 << 31) - 1), "direction": (0, 1)} | dict.fromkeys(
    ("up_bytes", "down_bytes"), (0, TIMES[1])
)
"""Values of an image's channels: what the columns of a table hold."""
OF_PACKETS = -(1 << 31), (1 << 31) - 1
"""The same of a model of packets, but for its gaps."""


class ImagesManifest(Manifest):
    """What a manifest holds where images are all that can be drawn: a model that was imported without a scale."""

    codec: Literal["images"]
    channels: list[Text] = Field(min_length=1, max_length=limits.CHANNELS)
    length: int = Field(ge=2, le=limits.LENGTH)


Size = Annotated[int, Field(ge=1, le=limits.LABELS)]


class ShapeManifest(Manifest):
    """The sizes of an imported U-Net; diffusion/unet.py says which there can be."""

    channels_in: Size
    channels_out: Size
    width: Size
    multipliers: list[Size] = Field(min_length=1, max_length=limits.UNET_LEVELS)
    blocks: Size
    attention: list[Size] = Field(max_length=limits.UNET_LEVELS)
    heads: Size
    classes: Size | None


class ImportedManifest(Manifest):
    """The configuration of an imported model."""

    image: Literal["gasf"]
    preset: Literal["imported"]
    network: Literal["unet"]
    timesteps: int = Field(ge=2, le=limits.TIMESTEPS)
    schedule: Literal["cosine", "linear"]
    shape: ShapeManifest


@dataclass(frozen=True)
class ModelManifest:
    """A model's card and what is in it.

    Attributes:
        card: with its configuration in full, also of what was added since it was written.
        codec: None where images are all that can be drawn. packets: of a model of packets.
        channels, length: C and n of the images. coarse: of a model that draws coarse rows first.
    """

    card: ModelCard
    codec: GasfCodec | None
    packets: PacketCodec | None
    channels: int
    length: int
    coarse: CoarseCodebook | None = None


def read_model(folder: Path) -> ModelManifest:
    """The card of a model folder, checked as a whole.

    Raises:
        InputError: it is no model of this format, or its parts do not fit each other.
    """
    return model_manifest(ModelCard.read(folder))


def model_manifest(card: ModelCard) -> ModelManifest:
    """The same of a card that was read."""
    config = _config(card.config)
    card = card.model_copy(update={"config": config.model_dump()})
    if isinstance(config, ImportedManifest) and card.codec.get("codec") == "images":
        images = ImagesManifest.of(card.codec, "model.json.codec", ACTION)
        _check_imported(config.shape, len(images.channels), images.length, len(card.labels))
        return ModelManifest(card, None, None, len(images.channels), images.length)
    kind = PacketManifest if config.image == BITS else GasfManifest
    found = kind.of(card.codec, "model.json.codec", ACTION)
    check_channels(found, config.image)
    codec = GasfCodec.of_manifest(found)
    _check_labels(codec, config, list(card.labels))
    if isinstance(config, ImportedManifest):
        _check_imported(config.shape, len(codec.image_channels), codec.length, len(card.labels))
    packets = PacketCodec.of_manifest(found) if isinstance(found, PacketManifest) else None
    coarse = None if found.coarse is None else CoarseCodebook.of_manifest(found.coarse)
    _check_coarse(coarse, codec, config)
    return ModelManifest(card, codec, packets, len(codec.image_channels), codec.length, coarse)


def _check_coarse(coarse: CoarseCodebook | None, codec: GasfCodec, config: TrainConfig | ImportedManifest) -> None:
    wanted = (config.coarse or 0) if isinstance(config, TrainConfig) and config.network == "rows" else 0
    rows, channels = (0, 0) if coarse is None else (coarse.rows, len(coarse.centres))
    if rows != wanted or rows > codec.length or (rows and channels != len(codec.image_channels)):
        raise InputError(f"a codec of {wanted} coarse rows for each channel", f"{rows} of {channels} channels", ACTION)


def _config(data: dict[str, Any]) -> TrainConfig | ImportedManifest:
    if data.get("preset") == IMPORTED:
        return ImportedManifest.of(data, "model.json.config", ACTION)
    if unknown := [name for name in data if name not in TrainConfig.model_fields]:
        raise InputError("model.json.config without unknown keys", repr(unknown[0][:40]), ACTION)
    try:
        return TrainConfig.of(**data)
    except InputError as error:
        raise InputError(f"a model.json with {error.expected}", error.got, ACTION) from None


def check_channels(found: GasfManifest, image: str) -> None:
    """Raise InputError unless channels are those of traces, or of packets, and their values what tables can hold."""
    if image == BITS and tuple(found.channels) != FIELDS:
        raise InputError(f"model.json.codec.channels {', '.join(FIELDS)}", ", ".join(found.channels)[:60], ACTION)
    if image != BITS and not set(found.channels) <= set(CHANNELS):
        raise InputError(
            f"model.json.codec.channels among {', '.join(CHANNELS)}", ", ".join(found.channels)[:60], ACTION
        )
    for k, name in enumerate(image_channels(found.channels)):
        low, high = RANGES.get(name, TIMES) if image != BITS else TIMES if name == "gap_ns" else OF_PACKETS
        scale, known = found.scales[k], [alphabet.known for alphabet in found.alphabets[k : k + 1]]
        values = [scale.low, scale.high] if isinstance(scale, RangeManifest) else _present(scale)
        values += [value for atoms in known for value in _present(atoms)]
        if min(values) < low or max(values) > high:
            raise InputError(
                f"values of {name} from {low:,} to {high:,}", f"{min(values):g} to {max(values):g}", ACTION
            )


def _present(scale: EmpiricalManifest) -> list[float]:
    return [value for value in scale.values if value is not None]


def _check_labels(codec: GasfCodec, config: TrainConfig | ImportedManifest, labels: list[str]) -> None:
    if config.network == "rows" and not codec.alphabets:
        raise InputError("model.json.codec.alphabets", "none", ACTION)
    if any(len(alphabet.counts) != len(labels) for alphabet in codec.alphabets):
        raise InputError(f"counts of {len(labels):,} labels", f"{len(codec.alphabets[0].counts):,}", ACTION)
    if isinstance(config, TrainConfig) and config.length is not None and codec.length > config.length:
        raise InputError(f"a codec of at most {config.length} positions", str(codec.length), ACTION)
    if config.image == BITS:
        wrong = [label for label in labels if label.rpartition("/")[2] not in PROTOCOLS.values()]
        if wrong:
            raise InputError(f"labels that end in /{' or /'.join(PROTOCOLS.values())}", repr(wrong[0][:60]), ACTION)


def _check_imported(shape: ShapeManifest, channels: int, length: int, labels: int) -> None:
    if (shape.channels_in, shape.channels_out, shape.classes or 1) != (channels, 2 * channels, labels):
        raise InputError(
            f"a U-Net of {channels} channels and {labels:,} labels",
            f"{shape.channels_in} in, {shape.channels_out} out and {shape.classes or 1:,}",
            ACTION,
        )
    if length % (1 << (len(shape.multipliers) - 1)):
        raise InputError(f"a length that {len(shape.multipliers) - 1} levels halve", str(length), ACTION)
    factors = [1 << level for level in range(len(shape.multipliers))]
    side = length // min({*shape.attention} & {*factors} | {factors[-1]})  # the deepest level always attends
    if side > limits.ATTENTION_PIXELS:
        raise InputError(f"attention on at most {limits.ATTENTION_PIXELS} pixels a side", str(side), ACTION)
