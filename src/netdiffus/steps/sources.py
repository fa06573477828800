"""The files that a user names: paths, folders searched through, patterns, and "-" for standard input."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from netdiffus.errors import InputError
from netdiffus.store.stage import in_stage
from netdiffus.traffic.labels import is_capture_name
from netdiffus.traffic.tables import is_table_name
from netdiffus.wire.captures import is_capture

STANDARD_INPUT = Path("-")


class SourceFile(NamedTuple):
    """A capture or table, and whether the user named it or it was found in a folder or by a pattern."""

    path: Path
    named: bool


def find_files(sources: Sequence[Path]) -> list[SourceFile]:
    """The captures and tables that the sources name, each once, in a fixed order.

    A folder stands for the captures in and below it: files whose name says so, and files of other names (but no tables)
    whose first bytes do. A name with *, ? or [ that does not exist is a pattern, in which ** stands for any folders.

    Raises:
        InputError: a path does not exist, a pattern has no match, or a folder has no capture in it.
    """
    files: dict[Path, SourceFile] = {}
    for source in sources:
        for file in _expanded(source):
            files.setdefault(file.path if file.path == STANDARD_INPUT else file.path.resolve(), file)
    return list(files.values())


def _expanded(source: Path) -> Iterator[SourceFile]:
    if source == STANDARD_INPUT or source.is_file():
        yield SourceFile(source, named=True)
    elif source.is_dir():
        yield from (SourceFile(path, named=False) for path in _captures_below(source))
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


def _captures_below(folder: Path) -> list[Path]:
    inside = sorted(path for path in folder.rglob("*") if path.is_file() and not in_stage(path, folder))
    found = [path for path in inside if is_capture_name(path) or (not is_table_name(path) and is_capture(path))]
    if not found:
        tables = sum(is_table_name(path) for path in inside)
        raise InputError(
            f"captures (.pcap, .pcapng; also .gz, .xz, .zst) in or below {folder}",
            f"{len(inside)} other files" + (f", {tables} of them tables" if tables else ""),
            "name the tables themselves" if tables else "name a folder with captures",
        )
    return found
