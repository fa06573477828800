"""Bit images as pictures in red, green and grey for image models: padded, never resized, and exact on the way back.

Red is 1, green 0 and grey absent, as Jiang et al. draw them (arXiv 2310.08543). A resized picture mixes neighbouring
bits; here what the side of a picture lacks to the multiple that an autoencoder takes is filled with grey. Columns that
no packet of the training has are left out. On the way back each pixel is the nearest of the three colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from netdiffus import limits
from netdiffus.arrays import Bools, Ints, Levels
from netdiffus.errors import InputError
from netdiffus.imaging.bits import BitsCodec
from netdiffus.manifest import Manifest

Pixels = NDArray[np.float32]
COLOURS = np.array([[0, 0, 0], [-1, 1, -1], [1, -1, -1]], np.float32)
"""The colours of the values -1, 0 and 1, in [-1, 1]: grey, green, red."""
WIDEST = 4096
"""Columns of a bit image."""
HEADERS = Literal["ipv4", "ipv6", "tcp", "udp", "icmp"]


Side = Annotated[int, Field(ge=1, le=WIDEST)]


class RgbManifest(Manifest):
    """What a manifest holds of such pictures."""

    headers: list[HEADERS] = Field(min_length=2, max_length=5)
    columns: list[Annotated[int, Field(ge=0, lt=WIDEST)]] = Field(min_length=1, max_length=WIDEST)
    rows: Annotated[int, Field(ge=1, le=limits.LENGTH)]
    multiple: Annotated[int, Field(ge=1, le=256)]
    size: Annotated[list[Side], Field(min_length=2, max_length=2)] | None = None


@dataclass(frozen=True)
class RgbCodec:
    """Bit images ↔ pictures (3, H, W) in [-1, 1].

    Attributes:
        bits: the columns of a bit image. columns: those that pictures show, ascending (K,).
        rows: packets that a picture shows. multiple: that divides H and W.
        size: (H, W); None: the smallest.
    """

    bits: BitsCodec
    columns: Ints
    rows: int
    multiple: int = 1
    size: tuple[int, int] | None = None

    @classmethod
    def fit(cls, bits: BitsCodec, present: Bools, rows: int, multiple: int = 1) -> RgbCodec:
        """Pictures of the columns that are present (columns,) in any packet."""
        return cls(bits, np.flatnonzero(present), rows, multiple)

    @property
    def height(self) -> int:
        """H: rows, and what they lack to a multiple."""
        return -(-self.rows // self.multiple) * self.multiple if self.size is None else self.size[0]

    @property
    def width(self) -> int:
        """W: columns that are shown, and what they lack to a multiple."""
        return -(-len(self.columns) // self.multiple) * self.multiple if self.size is None else self.size[1]

    def shown(self, image: Levels) -> Levels:
        """The part (rows, K) of a bit image (N, columns) that a picture shows; absent beyond its end."""
        part = np.full((self.rows, len(self.columns)), -1, np.int8)
        part[: min(len(image), self.rows)] = image[: self.rows, self.columns]
        return part

    def encode(self, shown: Levels) -> Pixels:
        """Pictures (B, 3, H, W) of the shown parts (B, rows, K) of images in -1, 0, 1."""
        pixels = np.zeros((len(shown), self.height, self.width, 3), np.float32)
        pixels[:, : self.rows, : len(self.columns)] = COLOURS[shown + 1]
        return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))

    def decode(self, pictures: Pixels) -> Levels:
        """The shown parts (B, rows, K) of pictures (B, 3, H, W) of any values: each pixel is the nearest colour."""
        return nearest_colours(pictures[:, :, : self.rows, : len(self.columns)])

    def image(self, shown: Levels) -> Levels:
        """A bit image (rows, columns) of a shown part (rows, K)."""
        image = np.full((self.rows, self.bits.columns), -1, np.int8)
        image[:, self.columns] = shown
        return image

    def presence(self, shown: Levels) -> Pixels:
        """Presence maps (B, 3, H, W), 1 where the shown parts (B, rows, K) have a bit, else 0."""
        maps = np.zeros((len(shown), 3, self.height, self.width), np.float32)
        maps[:, :, : self.rows, : len(self.columns)] = (shown >= 0)[:, None]
        return maps

    def to_json(self) -> RgbManifest:
        """The manifest of it."""
        return RgbManifest(
            headers=list(self.bits.headers),  # type: ignore[arg-type]
            columns=self.columns.tolist(), rows=self.rows, multiple=self.multiple,
            size=None if self.size is None else list(self.size),
        )  # fmt: skip

    @classmethod
    def of_manifest(cls, found: RgbManifest) -> RgbCodec:
        """The way back from `to_json`.

        Raises:
            InputError: columns that its headers do not have, or not ascending ones.
        """
        bits, columns = BitsCodec.of(found.headers), np.array(found.columns, np.int64)
        if (np.diff(columns) <= 0).any() or columns[-1] >= bits.columns:
            raise InputError(f"ascending columns below {bits.columns:,}", "others", "copy the model again")
        codec = cls(
            bits, columns, found.rows, found.multiple, None if found.size is None else (found.size[0], found.size[1])
        )
        if codec.height < codec.rows or codec.width < len(columns):
            raise InputError("pictures with room for their rows and columns", f"{found.size}", "copy the model again")
        return codec


def nearest_colours(pictures: Pixels) -> Levels:
    """The values -1, 0, 1 (B, H, W) whose colours are nearest to the pixels of pictures (B, 3, H, W)."""
    # |x - c|² without |x|², which is the same for every colour
    far = (COLOURS**2).sum(1)[:, None, None] - 2 * np.einsum("bchw,kc->bkhw", pictures, COLOURS)
    return np.asarray(far.argmin(axis=1) - 1, np.int8)


def wrong_bits(before: Levels, after: Levels) -> float:
    """The share of the pixels in -1, 0, 1 that another one took the place of."""
    return float((before != after).mean())
