"""GASF images: traces become a folder of them to look at or to train elsewhere, and such a folder becomes traces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from netdiffus import limits
from netdiffus.arrays import Floats, Ints
from netdiffus.errors import InputError
from netdiffus.imaging.codec import GasfCodec
from netdiffus.manifest import JsonObject
from netdiffus.models.codecs import codec_of
from netdiffus.models.manifest import read_model
from netdiffus.models.series_codec import SeriesCodec, signed_size_codec
from netdiffus.steps.images.config import ImageConfig
from netdiffus.steps.inputs.load import load_traces
from netdiffus.steps.outputs.tables import FORMS as TABLES
from netdiffus.steps.outputs.tables import write_traces
from netdiffus.store.dataset import sha256
from netdiffus.store.images import FORMS, IMAGES, ImageCard, from_levels, read_images, to_levels, write_images
from netdiffus.store.publish import check_files, check_folder
from netdiffus.store.stage import scratch_folder
from netdiffus.text import as_text
from netdiffus.traffic.traces import channel_names, conform, ragged, series
from netdiffus.version import __version__

AT_A_TIME = 64  # traces: bounds memory


@dataclass(frozen=True)
class Loss:
    """What 8 bits cost in a channel of the traces: mean and largest change of a value, and traces of another length."""

    channel: str
    mean: float
    largest: float
    lengths: int


def to_images(traces: Path, out: Path, config: ImageConfig, model: Path | None = None) -> list[Loss]:
    """Write the images of a dataset or table; returns what the .png files have lost, nothing if there are none.

    With a model its scale is used. Without, one is fitted to all the traces given, and written beside the images:
    with "minmax" and "log" x is in proportion to the value, as published, with "empirical" as the default model has it.

    Raises:
        InputError: the traces cannot be read, or have other channels or labels than the model.
    """
    check_folder(out, IMAGES, inputs=[traces, *([] if model is None else [model])])
    with scratch_folder() as scratch:
        loaded = load_traces(traces, scratch)
    table = loaded.traces
    if not len(table):
        raise InputError("traces to make images of", f"none in {traces}", "name another dataset or table")
    if model is not None:
        codec, labels = _codec_of(model, table)
    else:
        codec, labels = _fitted(table, config)
    ids = table["label"].replace_strict(labels, range(len(labels)), return_dtype=pl.Int64).to_numpy()
    data = series(table, codec.length, list(codec.channels))
    made_by: JsonObject = {"netdiffus": __version__, "traces": loaded.hash, "config": config.model_dump()}
    forms = FORMS if config.form == "both" else (config.form,)
    total = _Total(codec.channels)

    def batches() -> Iterator[tuple[Ints, Floats]]:
        for start in range(0, len(ids), AT_A_TIME):
            rows = slice(start, start + AT_A_TIME)
            images = codec.encode(data[rows])
            if "png" in forms:
                total.add(data[rows], codec.decode(from_levels(to_levels(images))))
            yield ids[rows], images

    write_images(out, ImageCard(codec=codec.to_json(), labels=labels, made_by=made_by), batches(), forms)
    return total.losses() if "png" in forms else []


def _fitted(table: pl.DataFrame, config: ImageConfig) -> tuple[GasfCodec, list[str]]:
    names = channel_names(table)
    longest = int(table.select(pl.col(names[0]).list.len().max()).item())
    labels = sorted(table["label"].unique().to_list())
    data = series(table, max(2, min(config.length or limits.LENGTH, longest)), names)
    angle = "normal" if config.scale == "empirical" else "direct"
    return GasfCodec.fit(data, names, config.scale, angle), labels


def _codec_of(model: Path, table: pl.DataFrame) -> tuple[GasfCodec, list[str]]:
    found = read_model(model)
    card = found.card
    if not isinstance(found.codec, SeriesCodec):
        raise InputError("a model that knows the scale of its images", f"{model} without", "import it with --scale")
    codec = found.codec.gasf
    missing = [name for name in codec.channels if name not in channel_names(table)]
    if missing:
        raise InputError(
            f"traces with the model's channels ({', '.join(codec.channels)})", f"no {missing[0]}", "add it"
        )
    unknown = sorted(set(table["label"].unique()) - set(card.labels))
    if unknown:
        raise InputError(f"labels among {', '.join(card.labels)}", repr(unknown[0]), "leave those traces out")
    return codec, list(card.labels)


class _Total:
    """Sums of what was lost, over batches."""

    def __init__(self, channels: tuple[str, ...]) -> None:
        self.channels = channels
        self.sums, self.counts, self.largest = (np.zeros(len(channels)) for _ in range(3))
        self.lengths = 0

    def add(self, before: Floats, after: Floats) -> None:
        """Series (N, C, n) as they were and as they came back."""
        change = np.abs(after - before)
        known = ~np.isnan(change)
        self.sums += np.where(known, change, 0).sum(axis=(0, 2))
        self.counts += known.sum(axis=(0, 2))
        self.largest = np.maximum(self.largest, np.where(known, change, 0).max(axis=(0, 2)))
        self.lengths += int((np.isnan(after) != np.isnan(before)).any(axis=(1, 2)).sum())

    def losses(self) -> list[Loss]:
        """One for each channel."""
        means = self.sums / np.maximum(self.counts, 1)
        return [
            Loss(name, float(means[k]), float(self.largest[k]), self.lengths) for k, name in enumerate(self.channels)
        ]


def from_images(folder: Path, out: Path, scale: tuple[float, float] | None = None) -> int:
    """Write the traces of a folder of images as a table; returns how many.

    Args:
        scale: LOW, HIGH of a folder without scale.json, whose images have one channel: x = (signed size - LOW) /
            (HIGH - LOW), upward sizes negative, as NetDiffus 2.0 has it (-1460, 1460).

    Raises:
        InputError: there are no images or no scale, or images of another size than the scale's.
    """
    if out.suffix.lower() not in TABLES:
        raise InputError(f"--out with one of the suffixes {', '.join(TABLES)}", str(out), "name such a file")
    check_files([out])
    card = ImageCard.read(folder) if (folder / ImageCard.FILE).is_file() else None
    pairs = list(read_images(folder, card.labels if card else ()))
    codec, source = _codec_beside(folder, card if scale is None else None, pairs, scale)
    expected = (len(codec.image_channels), codec.length, codec.length)
    for label, image in pairs:
        if image.shape != expected:
            raise InputError(
                f"images of shape {expected}", f"{image.shape} in {label}", "keep images of a kind together"
            )
    values = np.concatenate(
        [
            codec.decode(np.stack([image for _, image in pairs[k : k + AT_A_TIME]]))
            for k in range(0, len(pairs), AT_A_TIME)
        ]
    )
    lists = {name: ragged(values[:, k], name) for k, name in enumerate(codec.channels)}
    table = conform(pl.DataFrame({"label": [label for label, _ in pairs], **lists}).with_columns(source=pl.lit(source)))
    write_traces(out, table, source)
    return len(table)


def _codec_beside(
    folder: Path, card: ImageCard | None, pairs: list[tuple[str, Floats]], scale: tuple[float, float] | None
) -> tuple[GasfCodec, str]:
    """The codec of a folder's images, and what to call the source."""
    names = [label for label, _ in pairs]
    if card is not None:
        found = codec_of(card.codec, f"{ImageCard.FILE}.codec")
        if not isinstance(found, SeriesCodec):
            raise InputError("images with a scale", f"{folder}, drawn by a model without", "give --scale LOW,HIGH")
        unknown = [name for name in names if name not in card.labels]
        if unknown:
            raise InputError(
                f"folders of the labels in {ImageCard.FILE}", repr(unknown[0]), "take it out of the folder"
            )
        return found.gasf, f"images {sha256(folder / ImageCard.FILE)[:16]}"
    if scale is None:
        raise InputError(f"{ImageCard.FILE} beside the images", f"none in {folder}", "give --scale LOW,HIGH")
    single = signed_size_codec(*scale, pairs[0][1].shape[-1])
    return single, f"images of {as_text(folder.name)}"
