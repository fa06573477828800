"""Datasets in parts: sources are read apart from each other, and every one has its own files in the folder.

`traces/part-00000.parquet` and `packets/part-00000.parquet` are what traces.parquet and packets.parquet would hold of
the first source, and so on; a source without traces has none. Until the split is known, the traces of a source wait
beside them. In an object store they wait there as well; what a task writes is written on its machine and sent.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import polars as pl

from netdiffus.spread import Spread
from netdiffus.store.account import sha256
from netdiffus.store.cards import DatasetCard
from netdiffus.store.copies import mirrored
from netdiffus.store.journal import sync
from netdiffus.store.objects import is_object, is_prefix, remove
from netdiffus.store.sides import beside, sides_of
from netdiffus.store.stream import ParquetStream, sink

TRACES, PACKETS = "traces.parquet", "packets.parquet"
FOLDERS = {TRACES: "traces", PACKETS: "packets"}
WAITING = "parts"


def files_of(dataset: Path, name: str) -> list[Path]:
    """The Parquet files of a dataset folder that hold its traces (TRACES) or its packets (PACKETS), in their order."""
    whole = dataset / name
    return [whole] if whole.is_file() else sorted((dataset / FOLDERS[name]).glob("part-*.parquet"))


def is_part(name: str) -> bool:
    """Whether a file of a dataset folder may have this name, a/b, as one of its parts."""
    folder, _, file = name.partition("/")
    number = file.removeprefix("part-").removesuffix(".parquet")
    return folder in FOLDERS.values() and file == f"part-{number}.parquet" and number.isascii() and number.isdigit()


def hash_of(dataset: Path) -> str:
    """The hash of a dataset's traces: of the one file, or of the hashes of its parts."""
    files = files_of(dataset, TRACES)
    return sha256(files[0]) if [file.name for file in files] == [TRACES] else _hash_of([sha256(file) for file in files])


def _hash_of(digests: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(digests).encode("ascii")).hexdigest()


class Waiting:
    """Frames that wait in files, in order of arrival."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._n, self.rows = folder, 0, 0

    def add(self, frame: pl.DataFrame) -> None:
        """The next rows."""
        with (self._folder / f"{self._n:06}.arrow").open("wb") as file:
            frame.write_ipc(file)
        self._n += 1
        self.rows += len(frame)


class SourceWriter:
    """Takes what is read of one source: its packets as the dataset will have them, its traces until that is known.

    Both appear whole when the source is read.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self._dataset, self._number = folder, number
        self._target = folder / WAITING / f"{number:06}"
        self._folder = self._target.with_name(f"{number:06}.{secrets.token_hex(4)}")
        self._folder.mkdir(parents=True)
        self._written = self._folder.with_name(f"{self._folder.name}.parquet")
        self.traces, self.packets = Waiting(self._folder), ParquetStream(self._written)

    def close(self) -> None:
        """Publish it; who reads a source once more, because a machine died, finds the first result and leaves it."""
        self.packets.close()
        if self.packets and self.traces.rows:
            _publish(self._written, self._dataset, PACKETS, self._number)
        self._written.unlink(missing_ok=True)
        try:
            self._folder.rename(self._target)
        except OSError:
            if not self._target.is_dir():
                raise
            shutil.rmtree(self._folder, ignore_errors=True)

    def abandon(self) -> None:
        """Remove it."""
        with suppress(Exception):  # what made it fail is told
            self.packets.close()
        self._written.unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(frozen=True)
class Part:
    """A source whose rows are all known: the number of its files, and what its traces still lacked."""

    number: int
    sides: pl.DataFrame


@dataclass
class PartedWriter:
    """A dataset folder in the making, whose sources are read elsewhere.

    Attributes:
        spread: does the reading and the writing.
        sources: of each source that was read: the number of its files, and its traces.
    """

    folder: Path
    spread: Spread
    sources: list[tuple[int, int]] = field(default_factory=list)

    @property
    def packets(self) -> bool:
        """Whether any source has packets."""
        folder = self.folder / FOLDERS[PACKETS]
        return is_prefix(folder) if is_object(folder) else folder.is_dir()

    def finish(
        self, card: DatasetCard, split: pl.Series, group: pl.Series | None = None, session: pl.Series | None = None
    ) -> None:
        """Write the files; arguments are those of DatasetWriter.finish."""
        parts = self._parts(sides_of(split, group, session))
        digests = [found for found in self.spread(partial(write_part, self.folder), parts) if found]
        self._remove(WAITING)
        with mirrored(self.folder) as folder:
            card.model_copy(update={"hash": _hash_of(digests)}).write(folder)

    def abandon(self) -> None:
        """Remove what was written."""
        for name in (WAITING, *FOLDERS.values()):
            self._remove(name)

    def _remove(self, name: str) -> None:
        if is_object(self.folder):
            remove(self.folder / name)
        else:
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def _parts(self, sides: pl.DataFrame) -> Iterator[Part]:
        row = 0
        for number, traces in self.sources:
            yield Part(number, sides.slice(row, traces))
            row += traces


def write_part(folder: Path, part: Part) -> str:
    """Write the traces of a source; returns their hash, "" where it has none."""
    if not len(part.sides):
        return ""
    with mirrored(folder, f"{WAITING}/{part.number:06}") as local:
        return _write_part(local, part)


def _write_part(folder: Path, part: Part) -> str:
    waiting = folder / WAITING
    temporary = waiting / f"{part.number:06}.{secrets.token_hex(4)}.parquet"
    with temporary.open("wb") as file:
        sink(beside(_rows(waiting / f"{part.number:06}"), part.sides), file)
    return sha256(_publish(temporary, folder, TRACES, part.number))


def _rows(folder: Path) -> pl.LazyFrame:
    scans = []
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:  # polars keeps it open itself
            scans.append(pl.scan_ipc(file))
    return pl.concat(scans)


def _publish(written: Path, folder: Path, name: str, number: int) -> Path:
    """A part's file at its place, whole or not at all: it may be written more than once, because a machine died."""
    target = folder / FOLDERS[name] / f"part-{number:05}.parquet"
    target.parent.mkdir(exist_ok=True)
    sync(written)
    written.replace(target)
    return target
