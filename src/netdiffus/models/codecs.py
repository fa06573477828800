"""The codecs of models, and the one that a manifest describes: its `codec` says which kind it is."""

from __future__ import annotations

from netdiffus.errors import InputError
from netdiffus.manifest import JsonObject, shown
from netdiffus.models.packet_codec import PacketCodec
from netdiffus.models.prompts.codec import PromptCodec
from netdiffus.models.series_codec import ACTION, ImagesCodec, SeriesCodec

Codec = SeriesCodec | PacketCodec | PromptCodec | ImagesCodec
CODECS: dict[str, type[SeriesCodec] | type[PacketCodec] | type[PromptCodec] | type[ImagesCodec]] = {
    codec.kind: codec for codec in (SeriesCodec, PacketCodec, PromptCodec, ImagesCodec)
}


def codec_of(data: JsonObject, name: str = "model.json.codec") -> Codec:
    """The codec of plain values.

    Args:
        name: of the data in errors.

    Raises:
        InputError: its kind is unknown, or it is no such codec.
    """
    kind = data.get("codec")
    if not isinstance(kind, str) or kind not in CODECS:
        raise InputError(f"{name}.codec among {', '.join(CODECS)}", shown(kind), ACTION)
    return CODECS[kind].from_json(data, name)
