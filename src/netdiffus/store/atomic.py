"""Files and folders that are written whole or not at all: a temporary name, fsync, then rename."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from netdiffus.errors import InputError


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise InputError(
            f"a place to write {path}", f"{str(error.strerror).lower()}: {error.filename}", "name another --out"
        ) from None


@contextmanager
def _system_errors() -> Iterator[None]:
    """Libraries written in Rust report a full disk in words, "... (os error 28)": make it the OSError that it is."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        if found := re.search(r"\(os error (\d+)\)", str(error)):
            number = int(found[1])
            raise OSError(number, os.strerror(number)) from error
        raise


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yields a temporary name beside `path`; what was written there becomes `path` when the block ends well."""
    _make_parent(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with _system_errors():
            yield temporary
        _sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync(path.parent)


@contextmanager
def atomic_folder(path: Path, marker: str) -> Iterator[Path]:
    """Yields a temporary folder beside `path`; it becomes `path` when the block ends well.

    A folder that is there already is replaced if it holds the file `marker` (it is one of ours) or is empty.

    Raises:
        InputError: `path` is a file, or a folder with something else in it.
    """
    path = Path(os.path.abspath(path))
    check_replaceable(path, marker)
    _make_parent(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        with _system_errors():
            yield temporary
        for file in temporary.rglob("*"):
            _sync(file)
        _sync(temporary)
        if path.exists():
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            path.rename(old)
            temporary.rename(path)
            shutil.rmtree(old)
        else:
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _sync(path.parent)


def check_replaceable(path: Path, marker: str) -> None:
    """Raise InputError if a folder of ours, known by its file `marker`, may not be written at `path`."""
    if path.is_dir() and any(path.iterdir()) and not (path / marker).exists():
        raise InputError(
            f"a new or empty folder, or one with {marker}, for --out",
            f"{path}, which holds other files",
            "name another",
        )
    if path.exists() and not path.is_dir():
        raise InputError("a folder for --out", f"{path}, a file", "name another")


def write_json(path: Path, data: Any) -> None:
    """Indented UTF-8 JSON, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def write_text(path: Path, text: str) -> None:
    """UTF-8 text, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
