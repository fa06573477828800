"""Copies of objects on this machine, for as long as they are read or written; paths of this machine stay themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.store.objects import check_absent, fetch, is_object, key_of, objects_below, remove, send, shown
from netdiffus.store.stage import scratch_folder

HEAD_BYTES = 1 << 20
"""Of an object, that tell what it is and when it begins."""


@contextmanager
def fetched(path: Path, *names: str) -> Iterator[Path]:
    """A copy of an object, or of all below a prefix, in a folder of the same name as its own; removed after the block.

    Messages about the copy are turned into those about the object.

    Args:
        names: of the objects below the prefix that are copied, where they are there; none: all.

    Raises:
        InputError: it does not exist, or the store does not answer.
    """
    if not is_object(path):
        yield path
        return
    with scratch_folder() as scratch, _named(scratch / key_of(path), path):
        below = objects_below(path)
        for each in below or [path]:
            if not names or each.relative_to(path).as_posix() in names:
                fetch(each, scratch)
        yield scratch / key_of(path)


@contextmanager
def head_of(path: Path) -> Iterator[Path]:
    """A copy of the beginning of an object, for as long as the block."""
    if not is_object(path):
        yield path
        return
    with scratch_folder() as scratch, _named(scratch / key_of(path), path):
        yield fetch(path, scratch, HEAD_BYTES)


@contextmanager
def sent(path: Path, last: str) -> Iterator[Path]:
    """A path to write a result folder to, which becomes objects below `path` when the block ends or is left early.

    What an error leaves half sent is removed.

    Args:
        last: the name of its manifest, which is sent last: without it, nothing is read.

    Raises:
        InputError: there is something already, or the store does not answer.
    """
    if not is_object(path):
        yield path
        return
    check_absent(path)
    with scratch_folder() as scratch, _named(scratch / path.name, path):
        folder = scratch / path.name
        try:
            yield folder
        except GeneratorExit:  # it was left early, and is whole
            _send_folder(folder, path, last)
            raise
        _send_folder(folder, path, last)


@contextmanager
def sent_files(paths: Sequence[Path]) -> Iterator[Path]:
    """An empty folder whose files become the objects `paths`, in that order, when the block succeeds.

    Raises:
        InputError: one is there already, or the store does not answer.
    """
    for path in paths:
        check_absent(path)
    with scratch_folder() as scratch, _named(scratch, paths[0].parent):
        yield scratch
        with _removed_unless_whole(paths):
            for path in paths:
                send(scratch / path.name, path)


@contextmanager
def sent_folder(path: Path, last: str) -> Iterator[Path]:
    """An empty folder whose files become objects below `path` when the block succeeds; arguments as of `sent`."""
    with sent(path, last) as folder:
        folder.mkdir()
        yield folder


@contextmanager
def mirrored(folder: Path, wanted: str = "") -> Iterator[Path]:
    """A folder to write files to that belong below a prefix, to which they are sent when the block succeeds.

    Args:
        folder: the prefix; a folder of this machine stays itself.
        wanted: what the block reads, as a name below the prefix: it is copied first, and not sent back.
    """
    if not is_object(folder):
        yield folder
        return
    with scratch_folder() as scratch:
        local = scratch / key_of(folder)
        local.mkdir(parents=True)
        for each in objects_below(folder / wanted) if wanted else []:
            fetch(each, scratch)
        before = _files(local)
        yield local
        for name in sorted(_files(local) - before):
            send(local / name, folder / name)


def _send_folder(folder: Path, path: Path, last: str) -> None:
    with _removed_unless_whole([path]):
        for name in sorted(_files(folder), key=lambda name: (name == last, name)):
            send(folder / name, path / name)


@contextmanager
def _removed_unless_whole(paths: Sequence[Path]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(InputError):  # a store that takes nothing may remove nothing
            for path in paths:
                remove(path)
        raise


def _files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


@contextmanager
def _named(copy: Path, path: Path) -> Iterator[None]:
    """Messages that name a copy name the object."""
    try:
        yield
    except InputError as error:
        said = [part.replace(str(copy), shown(path)) for part in (error.expected, error.got, error.action)]
        raise type(error)(*said) from None
