"""describe: what is at a path, as data. `netdiffus info` prints it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from netdiffus.errors import InputError
from netdiffus.manifest import JsonObject
from netdiffus.store.account import check_result
from netdiffus.store.cards import DatasetCard, ModelCard
from netdiffus.store.copies import fetched
from netdiffus.store.dataset import has_packets
from netdiffus.store.images import ImageCard
from netdiffus.store.report import SCORES, read_scores
from netdiffus.store.stage import check_whole
from netdiffus.traffic.flows.reader import CaptureSummary, FlowReader
from netdiffus.traffic.tables.files import is_table_name, read_table
from netdiffus.traffic.traces import channel_names

if TYPE_CHECKING:
    from netdiffus.metrics import Score
    from netdiffus.models.manifest import ModelManifest


class Description(Protocol):
    """What all descriptions have: which kind of thing it is, where it is, and all of it as plain values."""

    kind: ClassVar[str]

    @property
    def path(self) -> Path:
        """Where it is."""

    def to_json(self) -> JsonObject:
        """Plain values, with "kind" and "path"."""


@dataclass(frozen=True)
class DatasetDescription:
    """A dataset folder: its card, and its addresses: "mapped" by Crypto-PAn, "captured", or None without any."""

    kind: ClassVar[str] = "dataset"
    path: Path
    card: DatasetCard
    addresses: str | None

    def to_json(self) -> JsonObject:
        """The card, with "kind", "path" and "addresses"."""
        return _named(self) | {"addresses": self.addresses} | self.card.model_dump(mode="json")


@dataclass(frozen=True)
class ModelDescription:
    """A model folder: its manifest."""

    kind: ClassVar[str] = "model"
    path: Path
    manifest: ModelManifest

    def to_json(self) -> JsonObject:
        """The card without fitted values, with "kind", "path", channels, length and breaks between recordings."""
        manifest = self.manifest
        return _named(self) | {
            "channels": list(manifest.codec.channels),
            "length": manifest.codec.length,
            "arrival_breaks": manifest.arrival_breaks,
            **manifest.card.model_dump(mode="json", exclude={"codec", "held_out"}),
        }


@dataclass(frozen=True)
class ReportDescription:
    """A report folder: its scores over all labels."""

    kind: ClassVar[str] = "report"
    path: Path
    scores: list[Score]

    def to_json(self) -> JsonObject:
        """The scores as in scores.json, with "kind" and "path"."""
        return _named(self) | {"scores": [score.to_dict() for score in self.scores]}


@dataclass(frozen=True)
class ImagesDescription:
    """A folder of images with its card: how many files there are of each form, "npz" and "png"."""

    kind: ClassVar[str] = "images"
    path: Path
    card: ImageCard
    files: dict[str, int]

    def to_json(self) -> JsonObject:
        """Labels, origin and number of files, with "kind" and "path"."""
        card = self.card.model_dump(mode="json", exclude={"codec"})
        return _named(self) | {"files": dict(self.files)} | card


@dataclass(frozen=True)
class TableDescription:
    """A table file.

    Attributes:
        columns: name → type. channels: columns that are channels by name.
        labels: label → rows, sorted; None: there is no column `label`.
    """

    kind: ClassVar[str] = "table"
    path: Path
    rows: int
    columns: dict[str, str]
    channels: list[str]
    labels: dict[str, int] | None

    def to_json(self) -> JsonObject:
        """All of it in plain values, with "kind" and "path"."""
        labels: JsonObject | None = None if self.labels is None else dict(self.labels)
        return _named(self) | {
            "rows": self.rows, "columns": dict(self.columns), "channels": list(self.channels), "labels": labels,
        }  # fmt: skip


@dataclass(frozen=True)
class CaptureDescription:
    """A capture file: what was read, and how many flows there are by transport protocol, most frequent first."""

    kind: ClassVar[str] = "capture"
    path: Path
    summary: CaptureSummary
    protocols: dict[str, int]

    def to_json(self) -> JsonObject:
        """The summary and the flows by protocol, with "kind" and "path"."""
        return _named(self) | {"protocols": dict(self.protocols)} | vars(self.summary)


def describe(path: str | Path) -> Description:
    """Describe a dataset, a model, a report, a folder of images, a capture or a table; nothing is written.

    A capture is read whole, in bounded memory.

    Raises:
        InputError: the path is none of these, or a mixture of files of two results.
    """
    with fetched(Path(path)) as local:
        return _described(local)


def _described(path: Path) -> Description:
    check_whole(path) if path.is_dir() else check_result(path)
    for file, describer in _FOLDERS.items():
        if (path / file).exists():
            return describer(path)
    if path.is_dir():
        raise InputError(
            "a dataset, model, report, capture or table", f"{path}, a folder that is none", "name one of those"
        )
    return _table(path) if is_table_name(path) else _capture(path)


def _named(found: Description) -> JsonObject:
    return {"kind": found.kind, "path": str(found.path)}


def _dataset(path: Path) -> DatasetDescription:
    card = DatasetCard.read(path)
    addresses = "mapped" if card.anonymised else "captured"
    return DatasetDescription(path, card, addresses if has_packets(path) else None)


def _model(path: Path) -> ModelDescription:
    from netdiffus.models.manifest import read_model  # here: it loads torch

    return ModelDescription(path, read_model(path))


def _report(path: Path) -> ReportDescription:
    from netdiffus.metrics import Score  # here: it loads all metrics

    scores = map(Score.from_dict, read_scores(path))
    return ReportDescription(path, [score for score in scores if score.label is None])


def _images(path: Path) -> ImagesDescription:
    files = {form: sum(1 for _ in path.glob(f"*/*.{form}")) for form in ("npz", "png")}
    return ImagesDescription(path, ImageCard.read(path), files)


def _table(path: Path) -> TableDescription:
    frame = read_table(path)
    columns = {name: str(kind) for name, kind in frame.schema.items()}
    counts = sorted(frame["label"].cast(str).value_counts().iter_rows()) if "label" in columns else None
    return TableDescription(
        path, len(frame), columns, list(channel_names(frame)), None if counts is None else dict(counts)
    )


def _capture(path: Path) -> CaptureDescription:
    if not path.exists():
        raise InputError("a dataset, model, capture or table", f"{path}, which does not exist", "check the path")
    reader = FlowReader(path, packets=1)
    protocols = Counter[str]()
    for batch in reader:
        protocols.update(dict(batch.flows["protocol"].value_counts().iter_rows()))
    return CaptureDescription(path, reader.summary, dict(protocols.most_common()))


_FOLDERS: dict[str, Callable[[Path], Description]] = {
    DatasetCard.FILE: _dataset,
    ModelCard.FILE: _model,
    SCORES: _report,
    ImageCard.FILE: _images,
}
"""What describes a folder, by the file at its head."""
