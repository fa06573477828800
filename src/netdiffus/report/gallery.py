"""Images of traces (GASF) as small pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from matplotlib.image import imsave
from numpy.typing import NDArray

from netdiffus.report.svg import data_uri

COLOURS = "viridis"
Images = Mapping[str, tuple[NDArray[np.floating], NDArray[np.floating]]]


@dataclass(frozen=True)
class Picture:
    """One image as the src of an img element, and its alternative text."""

    src: str
    alt: str


@dataclass(frozen=True)
class GalleryRow:
    """The images of one label, one picture per channel."""

    label: str
    real: list[Picture]
    synthetic: list[Picture]


def gallery(images: Images, names: list[str]) -> list[GalleryRow]:
    """One row per label, from images (C, H, W) in [-1, 1], real and synthetic; `names` are those of the channels."""
    return [
        GalleryRow(label, pictures(real, f"real {label}", names), pictures(synthetic, f"synthetic {label}", names))
        for label, (real, synthetic) in images.items()
    ]


def pictures(image: NDArray[np.floating], what: str, names: list[str]) -> list[Picture]:
    """Each channel of an image (C, H, W) as a picture of H x W pixels; the page scales them up."""
    called = names if len(names) == len(image) else [f"channel {index + 1}" for index in range(len(image))]
    return [
        Picture(data_uri(png(channel)), f"Image of a {what} flow, {name}")
        for name, channel in zip(called, image, strict=True)
    ]


def png(channel: NDArray[np.floating]) -> bytes:
    """One channel (H, W) in [-1, 1] as a PNG."""
    buffer = BytesIO()
    imsave(buffer, channel, vmin=-1, vmax=1, cmap=COLOURS, format="png", metadata={"Software": ""})
    return buffer.getvalue()
