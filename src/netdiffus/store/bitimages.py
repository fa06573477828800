"""Folders of bit images: LABEL/ID.png and .npz of values -1, 0 and 1, and scale.json, which says what made them.

A picture is as in the paper (Jiang et al., arXiv 2310.08543): red is 1, green 0, grey absent. Nothing is lost in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netdiffus import limits
from netdiffus.arrays import Levels
from netdiffus.errors import InputError
from netdiffus.store.images import FORMS, IMAGES, ImageCard
from netdiffus.store.labelfolders import label_folders, label_of_folder, labels_by_folder
from netdiffus.store.pictures import read_pixels
from netdiffus.store.publish import publish_folder
from netdiffus.wire.files.npz import read_arrays

GREY, GREEN, RED = (128, 128, 128), (0, 255, 0), (255, 0, 0)
COLOURS = np.array([GREY, GREEN, RED], np.uint8)
"""Of the values -1, 0 and 1."""
START = "start_ns"
DIGITS = re.compile("[0-9]{1,19}")


@dataclass(frozen=True)
class BitImage:
    """A flow's image (N, columns) in -1, 0, 1, its label, and when its first packet was sent."""

    label: str
    start_ns: int
    values: Levels


def write_bit_images(path: Path, card: ImageCard, images: Iterable[BitImage], forms: Iterable[str] = FORMS) -> int:
    """Write images as a folder, whole or not at all; returns how many."""
    number, folders = 0, label_folders(card.labels)
    with publish_folder(path, IMAGES) as folder:
        for image in images:
            place = folder / folders[image.label]
            place.mkdir(exist_ok=True)
            stem = place / f"{number:06d}"
            if "npz" in forms:
                with stem.with_suffix(".npz").open("wb") as file:
                    np.savez_compressed(file, bits=image.values, start_ns=np.int64(image.start_ns))
            if "png" in forms:
                write_picture(stem.with_suffix(".png"), image.values, image.start_ns)
            number += 1
        card.write(folder)
    return number


def write_picture(path: Path, values: Levels, start_ns: int = 0) -> None:
    """An image (N, columns) in -1, 0, 1 as a .png in red, green and grey."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    said = PngInfo()
    said.add_text(START, str(start_ns))
    Image.fromarray(COLOURS[values + 1]).save(path, pnginfo=said)


def read_picture(path: Path) -> tuple[Levels, int]:
    """The way back from `write_picture`, exact.

    Raises:
        InputError: it is no picture, or has other colours.
    """
    pixels, texts = read_pixels(path, "RGB")
    text = str(texts.get(START, "0"))
    levels = np.full(pixels.shape[:2], -2, np.int8)
    for value, colour in zip((-1, 0, 1), COLOURS, strict=True):
        levels[(pixels == colour).all(axis=2)] = value
    if (levels == -2).any():
        row, column = np.argwhere(levels == -2)[0].tolist()
        raise InputError(
            f"a picture in red {RED}, green {GREEN} and grey {GREY}",
            f"{path} with {tuple(pixels[row, column].tolist())} in row {row}, column {column}",
            "keep the picture as it was written, without scaling or loss",
        )
    return levels, _time(text) or 0


def read_bit_images(folder: Path, labels: Iterable[str] = ()) -> Iterator[BitImage]:
    """Every image below a folder, labels and files in order of their names; of one name the .npz rather than the .png.

    The folder of an image is its label, or stands for one of `labels`, those of the card.

    Raises:
        InputError: there are none, or a file is not what its name says.
    """
    found, known = False, labels_by_folder(labels)
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = {path.stem: path for path in sorted(place.glob("*.png"))} | {
            path.stem: path for path in sorted(place.glob("*.npz"))
        }
        for _, path in sorted(files.items()):
            found = True
            values, start_ns = _read_arrays(path) if path.suffix == ".npz" else read_picture(path)
            yield BitImage(label_of_folder(place.name, known), start_ns, values)
    if not found:
        raise InputError(
            f"images (.npz, .png) in one folder per label below {folder}", "none", "name a folder of such folders"
        )


def _read_arrays(path: Path) -> tuple[Levels, int]:
    found = read_arrays(path, ("bits", START), "bits")
    values, start = found.get("bits", np.empty(0)), found.get(START, np.int64(0))
    if values.ndim != 2 or values.dtype.kind not in "iufb" or not np.isin(values, (-1, 0, 1)).all():
        raise InputError("an array 'bits' (N, columns) of -1, 0 and 1", f"{path} of {values.shape}", "check the file")
    start_ns = _time(str(start)) if start.shape == () and start.dtype.kind in "iu" else None
    if start_ns is None:
        raise InputError(f"{START}, a time in nanoseconds", f"{path} with {str(start)[:60]}", "check the file")
    return values.astype(np.int8), start_ns


def _time(text: str) -> int | None:
    """Nanoseconds that fit 64 bits; None: it is another text."""
    time_ns = int(text) if DIGITS.fullmatch(text) else limits.INTEGER
    return time_ns if time_ns < limits.INTEGER else None
