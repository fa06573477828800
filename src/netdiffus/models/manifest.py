"""model.json as a whole: its options and codec in typed form, and whether they, labels and sizes fit each other.

Everything that loading a model allocates follows from what is checked here, and from the weights (store/model.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netdiffus import limits
from netdiffus.errors import InputError
from netdiffus.manifest import JsonObject
from netdiffus.models.codecs import Codec, codec_of
from netdiffus.models.options import ACTION, ImportedOptions, ModelOptions, RowOptions, ShapeManifest, options_of
from netdiffus.models.packet_codec import PacketCodec
from netdiffus.models.prompts.codec import PromptCodec
from netdiffus.models.series_codec import ImagesCodec, SeriesCodec
from netdiffus.models.services import is_class
from netdiffus.store.cards import ModelCard
from netdiffus.traffic.flows.frames import PROTOCOLS

KINDS: dict[str, tuple[type[Codec], ...]] = {
    "rows": (SeriesCodec,), "fields": (PacketCodec,), "unet": (SeriesCodec,), "prompt": (PromptCodec,),
    "imported": (SeriesCodec, ImagesCodec),
}  # fmt: skip
"""Codecs that a model of each backend can have."""


@dataclass(frozen=True)
class ModelManifest:
    """A model's card and what is in it.

    Attributes:
        card: of the newest format, whatever was read.
        options: of the training. codec: what leads from what the network draws to traffic.
    """

    card: ModelCard
    options: ModelOptions
    codec: Codec

    @property
    def labels(self) -> list[str]:
        """In the order of the label ids."""
        return list(self.card.labels)

    @property
    def arrival_breaks(self) -> int:
        """Gaps between flows that a model of packets left out as breaks between recordings."""
        return self.codec.arrivals.breaks if isinstance(self.codec, PacketCodec | PromptCodec) else 0


def read_model(folder: Path) -> ModelManifest:
    """The card of a model folder, checked as a whole.

    Raises:
        InputError: it is no model of a format that can be read, or its parts do not fit each other.
    """
    return model_manifest(ModelCard.read(folder))


def model_manifest(card: ModelCard) -> ModelManifest:
    """The same of a card that was read."""
    options = options_of(card.config, card.format)
    codec = codec_of(_codec_of_format_5(card.codec, options) if card.format == 5 else card.codec)
    if not isinstance(codec, KINDS[options.backend]):
        wanted = " or ".join(kind.kind for kind in KINDS[options.backend])
        raise InputError(f"model.json.codec.codec {wanted} for --image {options.image}", codec.kind, ACTION)
    if card.format != ModelCard.FORMAT:
        newest = {"config": options.model_dump(), "codec": codec.to_json(), "format": ModelCard.FORMAT}
        card = card.model_copy(update=newest)
    _check_labels(codec, options, list(card.labels))
    _check_coarse(codec, options)
    if isinstance(options, ImportedOptions):
        _check_imported(options.shape, len(codec.image_channels), codec.length, len(card.labels))
    return ModelManifest(card, options, codec)


def _codec_of_format_5(codec: JsonObject, options: ModelOptions) -> JsonObject:
    """In format 5 a codec of packets was one of series with something beside it."""
    return codec | {"codec": PacketCodec.kind} if options.backend == "fields" else codec


def _check_coarse(codec: Codec, options: ModelOptions) -> None:
    series = codec.series if isinstance(codec, PacketCodec) else codec
    coarse = series.small if isinstance(series, SeriesCodec) else None
    wanted = (options.coarse or 0) if isinstance(options, RowOptions) else 0
    rows, channels = (0, 0) if coarse is None else (coarse.rows, len(coarse.centres))
    if isinstance(series, SeriesCodec) and series.course is not None and rows == wanted:
        return
    if rows != wanted or rows > codec.length or (rows and channels != len(codec.image_channels)):
        raise InputError(f"a codec of {wanted} coarse rows for each channel", f"{rows} of {channels} channels", ACTION)


def _check_labels(codec: Codec, options: ModelOptions, labels: list[str]) -> None:
    series = codec.series if isinstance(codec, PacketCodec) else codec
    alphabets = series.gasf.alphabets if isinstance(series, SeriesCodec) else ()
    if isinstance(options, RowOptions) and not alphabets:
        raise InputError("model.json.codec.alphabets", "none", ACTION)
    if isinstance(series, SeriesCodec) and series.course is not None:
        alphabets += series.course.alphabets
    if isinstance(codec, PacketCodec) and codec.bodies is not None and codec.bodies.classes != len(labels):
        raise InputError(f"bodies of {len(labels):,} labels", f"{codec.bodies.classes:,}", ACTION)
    if (
        isinstance(codec, PacketCodec)
        and codec.sessions is not None
        and codec.sessions.kinds.kinds[:, 0].max() >= len(labels)
    ):
        raise InputError(f"sessions of {len(labels):,} labels", "a kind of another label", ACTION)
    if any(len(alphabet.counts) != len(labels) for alphabet in alphabets):
        raise InputError(f"counts of {len(labels):,} labels", f"{len(alphabets[0].counts):,}", ACTION)
    most = None if isinstance(options, ImportedOptions) else options.length
    if most is not None and codec.length > most:
        raise InputError(f"a codec of at most {most} positions", str(codec.length), ACTION)
    if isinstance(codec, PromptCodec) and len(codec.classes) != len(labels):
        raise InputError(f"classes of {len(labels):,} labels", f"{len(codec.classes):,}", ACTION)
    if isinstance(codec, PacketCodec | PromptCodec):
        wrong = [label for label in labels if not is_class(label)]
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
