"""Image folders: a folder per label with .npz and .png files, and scale.json, which is needed to decode them.

`LABEL/ID.npz` holds the array `x`: floats (n, n), or (C, n, n) with several channels; that is how NetDiffus 2.0 lays
out its training images. `LABEL/ID.png` (with several channels `LABEL/ID.CHANNEL.png`) is the same in 8 bits, as in
NetDiffus, and loses what lies between two levels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from netdiffus import limits
from netdiffus.arrays import Bytes, Floats, Ints
from netdiffus.errors import InputError
from netdiffus.manifest import JsonObject, Text
from netdiffus.store.cards import Card
from netdiffus.store.labelfolders import label_folders, label_of_folder, labels_by_folder
from netdiffus.store.ownership import FolderKind
from netdiffus.store.pictures import read_pixels
from netdiffus.store.publish import publish_file, publish_folder
from netdiffus.wire.files.npz import read_arrays

FORMS = ("npz", "png")
_IMAGE = re.compile(r"\d{6,}(\.\d+)?\.(npz|png)")
KEYS = ("x", "images", "arr_0")
"""Arrays of images in an .npz: one image, and many of ours and of the reference's sampling script."""


class ImageCard(Card):
    """scale.json: everything needed to decode the images, and their provenance."""

    FILE: ClassVar[str] = "scale.json"
    KIND: ClassVar[str] = "image"
    MADE_BY: ClassVar[str] = "netdiffus image TRACES --out DIR"

    codec: JsonObject
    labels: list[Text] = Field(max_length=limits.LABELS)  # in the order of the label ids
    made_by: JsonObject


def _files(folder: Path) -> Callable[[str], bool]:
    """The test for names of images, or of the card, in a folder of images."""
    labels = set(label_folders(ImageCard.read(folder).labels).values())

    def is_ours(name: str) -> bool:
        place, _, file = name.rpartition("/")
        return name == ImageCard.FILE or (place in labels and bool(_IMAGE.fullmatch(file)))

    return is_ours


def kind_of_images(folder: Path) -> str | None:
    """The codec that a folder of images names in its scale.json; None without one."""
    if not (folder / ImageCard.FILE).is_file():
        return None
    kind = ImageCard.read(folder).codec.get("codec")
    return kind if isinstance(kind, str) else None


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
    """Write batches of label ids (B,) and images (B, C, n, n) as a folder, completely or not at all."""
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
    """One .npz of `images` (N, C, n, n) float32, `labels` (N,) and `provenance` (JSON), completely or not at all."""
    with publish_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, images=images.astype(np.float32), labels=labels, provenance=np.array(provenance))


def read_images(folder: Path, labels: Iterable[str] = ()) -> Iterator[tuple[str, Floats]]:
    """(label, image (C, n, n)) for every image below a folder, labels and files in order of their names.

    The folder of an image is its label, or the folder name of one of `labels`, those of the card. If a name has a .npz
    and a .png, the lossless .npz is read.

    Raises:
        InputError: there are no images, or a file contradicts its name.
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
    stack = image_stack(read_arrays(path, KEYS, "images"), path)
    if not np.isfinite(stack).all():
        raise InputError("images of finite numbers", f"{path} with others", "check the file")
    yield from stack


def image_stack(arrays: Mapping[str, NDArray[Any]], path: Path) -> Floats:
    """The images (N, C, n, n) that the arrays of an .npz file hold, whoever wrote it; bytes become [-1, 1].

    The array `x` is one image, (n, n) or (C, n, n); `images`, ours and NetDiffus 2.0's, and `arr_0`, the reference's,
    are many, with channels before the pixels or behind them.

    Raises:
        InputError: there is none of these, or it holds no square images.
    """
    name = next((key for key in KEYS if key in arrays), None)
    array: NDArray[Any] = np.empty(0) if name is None else arrays[name]
    if array.dtype.kind == "U":
        raise InputError("images of numbers", f"{path} of text", "check the file")
    values = from_levels(array) if array.dtype == np.uint8 else array.astype(np.float64)
    single = name == "x"
    if values.ndim == (2 if single else 3):
        values = values[None] if single else values[:, None]
    elif not single and values.ndim == 4 and values.shape[-1] != values.shape[-2]:
        values = values.transpose(0, 3, 1, 2)  # the reference stores channels last
    stack = values[None] if single else values
    if stack.ndim != 4 or stack.shape[-1] != stack.shape[-2] or not stack.size:
        shape = ", ".join(arrays)[:200] or "nothing" if name is None else str(array.shape)
        keys = " or ".join(KEYS)
        raise InputError(
            f"square images (n, n) or (C, n, n) under the key {keys}", f"{path} of {shape}", "check the file"
        )
    return stack
