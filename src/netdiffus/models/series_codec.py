"""The codec of a model of traces: its GASF codec and the codebook of its coarse rows; and what is left without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from netdiffus import limits
from netdiffus.arrays import Floats, Ints
from netdiffus.diffusion.contexts import ContextSpec
from netdiffus.errors import InputError
from netdiffus.imaging.channels import image_channels
from netdiffus.imaging.coarse import CoarseCodebook
from netdiffus.imaging.codec import GasfCodec, GasfManifest, SeriesManifest
from netdiffus.imaging.course import CourseCodebook
from netdiffus.imaging.range_scale import RangeManifest, RangeScale
from netdiffus.imaging.scale import EmpiricalManifest
from netdiffus.manifest import JsonObject, Manifest, Text
from netdiffus.traffic.traces import CHANNELS

Range = tuple[int, int]

ACTION = "copy the model again, or train again"
TIMES: Range = -(1 << 62), 1 << 62
RANGES: dict[str, Range] = {
    "size": (0, (1 << 31) - 1), "signed_size": (-(1 << 31), (1 << 31) - 1), "direction": (0, 1),
    "up_bytes": (0, TIMES[1]), "down_bytes": (0, TIMES[1]),
}  # fmt: skip
"""Values of an image's channels: what the columns of a table hold; of others TIMES."""


@dataclass(frozen=True)
class SeriesCodec:
    """Traces ↔ codes and images.

    Attributes:
        gasf: of the rows. coarse: of the coarse rows, where the model draws any: averages of the rows.
        course: of coarse rows that describe what goes on beyond the rows, instead.
        contexts: the counted contexts of each channel, of none where empty.
    """

    kind: ClassVar[str] = "gasf"

    gasf: GasfCodec
    coarse: CoarseCodebook | None = None
    contexts: Sequence[Sequence[ContextSpec]] = ()
    course: CourseCodebook | None = None

    @property
    def small(self) -> CoarseCodebook | CourseCodebook | None:
        """Of the coarse rows of either kind."""
        return self.coarse if self.course is None else self.course

    @property
    def channels(self) -> tuple[str, ...]:
        """C of the traces."""
        return self.gasf.channels

    @property
    def image_channels(self) -> list[str]:
        """C' of the images."""
        return self.gasf.image_channels

    @property
    def length(self) -> int:
        """Rows of an image, n."""
        return self.gasf.length

    def z(self, codes: Ints) -> Floats:
        """z (B, C', n) of codes (B, C', n)."""
        return np.stack([centres[codes[:, k]] for k, centres in enumerate(self.gasf.centres)], axis=1)

    def to_json(self) -> dict[str, Any]:
        """Everything that decoding needs, as plain values."""
        contexts = [[spec.to_json() for spec in orders] for orders in self.contexts]
        coarse = None if self.coarse is None else self.coarse.to_json()
        return self.gasf.to_json() | {"coarse": coarse, "contexts": contexts}

    @classmethod
    def from_json(cls, data: JsonObject, name: str = "model.json.codec") -> SeriesCodec:
        """The way back from `to_json`.

        Args:
            name: of the data in errors.

        Raises:
            InputError: it is no such codec, or not of channels that traces have.
        """
        found = GasfManifest.of(data, name, ACTION)
        if not set(found.channels) <= set(CHANNELS):
            raise InputError(f"{name}.channels among {', '.join(CHANNELS)}", ", ".join(found.channels)[:60], ACTION)
        check_values(found, RANGES, TIMES)
        return cls.of_manifest(found)

    @classmethod
    def of_manifest(cls, found: SeriesManifest) -> SeriesCodec:
        """The same of what was checked."""
        coarse = None if found.coarse is None else CoarseCodebook.of_manifest(found.coarse)
        contexts = [
            [
                ContextSpec(
                    tuple((k, back) for k, back in order.places), order.strength, order.contexts, order.entries,
                    order.placed,
                )
                for order in orders
            ]
            for orders in found.contexts
        ]  # fmt: skip
        return cls(GasfCodec.of_manifest(found), coarse, contexts)


def signed_size_codec(low: float, high: float, length: int) -> GasfCodec:
    """The codec of images of NetDiffus 2.0: x = (signed size - low) / (high - low), upward sizes negative."""
    channels = ("size", "direction") if low < 0 else ("size",)
    return GasfCodec(channels, length, (RangeScale(low, high, absent=False),), angle="direct", empty_up=False)


def check_values(found: SeriesManifest, ranges: dict[str, Range], others: Range) -> None:
    """Raise InputError unless the values of each image channel lie in its range."""
    for k, name in enumerate(image_channels(found.channels)):
        low, high = ranges.get(name, others)
        scale, known = found.scales[k], [alphabet.known for alphabet in found.alphabets[k : k + 1]]
        values = [scale.low, scale.high] if isinstance(scale, RangeManifest) else _present(scale)
        values += [value for atoms in known for value in _present(atoms)]
        if min(values) < low or max(values) > high:
            raise InputError(
                f"values of {name} from {low:,} to {high:,}", f"{min(values):g} to {max(values):g}", ACTION
            )


def _present(scale: EmpiricalManifest) -> list[float]:
    return [value for value in scale.values if value is not None]


class ImagesManifest(Manifest):
    """What a manifest holds where images are all that can be drawn."""

    codec: Literal["images"]
    channels: list[Text] = Field(min_length=1, max_length=limits.CHANNELS)
    length: int = Field(ge=2, le=limits.LENGTH)


@dataclass(frozen=True)
class ImagesCodec:
    """Of a model that was imported without a scale: names and size of its images, which lead to no traces.

    Attributes:
        image_channels: names of the C channels. length: pixels of a side, n.
    """

    kind: ClassVar[str] = "images"

    image_channels: list[str]
    length: int

    @property
    def channels(self) -> tuple[str, ...]:
        """The same: an image of a trace has the channels of the image."""
        return tuple(self.image_channels)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"codec": self.kind, "channels": self.image_channels, "length": self.length}

    @classmethod
    def from_json(cls, data: JsonObject, name: str = "model.json.codec") -> ImagesCodec:
        """The way back from `to_json`.

        Raises:
            InputError: it is no such codec.
        """
        found = ImagesManifest.of(data, name, ACTION)
        return cls(found.channels, found.length)
