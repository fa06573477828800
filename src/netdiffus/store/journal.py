"""Replacing an old result by a staged one, so that a kill at any moment leaves one of the two.

A folder is exchanged with the old one in one step (renameat2 with RENAME_EXCHANGE). Where that is impossible, and for
files among others, files are moved one by one; a journal in the stage is written first, and the next process that finds
a journal whose process is gone completes it: `finish`.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

JOURNAL, NEW, OLD = "journal.json", "new", "old"
_CURRENT_FOLDER, _RENAME_EXCHANGE = -100, 2  # AT_FDCWD, and renameat2(2)


@dataclass(frozen=True)
class Journal:
    """The operation in progress on a stage.

    Attributes:
        base: the name of the target folder beside the stage; "" is the folder that contains the stage.
        moved: files of `new`, in order, that are moved to `base` one by one.
        retired: files of the old result that are absent from the new one; after an exchange, all of its files.
        kept: files of the old result saved in `old`, to undo a failed move.
        inode: of `new` before an exchange; None: files are moved one by one.
        undone: the move failed and is being undone.
    """

    base: str
    moved: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    inode: int | None = None
    undone: bool = False

    def write(self, stage: Path) -> None:
        """Write it to disk in one step, with the inode of the stage, which a copy would not have."""
        part = stage / f"{JOURNAL}.part"
        part.write_text(json.dumps(asdict(self) | {"stage": stage.stat().st_ino}), encoding="ascii")
        sync(part)
        part.replace(stage / JOURNAL)
        sync(stage)

    @classmethod
    def read(cls, stage: Path) -> Journal | None:
        """The journal of a stage; None: it was not written for this very folder."""
        try:
            said = json.loads((stage / JOURNAL).read_text(encoding="ascii"))
            if said.pop("stage") != stage.stat().st_ino:
                return None
            lists = {name: tuple(said[name]) for name in ("moved", "retired", "kept")}
            journal = cls(**said | lists)
            names = [*journal.moved, *journal.retired, *journal.kept, journal.base]
            is_below = all(not name.startswith("/") and ".." not in name.split("/") for name in names)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None
        return journal if is_below and "/" not in journal.base else None


def sync(path: Path) -> None:
    """Flush a file or a folder to disk; some file systems cannot flush folders."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP) or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def exchange(first: Path, second: Path) -> None:
    """Exchange two paths in one step.

    Raises:
        OSError: the system, the file system or a mount point does not allow it.
    """
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    paths = os.fsencode(first), os.fsencode(second)
    if call(_CURRENT_FOLDER, paths[0], _CURRENT_FOLDER, paths[1], _RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(second))


def exchange_folder(stage: Path, target: Path, ours: Sequence[str]) -> None:
    """Replace `target` by `new` of a stage beside it; `ours` are the files of the old result.

    Raises:
        OSError: the folders cannot be exchanged; nothing has changed.
    """
    new = stage / NEW
    shutil.copymode(target, new)
    Journal(target.name, retired=tuple(ours), inode=new.stat().st_ino).write(stage)
    try:
        exchange(new, target)
    except OSError:
        (stage / JOURNAL).unlink()
        raise
    sync(target.parent)
    finish(stage)


def move_files(stage: Path, names: Sequence[str], retired: Sequence[str]) -> None:
    """Move the files of `new` into the folder that contains the stage, in order; remove others of the old result.

    If that fails, the old files are restored (if the file system has hard links).
    """
    kept = _keep(stage / OLD, stage.parent, [*names, *retired])
    journal = Journal("", tuple(names), tuple(retired), tuple(kept or ()))
    journal.write(stage)
    try:
        finish(stage)
    except BaseException:
        if kept is not None:
            replace(journal, undone=True).write(stage)
            finish(stage)
        raise


def finish(stage: Path) -> bool:
    """Complete the operation in the journal of a stage; False: it is not ours to complete."""
    if not (stage / JOURNAL).exists():
        return True
    journal = Journal.read(stage)
    if journal is None:
        return False
    base = stage.parent / journal.base
    if journal.inode is not None:
        if (stage / NEW).exists() and (stage / NEW).stat().st_ino != journal.inode:
            _unlink(stage / NEW, journal.retired)
            _rescue(stage / NEW, base)
    elif journal.undone:
        _undo(stage / OLD, base, journal)
    else:
        for name in journal.moved:
            _move(stage / NEW / name, base / name)
        _unlink(base, journal.retired)
    for folder in {base, *((base / name).parent for name in journal.moved)}:
        if folder.is_dir():
            sync(folder)
    (stage / JOURNAL).unlink()
    return True


def _move(source: Path, target: Path) -> None:
    """Move a file if it still exists."""
    if os.path.lexists(source):
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, target)


def _keep(old: Path, base: Path, names: Sequence[str]) -> list[str] | None:
    """Make hard links to the existing files; None: hard links are impossible."""
    kept = []
    try:
        for name in names:
            if (base / name).exists():
                (old / name).parent.mkdir(parents=True, exist_ok=True)
                os.link(base / name, old / name)
                kept.append(name)
    except OSError:
        return None
    return kept


def _undo(old: Path, base: Path, journal: Journal) -> None:
    for name in journal.kept:
        _move(old / name, base / name)
    _unlink(base, [name for name in journal.moved if name not in journal.kept])


def _unlink(base: Path, names: Sequence[str]) -> None:
    """Remove files, and folders in `base` that become empty."""
    for name in names:
        (base / name).unlink(missing_ok=True)
        for folder in (base / name).parents:
            if folder == base:
                break
            with suppress(OSError):
                folder.rmdir()


def _rescue(old: Path, base: Path) -> None:
    """Move files that others put into an old result meanwhile to the new one, without overwriting."""
    for place, _, names in os.walk(old):
        for name in names:
            path = Path(place, name)
            target = base / path.relative_to(old)
            while os.path.lexists(target):
                target = target.with_name(f"{target.name}.kept")
            _move(path, target)
