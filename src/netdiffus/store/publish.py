"""Publishing: every result of netdiffus, folder or file, appears at --out completely or not at all.

1. Before the work, `check_folder` and `check_files` refuse what cannot or must not be written. Only our own files are
   replaced (store/ownership.py), and nothing that the command reads. Symbolic links are followed first and kept.
2. The result is written into a stage (store/stage.py) on the same file system and flushed to disk.
3. It replaces the old one (store/journal.py): a folder in one step, where it can be renamed; files one by one, the
   manifest last.

A result in an object store is written here and sent, its manifest last; nothing there is replaced (store/objects.py).
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.store.copies import sent_files, sent_folder
from netdiffus.store.journal import exchange_folder, move_files, sync
from netdiffus.store.objects import check_absent, is_object
from netdiffus.store.ownership import FolderKind, is_ours, owned, refuse_others
from netdiffus.store.place import LONGEST_NAME, mount_points, place_of_stage, resolved
from netdiffus.store.stage import PREFIX, Stage, sweep

_NO_PLACE = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL,
    errno.EEXIST,
}  # fmt: skip
_NO_EXCHANGE = {errno.EXDEV, errno.EBUSY, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EACCES}


def check_folder(path: Path, kind: FolderKind, inputs: Iterable[Path] = ()) -> None:
    """Raise InputError if a result folder of this kind must not or cannot be written at `path`.

    Args:
        inputs: the paths the command reads; none of them may lie in the folder.
    """
    if is_object(path):
        check_absent(path)
        return
    with _staged(path, place_of_stage(_checked_folder(path, kind, inputs))):
        pass


def check_files(paths: Sequence[Path], inputs: Iterable[Path] = ()) -> None:
    """Raise InputError if the files of one result must not or cannot be written at `paths`, all in one folder.

    Args:
        inputs: the paths the command reads; none of the files may be one of them.
    """
    if is_object(paths[0]):
        for path in paths:
            check_absent(path)
        return
    with _staged(paths[0], _checked_files(paths, inputs)[0].parent):
        pass


@contextmanager
def publish_folder(path: Path, kind: FolderKind, inputs: Iterable[Path] = ()) -> Iterator[Path]:
    """Yields an empty folder; it becomes the result folder `path` when the block succeeds.

    Raises:
        InputError: as in check_folder.
    """
    if is_object(path):
        with sent_folder(path, kind.manifest) as folder:
            yield folder
        return
    target = _checked_folder(path, kind, inputs)
    with _staged(path, place_of_stage(target)) as stage:
        yield stage.new
        with _writing(path):
            _sync_below(stage.new)
            _publish(stage, path, target, kind)


@contextmanager
def publish_files(paths: Sequence[Path], inputs: Iterable[Path] = ()) -> Iterator[Path]:
    """Yields an empty folder; the files in it become `paths`, in that order, when the block succeeds.

    Args:
        paths: the files of one result, all in one folder; the file that lists the others comes last.

    Raises:
        InputError: as in check_files.
    """
    if is_object(paths[0]):
        with sent_files(paths) as folder:
            yield folder
        return
    targets = _checked_files(paths, inputs)
    with _staged(paths[0], targets[0].parent) as stage:
        yield stage.new
        with _writing(paths[0]):
            _sync_below(stage.new)
            if len(paths) == 1:
                os.replace(stage.new / paths[0].name, targets[0])
                sync(targets[0].parent)
            else:
                move_files(stage.path, [target.name for target in targets], [])


@contextmanager
def publish_file(path: Path, inputs: Iterable[Path] = ()) -> Iterator[Path]:
    """Yields a name to write to; that file becomes `path` when the block succeeds.

    Raises:
        InputError: as in check_files.
    """
    with publish_files([path], inputs) as folder:
        yield folder / path.name


def _checked_folder(path: Path, kind: FolderKind, inputs: Iterable[Path]) -> Path:
    target = resolved(path)
    if target.exists() and not target.is_dir():
        raise InputError("a folder for --out", f"{path}, a file", "name another")
    with _writing(path):
        sweep(target.parent)
        sweep(target)
    for given in inputs:
        real = given.resolve()
        if target.is_dir() and (real == target or target in real.parents):
            raise InputError(
                "an --out apart from what is read",
                f"{path}, which {'is' if real == target else 'holds'} {given}",
                "name another --out",
            )
    if target.is_dir():
        with _writing(path):
            refuse_others(path, kind, _owned(path, target, kind)[1])
    return target


def _owned(path: Path, target: Path, kind: FolderKind) -> tuple[list[str], list[str]]:
    try:
        return owned(target, kind)
    except InputError as error:
        raise InputError(
            f"a {kind.manifest} of netdiffus in the folder --out",
            f"{path}, whose {kind.manifest} is another (expected {error.expected}; got {error.got})",
            "move it away, or name another --out",
        ) from None


def _checked_files(paths: Sequence[Path], inputs: Iterable[Path]) -> list[Path]:
    targets = [resolved(paths[0]), *(resolved(paths[0]).with_name(path.name) for path in paths[1:])]
    with _writing(paths[0]):
        sweep(targets[0].parent)
    read = {given.resolve(): given for given in inputs}
    for path, target in zip(paths, targets, strict=True):
        if len(os.fsencode(path.name)) > LONGEST_NAME:
            raise InputError(f"a name of up to {LONGEST_NAME} bytes beside --out", path.name, "shorten --out")
        if target.is_dir():
            raise InputError("a file for --out", f"{path}, a folder", "name another")
        for real, given in read.items():
            if real == target or (target.exists() and real.exists() and os.path.samefile(real, target)):
                raise InputError("an --out apart from what is read", f"{path}, which is {given}", "name another --out")
        if os.path.lexists(target) and (target.is_symlink() or not target.is_file() or not is_ours(target)):
            raise InputError(
                "a new file, or one that says that netdiffus wrote it, for --out",
                f"{path}, which is there already and does not",
                "move it away, or name another --out",
            )
        if target.is_file() and target in mount_points():
            raise InputError("a file that can be replaced for --out", f"{path}, a mount point", "mount its folder")
    return targets


@contextmanager
def _staged(path: Path, parent: Path) -> Iterator[Stage]:
    """A stage in a folder, for the duration of the block."""
    with ExitStack() as stack:
        with _writing(path):
            stack.enter_context(_folder(parent))
            stage = Stage(parent)
        stack.callback(stage.close)
        with system_errors():
            yield stage


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    """The folder exists inside the block; folders made for it that are empty afterwards are removed."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()


def _publish(stage: Stage, path: Path, target: Path, kind: FolderKind) -> None:
    if not target.exists():
        os.rename(stage.new, target)
        sync(target.parent)
        return
    ours, others = _owned(path, target, kind)
    if not ours:
        refuse_others(path, kind, others)
    if stage.path.parent != target:
        try:
            exchange_folder(stage.path, target, ours)
        except OSError as error:
            if error.errno not in _NO_EXCHANGE:
                raise
        else:
            return
    _publish_files(stage, target, kind, ours)


def _publish_files(stage: Stage, target: Path, kind: FolderKind, ours: Sequence[str]) -> None:
    """The files of a folder one by one, out of a stage inside it."""
    inside = stage if stage.path.parent == target else Stage(target)
    try:
        if inside is not stage:
            shutil.move(stage.new, inside.new / "moved")
            os.rename(inside.new / "moved", inside.path / "moved")
            inside.new.rmdir()
            os.rename(inside.path / "moved", inside.new)
            _sync_below(inside.new)
        found = sorted(file.relative_to(inside.new).as_posix() for file in inside.new.rglob("*") if not file.is_dir())
        names = [name for name in found if name != kind.manifest] + [kind.manifest] * (kind.manifest in found)
        move_files(inside.path, names, sorted(set(ours) - set(names)))
    finally:
        if inside is not stage:
            inside.close()


def _sync_below(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        sync(path)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turns errors of a path that is not writable into InputError."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_PLACE:
            raise
        where = Path(os.fsdecode(error.filename or path))
        where = where.parent if where.name.startswith(PREFIX) else where
        what = f"{(error.strerror or str(error)).lower()}: {where}"
        raise InputError(f"a place to write {path}", what, "name another --out") from None


@contextmanager
def system_errors() -> Iterator[None]:
    """Libraries written in Rust report a full disk as text, "... (os error 28)": turn it into an OSError."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        if found := re.search(r"\(os error (\d+)\)", str(error)):
            number = int(found[1])
            raise OSError(number, os.strerror(number)) from error
        raise
