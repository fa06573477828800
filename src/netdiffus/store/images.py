"""Image folders: a folder per label with .npz and .png files, and scale.json, which leads back to series.

`LABEL/ID.npz` holds the array `x`: floats (n, n), or (C, n, n) with several channels; that is how NetDiffus 2.0 lays
out its training images. `LABEL/ID.png` (with several channels `LABEL/ID.CHANNEL.png`) is the same in 8 bits, as
NetDiffus has it, and loses what lies between two levels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from netdiffus import limits
from netdiffus.arrays import Bytes, Floats, Ints
from netdiffus.errors import InputError
from netdiffus.manifest import Text
from netdiffus.store.cards import Card
from netdiffus.store.labelfolders import label_folders, label_of_folder, labels_by_folder
from netdiffus.store.ownership import FolderKind
from netdiffus.store.pictures import read_pixels
from netdiffus.store.publish import publish_file, publish_folder
from netdiffus.wire.files.npz import read_arrays

FORMS = ("npz", "png")
_IMAGE = re.compile(r"\d{6,}(\.\d+)?\.(npz|png)")
STACKS = ("images", "arr_0")  # arrays of many images in one .npz: ours, and the reference's sampling script's


class ImageCard(Card):
    """scale.json: what decoding the images needs, and what made them."""

    FILE: ClassVar[str] = "scale.json"
    KIND: ClassVar[str] = "image"
    MADE_BY: ClassVar[str] = "netdiffus image TRACES --out DIR"

    codec: dict[str, Any]
    labels: list[Text] = Field(max_length=limits.LABELS)  # in the order of the label ids
    made_by: dict[str, Any]


def _files(folder: Path) -> Callable[[str], bool]:
    """Which names in a folder of images are those of images, or the card."""
    labels = set(label_folders(ImageCard.read(folder).labels).values())

    def is_ours(name: str) -> bool:
        place, _, file = name.rpartition("/")
        return name == ImageCard.FILE or (place in labels and bool(_IMAGE.fullmatch(file)))

    return is_ours


IMAGES = FolderKind("folder of images", ImageCard.FILE, _files)


def to_levels(images: Floats) -> Bytes:
    """[-1, 1] → 0 ... 255, to the nearest level."""
    return np.asarray(np.clip(np.round((images + 1) * 127.5), 0, 255).astype(np.uint8))


def from_levels(levels: Bytes) -> Floats:
    """0 ... 255 → [-1, 1]."""
    return np.asarray(levels.astype(np.float64) / 127.5 - 1)


def write_images(
    path: Path, card: ImageCard, batches: Iterable[tuple[Ints, Floats]], forms: Iterable[str] = FORMS
) -> None:
    """Write batches of label ids (B,) and images (B, C, n, n) as a folder, whole or not at all."""
    with publish_folder(path, IMAGES) as folder:
        number, folders = 0, label_folders(card.labels)
        for ids, images in batches:
            for k, image in zip(ids, images, strict=True):
                place = folder / folders[card.labels[k]]
                place.mkdir(exist_ok=True)
                _write_image(place / f"{number:06d}", image, forms)
                number += 1
        card.write(folder)


def _write_image(stem: Path, image: Floats, forms: Iterable[str]) -> None:
    from PIL import Image

    if "npz" in forms:
        with stem.with_suffix(".npz").open("wb") as file:
            np.savez_compressed(file, x=image[0] if len(image) == 1 else image)
    if "png" in forms:
        for k, channel in enumerate(to_levels(image)):
            suffix = ".png" if len(image) == 1 else f".{k}.png"
            Image.fromarray(channel).save(stem.with_name(stem.name + suffix))


def write_stack(path: Path, images: Floats, labels: NDArray[np.str_], provenance: str) -> None:
    """One .npz of `images` (N, C, n, n) float32, `labels` (N,) and `provenance` (JSON text), whole or not at all."""
    with publish_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, images=images.astype(np.float32), labels=labels, provenance=np.array(provenance))


def read_images(folder: Path, labels: Iterable[str] = ()) -> Iterator[tuple[str, Floats]]:
    """(label, image (C, n, n)) for every image below a folder, labels and files in order of their names.

    The folder of an image is its label, or stands for one of `labels`, those of the card. Where a name has a .npz and a
    .png, the .npz is read: it has lost nothing.

    Raises:
        InputError: there are no images, or a file is not what its name says.
    """
    found, known = False, labels_by_folder(labels)
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        label = label_of_folder(place.name, known)
        for image in _images_of(place):
            found = True
            yield label, image
    if not found:
        raise InputError(
            f"images (.npz, .png) in one folder per label below {folder}", "none", "name a folder of such folders"
        )


def _images_of(place: Path) -> Iterator[Floats]:
    stems: dict[str, list[Path]] = {}
    for path in sorted(place.iterdir()):
        if path.suffix.lower() in (".npz", ".png"):
            stems.setdefault(path.name.split(".")[0], []).append(path)
    for paths in stems.values():
        arrays = [path for path in paths if path.suffix.lower() == ".npz"]
        if arrays:
            yield from _read_npz(arrays[0])
        else:
            channels = [from_levels(read_pixels(path, "L")[0]) for path in sorted(paths, key=_channel)]
            if len({channel.shape for channel in channels}) > 1 or channels[0].shape[0] != channels[0].shape[1]:
                raise InputError("square pictures of one size", f"{paths[0]} of another", "check the files")
            yield np.stack(channels)


def _channel(path: Path) -> int:
    middle = path.name.split(".")[1]
    return int(middle) if middle.isdecimal() else 0


def _read_npz(path: Path) -> Iterator[Floats]:
    found = read_arrays(path, ("x", *STACKS), "images")
    name, array = next(iter(found.items()))
    if array.dtype.kind == "U":
        raise InputError("images of numbers", f"{path} of text", "check the file")
    values = from_levels(array) if array.dtype == np.uint8 else array.astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError("images of finite numbers", f"{path} with others", "check the file")
    single = name == "x"
    if values.ndim == (2 if single else 3):
        values = values[None] if single else values[:, None]
    elif not single and values.ndim == 4 and values.shape[-1] != values.shape[-2]:
        values = values.transpose(0, 3, 1, 2)  # the reference stores channels last
    stack = values[None] if single else values
    if stack.ndim != 4 or stack.shape[-1] != stack.shape[-2] or not stack.size:
        raise InputError("square images (n, n) or (C, n, n)", f"{path} of {array.shape}", "check the file")
    yield from stack
