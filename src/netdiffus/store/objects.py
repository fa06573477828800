"""Objects: what lies in an object store, s3://BUCKET/KEY or gs://BUCKET/KEY, through pyarrow's file systems.

A URI travels as a Path, which joins its slashes (s3:/BUCKET/KEY) and keeps all else. `file:///PATH` is read in the same
way, from a folder of this machine. What is read is copied whole; nothing that a store holds is replaced, but a model
by the training that made it, or goes on with it (saves.py).
"""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from netdiffus.errors import InputError
from netdiffus.store.account import sha256

SCHEMES = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL where the store is not Amazon's",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to the file of a key",
    "file": "check the path and its rights",
}
"""What a user can do where a store does not answer as it should."""
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)
_HERE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_COPIED_BYTES, _ASKED_BYTES = 1 << 20, 1 << 24


class AbsentError(InputError):
    """There is no such object, or no longer."""


def is_object(path: Path) -> bool:
    """Whether a path is the URI of an object, or of a prefix of objects.

    Raises:
        InputError: it is a URI of another scheme, and no path of this machine.
    """
    found = _URI.fullmatch(str(path))
    if found is None:
        return False
    if found[1] in SCHEMES:
        return True
    if path.exists():
        return False
    named = ", ".join(f"{scheme}://" for scheme in SCHEMES)
    raise InputError(f"a path, or a URI of {named}", shown(path), "copy it to one of these first")


def shown(path: Path) -> str:
    """A path as users write it."""
    found = _URI.fullmatch(str(path))
    return str(path) if found is None else f"{found[1]}://{'/' if found[1] == 'file' else ''}{found[2]}"


def key_of(path: Path) -> Path:
    """BUCKET/KEY of an object; of a file its path from the root on."""
    found = _URI.fullmatch(str(path))
    return path if found is None else Path(found[2])


def objects_below(path: Path) -> list[Path]:
    """The objects below a prefix, sorted; none where it is an object itself.

    Raises:
        InputError: there is nothing, or the store does not answer.
    """
    fs, place = _opened(path)
    fs_module = _pyarrow_fs()
    with _answering(path):
        kind = fs.get_file_info([place])[0].type
        if kind == fs_module.FileType.File:
            return []
        if kind == fs_module.FileType.NotFound:
            _refuse_absent(path, fs)
    return list(listed(path))


def listed(path: Path) -> dict[Path, tuple[int, int]]:
    """The objects below a prefix, sorted, each with its size in bytes and the time of its last change, ns."""
    fs, place = _opened(path)
    fs_module = _pyarrow_fs()
    with _answering(path):
        found = fs.get_file_info(fs_module.FileSelector(place, allow_not_found=True, recursive=True))
    files = [info for info in found if info.type == fs_module.FileType.File]
    inside = {Path(info.path).relative_to(place): (info.size, info.mtime_ns) for info in files}
    return {path / name: inside[name] for name in sorted(inside)}


def is_prefix(path: Path) -> bool:
    """Whether there is an object below a prefix."""
    return bool(listed(path))


def check_absent(path: Path) -> None:
    """Raise InputError if there is an object of this name or below it, or the store does not answer."""
    fs, place = _opened(path)
    fs_module = _pyarrow_fs()
    with _answering(path):
        there = fs.get_file_info([place])[0].type == fs_module.FileType.File
        if fs.type_name != "local":
            _check_bucket(path, fs)
    if there or is_prefix(path):
        raise InputError(
            "an --out where nothing is yet: nothing that a store holds is replaced", shown(path),
            "name another, or remove it yourself",
        )  # fmt: skip


def fetch(path: Path, folder: Path, most: int | None = None) -> Path:
    """Copy an object to BUCKET/KEY in a folder; returns where it lies.

    Args:
        most: bytes of its beginning that are copied; None: all.

    Raises:
        InputError: there is none, or the store does not answer.
    """
    return fetch_to(path, folder / key_of(path), most)


def fetch_to(path: Path, target: Path, most: int | None = None) -> Path:
    """The same, to a path; returns it.

    Raises:
        AbsentError: there is none.
        InputError: the store does not answer.
    """
    fs, place = _opened(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    left = most
    with _answering(path), fs.open_input_stream(place, compression=None) as source, target.open("wb") as file:
        while data := source.read(_COPIED_BYTES if left is None else min(left, _COPIED_BYTES)):
            file.write(data)
            left = None if left is None else left - len(data)
    return target


def size_of(path: Path) -> int:
    """The size of an object in bytes, or of a file; -1: there is none of this name."""
    if not is_object(path):
        return path.stat().st_size if path.is_file() else -1
    fs, place = _opened(path)
    with _answering(path):
        info = fs.get_file_info([place])[0]
    return int(info.size) if info.type == _pyarrow_fs().FileType.File else -1


def fetch_ranges(path: Path, target: Path, ranges: Sequence[tuple[int, int]]) -> None:
    """Copy some ranges of an object's bytes to a file of its size, which has holes elsewhere.

    Raises:
        InputError: there is no such object, or the store does not answer.
    """
    fs, place = _opened(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _answering(path), fs.open_input_file(place) as source, target.open("wb") as file:
        total = source.size()
        file.truncate(total)
        for begin, end in ranges:
            for at in range(begin, min(end, total), _ASKED_BYTES):
                file.seek(at)
                file.write(source.read_at(min(_ASKED_BYTES, min(end, total) - at), at))


def sha256_of(path: Path) -> str:
    """The hash of an object's bytes, none of which is kept here, or of a file's.

    Raises:
        InputError: there is no such object, or the store does not answer.
    """
    if not is_object(path):
        return sha256(path)
    fs, place = _opened(path)
    digest = hashlib.sha256()
    with _answering(path), fs.open_input_stream(place, compression=None) as source:
        while data := source.read(_COPIED_BYTES):
            digest.update(data)
    return digest.hexdigest()


def send(file: Path, path: Path) -> None:
    """Copy a file to an object, which appears whole or not at all, and replaces one of this name.

    Raises:
        InputError: the store does not take it.
    """
    fs, place = _opened(path)
    with _answering(path):
        if fs.type_name == "local":
            fs.create_dir(str(Path(place).parent), recursive=True)
        _pyarrow_fs().copy_files(
            str(file), place, source_filesystem=_pyarrow_fs().LocalFileSystem(), destination_filesystem=fs
        )


def remove(path: Path) -> None:
    """Remove an object, or all below a prefix: what this command has sent itself, or was told to go on with."""
    fs, place = _opened(path)
    kinds = _pyarrow_fs().FileType
    with suppress(AbsentError), _answering(path):  # as where a request that was answered too late is made again
        kind = fs.get_file_info([place])[0].type
        if kind == kinds.File:
            fs.delete_file(place)
        elif kind == kinds.Directory:
            fs.delete_dir_contents(place)
            if fs.get_file_info([place])[0].type == kinds.Directory:  # gs:// has no folders: there is nothing left
                fs.delete_dir(place)


def _opened(path: Path) -> tuple[Any, str]:
    """The file system of an object, and its place there."""
    scheme, _, rest = shown(path).partition("://")
    bucket = rest.partition("/")[0]
    if scheme == "file":
        return _pyarrow_fs().LocalFileSystem(), rest
    if not bucket:
        raise InputError(f"{scheme}://BUCKET/KEY", shown(path), "name a bucket")
    waiting = "?retry_limit_seconds=30" if scheme == "gs" else ""  # else it tries for a quarter of an hour
    with _answering(path):
        return _pyarrow_fs().FileSystem.from_uri(f"{scheme}://{bucket}{waiting}")[0], rest


def _pyarrow_fs() -> Any:
    """pyarrow.fs, which is imported only where there is such a URI."""
    try:
        from pyarrow import fs
    except ImportError:
        raise InputError(
            "pyarrow for object stores", "an installation without it", "run: pip install pyarrow"
        ) from None
    return fs


@contextmanager
def _answering(path: Path) -> Iterator[None]:
    """Errors of a store as InputError; those of this machine's disk stay what they are."""
    scheme = shown(path).partition("://")[0]
    try:
        yield
    except FileNotFoundError:
        raise AbsentError("an object that exists", shown(path), "check bucket and key") from None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in _HERE:
            raise
        said = " ".join(str(error).split())
        if "NO_SUCH_BUCKET" in said:
            _refuse_bucket(path)
        raise InputError(f"access to {shown(path)}", said[:300], SCHEMES[scheme]) from None


def _refuse_absent(path: Path, fs: Any) -> None:
    if fs.type_name != "local":
        _check_bucket(path, fs)
    raise InputError("an object, or a prefix of objects, that exists", shown(path), "check bucket and key")


def _check_bucket(path: Path, fs: Any) -> None:
    if fs.get_file_info([key_of(path).parts[0]])[0].type == _pyarrow_fs().FileType.NotFound:
        _refuse_bucket(path)


def _refuse_bucket(path: Path) -> None:
    raise InputError(f"a bucket that exists for {shown(path)}", "none of that name", "check it, or make it first")
