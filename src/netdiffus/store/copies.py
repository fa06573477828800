"""Copies of objects on this machine, for as long as they are read or written; paths of this machine stay themselves."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.store.objects import (
    AbsentError,
    check_absent,
    fetch,
    fetch_ranges,
    fetch_to,
    is_object,
    is_prefix,
    key_of,
    listed,
    objects_below,
    remove,
    send,
    shown,
)
from netdiffus.store.saves import Saves, files_in, send_folder, whole
from netdiffus.store.stage import scratch_folder

HEAD_BYTES = 1 << 20
"""Of an object, that tell what it is and when it begins."""
TRIES = 10
"""To copy objects that others replace meanwhile."""


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
        if objects_below(path):
            _copy(path, scratch / key_of(path), names)
        else:
            fetch(path, scratch)
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
def ranges_of(path: Path, ranges: Sequence[tuple[int, int]]) -> Iterator[Path]:
    """A copy of some ranges of an object's bytes, in a file of its size and name, for as long as the block."""
    if not is_object(path):
        yield path
        return
    with scratch_folder() as scratch, _named(scratch / key_of(path), path):
        fetch_ranges(path, scratch / key_of(path), ranges)
        yield scratch / key_of(path)


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
    """An empty folder whose files become objects below `path` when the block succeeds.

    What an error leaves half sent is removed.

    Args:
        last: the name of its manifest, which is sent last: without it, nothing is read.

    Raises:
        InputError: there is something already, or the store does not answer.
    """
    check_absent(path)
    with scratch_folder() as scratch, _named(scratch / path.name, path):
        folder = scratch / path.name
        folder.mkdir()
        yield folder
        with _removed_unless_whole([path]):
            send_folder(folder, path, last)


@contextmanager
def saved(path: Path, files: Collection[str], *, goes_on: bool) -> Iterator[tuple[Path, Callable[[bool], None]]]:
    """A path to write a model to again and again, and what is called after each time.

    It sends the model to the store, where readers find the former one or this one at any moment (saves.py), and is told
    whether this one is the last. A path of this machine stays itself.

    Args:
        files: the names of those that a model may have.
        goes_on: the model that is there is copied to the path first, if there is one.

    Raises:
        InputError: the store does not answer.
    """
    if not is_object(path):
        yield path, lambda _: None
        return
    with scratch_folder() as scratch, _named(scratch / key_of(path), path):
        folder = scratch / key_of(path)
        saves = Saves.found(path, files)
        if goes_on and is_prefix(path):
            _copy(path, folder, files)
        yield folder, lambda ended: saves.settle(folder) if ended else saves.add(folder)


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
        before = files_in(local)
        yield local
        for name in sorted(files_in(local) - before):
            send(local / name, folder / name)


def _copy(path: Path, folder: Path, names: Collection[str]) -> None:
    """Copy what is below a prefix, or those of these names, as it is at one time."""
    for _ in range(TRIES):
        before = listed(path)
        objects = {name: each for name, each in whole(path, before).items() if not names or name in names}
        shutil.rmtree(folder, ignore_errors=True)
        try:
            for name, each in objects.items():
                fetch_to(each, folder / name)
        except AbsentError:
            continue
        after = listed(path)
        if all(after.get(each) == before[each] for each in objects.values()):
            return
    raise InputError("objects that stay the same while they are copied", f"others each time at {shown(path)}", "retry")


@contextmanager
def _removed_unless_whole(paths: Sequence[Path]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(InputError):  # a store that takes nothing may remove nothing
            for path in paths:
                remove(path)
        raise


@contextmanager
def _named(copy: Path, path: Path) -> Iterator[None]:
    """Messages that name a copy name the object."""
    try:
        yield
    except InputError as error:
        said = [part.replace(str(copy), shown(path)) for part in (error.expected, error.got, error.action)]
        raise type(error)(*said) from None
