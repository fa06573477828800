"""The files that a user names: paths, folders searched through, patterns, and "-" for standard input."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from netdiffus.errors import InputError
from netdiffus.store.copies import head_of
from netdiffus.store.objects import is_object, objects_below, shown
from netdiffus.store.stage import in_stage
from netdiffus.traffic.labels.rules import is_capture_name
from netdiffus.traffic.tables.files import is_table_name
from netdiffus.wire.files.reader import is_capture
from netdiffus.wire.files.rotation import name_of

STANDARD_INPUT = Path("-")


class SourceFile(NamedTuple):
    """A capture or table, and whether the user named it or it was found in a folder or by a pattern.

    Attributes:
        more: files that go on where this one ends, in order of time (taps.py).
        uri: of the object that this is a copy of; "": of none.
    """

    path: Path
    named: bool
    more: tuple[Path, ...] = ()
    uri: str = ""

    @property
    def called(self) -> str:
        """What the card calls it."""
        name = name_of([self.path, *self.more])
        return self.uri + name.removeprefix(self.path.name) if self.uri else name


def find_files(sources: Sequence[Path]) -> list[SourceFile]:
    """The captures and tables that the sources name, in a fixed order.

    A folder stands for the captures in and below it: files whose name says so, and files of other names (but no tables)
    whose first bytes do. A name with *, ? or [ that does not exist is a pattern, in which ** stands for any folders.

    Raises:
        InputError: a path does not exist, a pattern has no match, a folder has no capture in it, or two sources name
            the same file.
    """
    return distinct((source, file) for source in sources for file in _expanded(source))


def distinct(found: Iterable[tuple[Path, SourceFile]]) -> list[SourceFile]:
    """Files in their order, each with the source that named it; one that a source has under two names is taken once.

    Raises:
        InputError: two sources name the same file, by whatever paths or links: its traces would count twice.
    """
    files: dict[object, tuple[Path, SourceFile]] = {}
    last, number, numbers = None, 0, dict[object, int]()
    for source, file in found:
        number, last = number + (source is not last), source
        key = _identity(file.path)
        if numbers.setdefault(key, number) != number:
            before = files[key][0]
            where = " twice" if before == source else f", in {before} and in {source}"
            raise InputError("each file once", f"{file.path}{where}"[:400], "name it once")
        files.setdefault(key, (source, file))
    return [file for _, file in files.values()]


def _identity(path: Path) -> object:
    """What tells files apart, whatever they are called."""
    if path == STANDARD_INPUT or not path.exists():
        return path
    status = path.stat()
    return status.st_dev, status.st_ino


def files_below(source: Path) -> list[Path]:
    """The files or objects in and below a folder or prefix, sorted; none where it is a file, or is not there."""
    if is_object(source):
        return objects_below(source)
    return sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else []


def _expanded(source: Path) -> Iterator[SourceFile]:
    if is_object(source):
        below = objects_below(source)
        yield from (
            (SourceFile(path, named=False) for path in _captures_below(source, below))
            if below
            else [SourceFile(source, named=True)]
        )
    elif source == STANDARD_INPUT or source.is_file():
        yield SourceFile(source, named=True)
    elif source.is_dir():
        yield from (SourceFile(path, named=False) for path in _captures_below(source, files_below(source)))
    elif source.exists():  # a named pipe, a device
        yield SourceFile(source, named=True)
    elif any(sign in str(source) for sign in "*?["):
        found = sorted(Path(name) for name in glob.glob(str(source), recursive=True))
        found = [path for path in found if path.is_file()] or found  # a pattern that names files means no folders
        if not found:
            raise InputError("a pattern that matches files", f"{source}, which matches none", "check the pattern")
        for path in found:
            yield from (SourceFile(inside.path, named=False) for inside in _expanded(path))
    else:
        raise InputError(
            "a capture, a folder of captures or a table", f"{source}, which does not exist", "check the path"
        )


def _captures_below(folder: Path, files: Sequence[Path]) -> list[Path]:
    inside = [path for path in files if not in_stage(path, folder)]
    found = [path for path in inside if is_capture_name(path) or (not is_table_name(path) and _begins_as_one(path))]
    if not found:
        tables = sum(is_table_name(path) for path in inside)
        raise InputError(
            f"captures (.pcap, .pcapng; also .gz, .xz, .zst) in or below {shown(folder)}",
            f"{len(inside)} other files" + (f", {tables} of them tables" if tables else ""),
            "name the tables themselves" if tables else "name a folder with captures",
        )
    return found


def _begins_as_one(path: Path) -> bool:
    with head_of(path) as head:
        return is_capture(head)


def folders_without_captures(sources: Sequence[Path], files: Sequence[SourceFile]) -> list[str]:
    """The names of folders below the sources with no file of a source in or below them; hidden ones do not count."""
    used = {folder for file in files for folder in file.path.resolve().parents}
    found: list[Path] = []
    for source in sources:
        inside = sorted(path.resolve() for path in source.rglob("*") if path.is_dir()) if source.is_dir() else []
        for folder in inside:
            hidden = any(part.startswith(".") for part in folder.relative_to(source.resolve()).parts)
            if folder not in used and not hidden and not any(above in found for above in folder.parents):
                found.append(folder)
    return [folder.name for folder in dict.fromkeys(found)]
