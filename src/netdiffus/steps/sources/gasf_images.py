"""GASF images in npz files, as NetDiffus 2.0 lays them out, decoded back to series of signed sizes.

The layout, as public data has it: CLASS/CLASS_NUMBER.npz with one image (n, n) under the key `x`, one file a flow; and,
of synthetic ones, CLASS_synthetic_samples.npz with many (N, n, n, 1) under the key `images`. Values are those of the
GASF, from -1 to 1, or moved to 0 to 1 for drawing, G / 2 + 1 / 2: the latter where a source has no negative value at
all. A series was (signed size - low) / (high - low), so low and high have to be given; negative sizes went up.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus.arrays import Floats
from netdiffus.errors import InputError
from netdiffus.imaging.gasf import from_image
from netdiffus.steps.sources.find import SourceFile
from netdiffus.steps.sources.intake import Intake, Reading
from netdiffus.steps.sources.tables import add_read, table_rule, table_source
from netdiffus.store.cards import Source
from netdiffus.store.images import image_stack
from netdiffus.text import as_text
from netdiffus.traffic.bounds import parse_range
from netdiffus.traffic.labels.rules import Labels, bare_name, label_of_file
from netdiffus.traffic.tables.limits import MOST_VALUES
from netdiffus.traffic.tables.npz import BROKEN, damage, read_arrays
from netdiffus.traffic.tables.traces import TableTraces, traces_of_table

SUFFIX, MANY = ".npz", "_synthetic_samples"


@dataclass(frozen=True)
class GasfSource:
    """The images of one source as traces, and the hash over the files' names and bytes."""

    read: TableTraces
    digest: str


def add_gasf(intake: Intake, file: SourceFile, reading: Reading) -> Source:
    """The GASF images of a file or folder as traces; returns what the card says of it."""
    config = reading.config
    found = read_gasf(
        file.path,
        parse_range(config.gasf or ""),
        table_rule(config, reading.rule),
        strip_padding=config.strip_padding,
        most_values=config.max_values,
    )
    return add_read(intake, table_source(found.read, file.path, found.digest, config, intake.rows), file)


def read_gasf(
    source: Path,
    bounds: tuple[float, float],
    rule: Labels | None,
    *,
    strip_padding: bool,
    most_values: int = MOST_VALUES,
) -> GasfSource:
    """The images in an npz file, or in all that lie in and below a folder.

    Args:
        bounds: the signed sizes that became 0 and 1.
        rule: what labels a file; None: the parent folder labels a file with one image, its own name one with many.
        strip_padding: drop zeros at the tail of a series.
        most_values: that one file may declare, see TableLimit.

    Raises:
        InputError: there is no such file, one of them is of another kind, or images differ in size.
    """
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*" + SUFFIX) if path.is_file())
    if not files:
        raise InputError(f"npz files with GASF images in or below {source}", "none", "check the path")
    digest = hashlib.sha256()
    images: list[Floats] = []
    labels: list[str | None] = []
    faults: Counter[str] = Counter()
    for file in files:
        raw = file.read_bytes()
        digest.update(f"{file.relative_to(source)}\0{len(raw)}\0".encode(errors="surrogateescape") + raw)
        some = _images(file, most_values)
        if images and some.shape[1:] != images[0].shape[1:]:
            raise InputError(
                f"images of {images[0].shape[1]} pixels in every file",
                f"{some.shape[1]} in {file}",
                "prepare them apart",
            )
        good = np.isfinite(some).all(axis=(1, 2))
        if not good.all():
            faults["image with a value that is no number, left out"] += int((~good).sum())
        images.append(some[good])
        labels += [_label(file, len(some), rule)] * int(good.sum())
    G = np.concatenate(images)
    if not len(G):
        raise InputError("at least one usable image", "none", "check the files")
    if G.min() >= 0:
        G = 2 * G - 1
    outside = int((np.abs(G) > 1).sum())
    if outside:
        faults["value of an image is outside [-1, 1]"] = outside
    low, high = bounds
    signed = np.round(np.cos(from_image(G)) * (high - low) + low).astype(np.int64)
    table = pl.DataFrame({"label": labels, "signed_size": signed})
    read = traces_of_table(table, {}, strip_padding=strip_padding)
    return GasfSource(replace(read, groups=None, faults=dict(faults) | read.faults), digest.hexdigest())


def _images(file: Path, most_values: int) -> Floats:
    """The images (N, n, n) in a file."""
    try:
        arrays = read_arrays(file, most_values)
    except (*BROKEN, TypeError) as error:
        raise InputError("an npz file with GASF images", f"{file}: {damage(error)}", "check the file") from None
    stack = image_stack(arrays, file)
    if stack.shape[1] != 1:
        raise InputError("images of one channel", f"{file} of {stack.shape[1]}", "check the file")
    return stack[:, 0]


def _label(file: Path, count: int, rule: Labels | None) -> str | None:
    if rule is not None:
        return label_of_file(rule, file)
    return bare_name(file).removesuffix(MANY) if count > 1 or MANY in file.name else as_text(file.resolve().parent.name)
