"""What is in the folder: captures, datasets, models, synthetic sets, reports and images; broken ones with the error."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.models.prompt_options import PROMPT
from netdiffus.models.summary import drawn_labels, draws_sessions, makes_packets
from netdiffus.store.account import ACCOUNT, LABELS
from netdiffus.store.cards import DatasetCard, ModelCard
from netdiffus.store.dataset import TRACES, files_of, has_packets
from netdiffus.store.images import ImageCard
from netdiffus.store.model import has_resume, model_hash
from netdiffus.store.provenance import Origin, origin_of, origin_of_report
from netdiffus.store.report import SCORES, read_scores
from netdiffus.studio.workspace import Workspace
from netdiffus.text import as_text
from netdiffus.traffic.labels.rules import is_capture_name
from netdiffus.traffic.tables.files import is_table_name

DEEPEST, MOST = 8, 20_000
"""Levels of folders and entries that are looked at."""
NOWHERE = Origin()
KINDS = ("capture", "table", "dataset", "model", "synthetic", "report", "images")


@dataclass(frozen=True)
class Item:
    """One thing in the folder.

    Attributes:
        kind: one of KINDS.
        name: its path relative to the root.
        facts: a few words on what is in it.
        size: bytes of a file; 0 of a folder.
        changed: seconds since 1970.
        identity: hash by which what was made from it names it; "" if nothing does.
        origin: what it was made from.
        sources: name and bytes of the files that a dataset was made from.
        broken: what is wrong with it; "" if nothing is.
    """

    kind: str
    name: str
    facts: tuple[str, ...] = ()
    size: int = 0
    changed: float = 0.0
    identity: str = ""
    origin: Origin = NOWHERE
    sources: tuple[tuple[str, int], ...] = ()
    labels: tuple[str, ...] = ()
    broken: str = ""
    has_packets: bool = False
    draws_sessions: bool = False
    takes_prompts: bool = False
    resumable: bool = False

    @property
    def shown(self) -> str:
        """The name as text."""
        return as_text(self.name)


@dataclass
class Catalogue:
    """The items of a workspace; what was read of one is kept until its files change."""

    space: Workspace
    _known: dict[str, tuple[object, Item]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def items(self) -> list[Item]:
        """Everything that is there now, by kind and name."""
        with self._lock:
            found = dict(self._found())
            self._known = {name: known for name, known in self._known.items() if name in found}
            items = [item for name, (path, read) in found.items() if (item := self._item(name, path, read)) is not None]
        return sorted(items, key=lambda item: (KINDS.index(item.kind), item.name))

    def of_kind(self, *kinds: str) -> list[Item]:
        """The items of some kinds."""
        return [item for item in self.items() if item.kind in kinds]

    def item(self, name: str) -> Item:
        """One item by its path.

        Raises:
            InputError: nothing of ours is there.
        """
        path = self.space.path(name)
        read = _reader(path)
        item = None if read is None else self._item(self.space.name(path), path, read)
        if item is None:
            raise InputError("a capture, table, dataset, model or report", as_text(name), "choose another")
        return item

    def _item(self, name: str, path: Path, read: Read) -> Item | None:
        key = _state_of(path)
        known = self._known.get(name)
        if known is not None and known[0] == key:
            return known[1]
        try:
            item = read(path, name)
        except (InputError, OSError) as error:
            item = Item(_KIND_OF.get(read, "table"), name, changed=_changed(path), broken=as_text(str(error)))
        if item is not None:
            self._known[name] = key, item
        return item

    def _found(self) -> Iterator[tuple[str, tuple[Path, Read]]]:
        left = MOST
        waiting = [(self.space.root, 0)]
        while waiting and left > 0:
            folder, depth = waiting.pop()
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries[:left]:
                path = Path(entry.path)
                if entry.name.startswith(".") or not path.resolve().is_relative_to(self.space.root):
                    continue
                left -= 1
                read = _reader(path)
                if read is not None:
                    yield self.space.name(path), (path, read)
                elif entry.is_dir(follow_symlinks=False) and depth < DEEPEST:
                    waiting.append((path, depth + 1))


Read = Callable[[Path, str], Item | None]


def _state_of(path: Path) -> object:
    """What changes when an item does."""
    parts = [path] if path.is_file() else [path, *(path / name for name in _HEADS), path / TRACES]
    states: list[tuple[int, int, int] | None] = []
    for part in [*parts, path.with_name(path.name + ACCOUNT)]:
        try:
            status = part.stat()
        except OSError:
            states.append(None)
        else:
            states.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(states)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _reader(path: Path) -> Read | None:
    """What reads the item at a path; None: there is none."""
    if path.is_dir():
        return next((read for head, read in _HEADS.items() if (path / head).exists()), None)
    if not path.is_file() or path.name.endswith(LABELS):
        return None
    return _capture if is_capture_name(path) else _table if is_table_name(path) else None


def _dataset(path: Path, name: str) -> Item:
    card = DatasetCard.read(path)
    if not files_of(path, TRACES):
        raise InputError(f"{TRACES} in the dataset {name}", "none", f"make it again with '{DatasetCard.MADE_BY}'")
    traces = sum(sum(parts.values()) for parts in card.labels.values())
    facts = [f"{len(card.labels):,} labels", f"{traces:,} traces"]
    facts += [f"{len(card.warnings)} warnings"] if card.warnings else []
    sources = tuple((source.file, source.bytes) for source in card.sources[:1000])
    return Item(
        "dataset", name, tuple(facts), changed=_changed(path / DatasetCard.FILE), identity=card.hash, sources=sources,
        labels=tuple(card.labels), has_packets=has_packets(path),
    )  # fmt: skip


def _model(path: Path, name: str) -> Item:
    card = ModelCard.read(path)
    image, preset = str(card.config.get("image")), str(card.config.get("preset"))
    facts = (f"{preset}, {image}", f"{card.steps:,} steps", f"{len(drawn_labels(card)):,} labels")
    return Item(
        "model", name, facts, changed=_changed(path / ModelCard.FILE), identity=model_hash(path),
        origin=Origin(dataset=card.dataset), labels=tuple(drawn_labels(card)), has_packets=makes_packets(card),
        draws_sessions=draws_sessions(card), takes_prompts=image == PROMPT, resumable=has_resume(path),
    )  # fmt: skip


def _report(path: Path, name: str) -> Item:
    scores = read_scores(path)
    facts = (f"{len(scores):,} scores",)
    return Item("report", name, facts, changed=_changed(path / SCORES), origin=origin_of_report(path))


def _images(path: Path, name: str) -> Item:
    card = ImageCard.read(path)
    return Item("images", name, (f"{len(card.labels):,} labels",), changed=_changed(path / ImageCard.FILE))


def _capture(path: Path, name: str) -> Item:
    return _file("capture", path, name)


def _table(path: Path, name: str) -> Item:
    return _file("table", path, name)


def _file(kind: str, path: Path, name: str) -> Item:
    status, origin = path.stat(), origin_of(path)
    kind, packets = ("synthetic" if origin else kind), kind == "capture"
    return Item(
        kind, name, (bytes_text(status.st_size),), status.st_size, status.st_mtime, origin=origin or Origin(),
        has_packets=packets,
    )  # fmt: skip


def bytes_text(n: float) -> str:
    """A size for people: 1.2 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" or n >= 100 else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"


_HEADS: dict[str, Read] = {
    DatasetCard.FILE: _dataset, ModelCard.FILE: _model, SCORES: _report, ImageCard.FILE: _images,
}  # fmt: skip
_KIND_OF: dict[Read, str] = {
    _dataset: "dataset", _model: "model", _report: "report", _images: "images", _capture: "capture", _table: "table",
}  # fmt: skip
