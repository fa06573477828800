"""Stages: hidden folders, `.netdiffus-XXXXXXXXXXXX`, in which a result is written until it is complete.

A stage is locked (flock) as long as its process lives. The next run that writes to the same path finishes or removes
unlocked stages. A process id would not suffice: ids are reused, and containers that share a folder have separate ones.
On a file system without locks, an abandoned stage stays.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.store.journal import JOURNAL, NEW, finish

PREFIX = ".netdiffus-"
_LOCK = "lock"


class Stage:
    """A new, locked stage in the folder `parent`; what is to be published is written into `new`."""

    def __init__(self, parent: Path) -> None:
        while True:
            self.path = parent / f"{PREFIX}{secrets.token_hex(6)}"
            self.path.mkdir(mode=0o700)
            try:
                descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            except FileNotFoundError:  # another run took the empty folder for an abandoned one
                continue
            if _lock(descriptor) is not False:
                break
            os.close(descriptor)
        self._descriptor = descriptor
        self.new = self.path / NEW
        self.new.mkdir()

    def close(self) -> None:
        """Remove it; if it was committed but not completed, the next run completes it."""
        if not (self.path / JOURNAL).exists():
            _remove(self.path)
        os.close(self._descriptor)


def _lock(descriptor: int) -> bool | None:
    """Take the lock; False: another process holds it or has removed the file, None: no locks on this file system."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return os.fstat(descriptor).st_nlink > 0


def _remove(stage: Path) -> None:
    """Remove the stage, its lock last: a stage without one is empty or not ours."""
    for path in stage.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != _LOCK:
            path.unlink(missing_ok=True)
    (stage / _LOCK).unlink(missing_ok=True)
    with suppress(OSError):
        stage.rmdir()


def stages(parent: Path) -> list[Path]:
    """The stages in a folder, of live processes and others."""
    try:
        return sorted(path for path in parent.iterdir() if path.name.startswith(PREFIX) and path.is_dir())
    except OSError:
        return []


def in_stage(path: Path, folder: Path) -> bool:
    """Whether a path below a folder lies in a stage, and so belongs to an unfinished result."""
    return any(part.startswith(PREFIX) for part in path.relative_to(folder).parts)


def sweep(parent: Path, *, committed_only: bool = False) -> None:
    """Finish or remove the stages in a folder whose processes are gone.

    Args:
        committed_only: finish those being published; leave the others alone.

    Raises:
        OSError: publishing cannot be completed.
    """
    for stage in stages(parent):
        if committed_only and not (stage / JOURNAL).exists():
            continue
        try:
            descriptor = os.open(stage / _LOCK, os.O_RDWR)
        except FileNotFoundError:
            with suppress(OSError):
                stage.rmdir()  # succeeds if it is empty
            continue
        except OSError:  # another user's
            continue
        try:
            if _lock(descriptor) and finish(stage):
                _remove(stage)
        finally:
            os.close(descriptor)


def check_whole(folder: Path) -> None:
    """Finish publishing interrupted in a result folder.

    Raises:
        InputError: that is impossible, or another process is publishing there.
    """
    with suppress(OSError):
        sweep(folder, committed_only=True)
    if any((stage / JOURNAL).exists() for stage in stages(folder)):
        raise InputError(
            "a whole folder",
            f"{folder}, whose files were being replaced when a run was stopped",
            "run the command that wrote it again",
        )


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder for the duration of the block; one abandoned by a killed process is removed by the next."""
    place = Path(tempfile.gettempdir())
    with suppress(OSError):
        sweep(place)
    stage = Stage(place)
    try:
        yield stage.new
    finally:
        stage.close()
