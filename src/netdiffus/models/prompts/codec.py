"""The codec of a model of prompts: pictures ↔ flows, the texts that steer, and which bits flows of a class have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from netdiffus import limits
from netdiffus.arrays import Bools, Ints, Levels
from netdiffus.compiler.arrivals import Arrivals
from netdiffus.errors import InputError
from netdiffus.imaging.bit_flows import Known
from netdiffus.imaging.rgb import WIDEST, RgbCodec, RgbManifest
from netdiffus.manifest import JsonObject, Manifest, Text
from netdiffus.models.packet_codec import MOST_GAPS
from netdiffus.models.prompts.facts import Facts, checked_templates
from netdiffus.models.prompts.images import FlowImages

ACTION = "copy the model again, or train again"
MOST_FACTS, MOST_MAPS, MOST_PATTERNS = 256, 4, 4096
"""Facts and presence maps of a class that are kept, and different rows of maps."""
MOST_COMPONENTS = 2 * WIDEST
Hex = Annotated[str, Field(max_length=2048, pattern="^[0-9a-f]*$")]


Fact = Annotated[float, Field(ge=0, lt=limits.INTEGER)]


class ClassManifest(Manifest):
    """What a manifest holds of a class: facts of some of its flows, and their presence maps as places of rows."""

    facts: list[Annotated[list[Fact], Field(min_length=4, max_length=4)]] = Field(min_length=1, max_length=MOST_FACTS)
    maps: list[list[Annotated[int, Field(ge=0, lt=MOST_PATTERNS)]]] = Field(min_length=1, max_length=MOST_MAPS)


class PromptManifest(Manifest):
    """What a manifest holds of this codec."""

    codec: Literal["prompts"]
    rgb: RgbManifest
    templates: list[Text] = Field(min_length=1)
    layouts: list[Annotated[str, Field(max_length=80, pattern="^([0-9a-f]{2})*$")]] = Field(min_length=1)
    ports: list[Annotated[int, Field(ge=1, lt=1 << 16)]] = Field(max_length=1 << 16)
    gaps_ns: list[Annotated[int, Field(ge=0, le=1 << 62)]] = Field(max_length=MOST_GAPS)
    gap_breaks: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    patterns: list[Hex] = Field(min_length=1, max_length=MOST_PATTERNS)
    classes: list[ClassManifest] = Field(min_length=1, max_length=limits.LABELS)
    components: Annotated[int, Field(ge=0, le=MOST_COMPONENTS)] = 0
    wrong: Annotated[float, Field(ge=0, le=1)] = 0.0


@dataclass(frozen=True)
class KnownClass:
    """Facts of some flows of a class, and presence maps as places in the table of rows."""

    facts: list[Facts]
    maps: list[list[int]]


@dataclass(frozen=True)
class PromptCodec:
    """What leads from pictures to flows, and from labels to prompts and presence maps.

    Attributes:
        rgb: bit images ↔ pictures. templates: of prompts. known: option layouts and ports. arrivals: when flows begin.
        patterns: rows of presence maps (R, K). classes: of each class id.
        components: channels of the latents of a model without a base, else 0.
        wrong: the share of bits that the autoencoder alone gets wrong.
    """

    kind: ClassVar[str] = "prompts"

    rgb: RgbCodec
    templates: list[str]
    known: Known
    arrivals: Arrivals
    patterns: Bools
    classes: list[KnownClass]
    components: int = 0
    wrong: float = 0.0

    @classmethod
    def fit(
        cls,
        images: FlowImages,
        rgb: RgbCodec,
        ids: Ints,
        templates: list[str],
        arrivals: Arrivals,
        rng: np.random.Generator,
    ) -> PromptCodec:
        """The codec of training flows with class ids (N,)."""
        table: dict[bytes, int] = {}
        classes = []
        for number in range(int(ids.max()) + 1):
            mine = rng.permutation(np.flatnonzero(ids == number))
            some = images.shown(mine[:MOST_MAPS])
            maps = [_places(levels, table) for levels in some]
            classes.append(KnownClass([images.facts[k] for k in mine[:MOST_FACTS].tolist()], maps))
        width = len(rgb.columns)
        rows = np.frombuffer(b"".join(table), np.uint8).reshape(len(table), -1)
        patterns = np.unpackbits(rows, axis=1)[:, :width].astype(np.bool_)
        known = Known(images.layouts, tuple(sorted({facts.port for facts in images.facts} - {0})))
        return cls(rgb, templates, known, arrivals, patterns, classes)

    @property
    def channels(self) -> tuple[str, ...]:
        """What a picture shows of a packet."""
        return ("header bits", "direction", "payload size", "gap")

    @property
    def image_channels(self) -> list[str]:
        """The colours of a picture."""
        return ["red", "green", "blue"]

    @property
    def length(self) -> int:
        """Packets of a flow."""
        return self.rgb.rows

    def presence(self, number: int, packets: int | None, rng: np.random.Generator) -> Levels:
        """Which bits a flow of a class may have, 0 or -1, (rows, K): a known map, cut or continued to `packets`."""
        maps = self.classes[number].maps
        places = maps[int(rng.integers(len(maps)))]
        if packets is not None:
            wanted = min(max(packets, 1), self.rgb.rows)
            places = (places + places[-1:] * wanted)[:wanted]
        levels = np.full((self.rgb.rows, len(self.rgb.columns)), -1, np.int8)
        levels[: len(places)][self.patterns[places]] = 0
        return levels

    def to_json(self) -> dict[str, Any]:
        """Everything that decoding and steering need, as plain values."""
        patterns = [row.tobytes().hex() for row in np.packbits(self.patterns, axis=1)]
        classes = [ClassManifest(facts=[list(each) for each in known.facts], maps=known.maps) for known in self.classes]
        return PromptManifest(
            codec="prompts", rgb=self.rgb.to_json(), templates=self.templates,
            layouts=[layout.hex() for layout in self.known.layouts], gaps_ns=self.arrivals.gaps.tolist(),
            ports=list(self.known.ports), gap_breaks=self.arrivals.breaks, patterns=patterns, classes=classes,
            components=self.components, wrong=self.wrong,
        ).model_dump(mode="json")  # fmt: skip

    @classmethod
    def from_json(cls, data: JsonObject, name: str = "model.json.codec") -> PromptCodec:
        """The way back from `to_json`.

        Raises:
            InputError: it is no such codec, or its parts do not fit each other.
        """
        found = PromptManifest.of(data, name, ACTION)
        rgb = RgbCodec.of_manifest(found.rgb)
        checked_templates(found.templates, f"{name}.templates")
        size = -(-len(rgb.columns) // 8)
        if any(len(row) != 2 * size for row in found.patterns):
            raise InputError(f"{name}.patterns of {size} bytes", "others", ACTION)
        most = len(found.patterns)
        if any(not row or len(row) > rgb.rows or max(row) >= most for known in found.classes for row in known.maps):
            raise InputError(f"{name}.classes with maps of 1 to {rgb.rows} rows below {most}", "others", ACTION)
        packed = np.frombuffer(bytes.fromhex("".join(found.patterns)), np.uint8).reshape(most, size)
        patterns = np.unpackbits(packed, axis=1)[:, : len(rgb.columns)].astype(np.bool_)
        known = Known(tuple(bytes.fromhex(text) for text in found.layouts), tuple(found.ports))
        classes = [KnownClass([_facts(each) for each in known.facts], known.maps) for known in found.classes]
        arrivals = Arrivals(np.array(found.gaps_ns, np.int64), found.gap_breaks)
        return cls(rgb, found.templates, known, arrivals, patterns, classes, found.components, found.wrong)


def _facts(values: Sequence[float]) -> Facts:
    packets, size, seconds, port = values
    return Facts(int(packets), int(size), seconds, int(port))


def _places(levels: Levels, table: dict[bytes, int]) -> list[int]:
    """The rows of a presence map as places in a table of them, which grows while it has room."""
    there = levels[(levels >= 0).any(axis=1)] >= 0
    keys = [row.tobytes() for row in np.packbits(there, axis=1)]
    return [table.setdefault(key, len(table)) if len(table) < MOST_PATTERNS else table.get(key, 0) for key in keys]
