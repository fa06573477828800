"""The folder that the studio works in, and the paths in it: none of them leads out, by dots or by links."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.store.stage import PREFIX
from netdiffus.text import as_text

STATE = f"{PREFIX}studio"
"""The studio's own folder in FOLDER; by its prefix no command takes it for a source."""
JOBS, UPLOADS, PREVIEWS = "jobs", "uploads", "previews"
NAME_BYTES = 200
"""Of a new file or folder."""


@dataclass(frozen=True)
class Workspace:
    """A folder and what may be uploaded to it.

    Attributes:
        root: without links.
        upload_bytes: of one file, at most.
    """

    root: Path
    upload_bytes: int

    @classmethod
    def open(cls, folder: Path, upload_bytes: int) -> Workspace:
        """The workspace of an existing folder.

        Raises:
            InputError: the folder is missing, is a file, or cannot be written.
        """
        if not folder.is_dir():
            got = "a file" if folder.exists() else "which does not exist"
            raise InputError("a folder for the studio", f"{as_text(folder)}, {got}", "name another, or make it")
        space = cls(folder.resolve(), upload_bytes)
        try:
            for name in (JOBS, UPLOADS, PREVIEWS):
                (space.state / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=space.state):
                pass
        except OSError as error:
            raise InputError(
                "a folder that can be written to",
                f"{as_text(folder)}: {error.strerror}",
                "name another, or free some room",
            ) from None
        return space

    @property
    def state(self) -> Path:
        """Where jobs, unfinished uploads and previews lie."""
        return self.root / STATE

    @property
    def free_bytes(self) -> int:
        """Room on the disk."""
        return shutil.disk_usage(self.root).free

    def path(self, name: str) -> Path:
        """An existing file or folder by its path relative to the root.

        Raises:
            InputError: it does not exist or lies outside.
        """
        path = self._inside(name)
        if not path.exists():
            raise InputError("something in the folder", f"{as_text(name)}, which does not exist", "choose another")
        return path

    def new(self, name: str) -> Path:
        """A path to write to; it may exist, and its folder need not.

        Raises:
            InputError: it lies outside, or it has a name that no file should have.
        """
        if not name.strip():
            raise InputError("a name for the result", "nothing", "enter a name")
        for part in Path(name).parts:
            if part.startswith(PREFIX) or len(os.fsencode(part)) > NAME_BYTES or not part.isprintable():
                raise InputError("a plain name", repr(part[:60]), "choose another")
        return self._inside(name)

    def name(self, path: Path) -> str:
        """The way back: a path relative to the root, with slashes."""
        return path.relative_to(self.root).as_posix()

    def _inside(self, name: str) -> Path:
        try:
            found = self.root / name
            found.exists()  # raises for names that no file system holds
            inside = "\0" not in name and ".." not in Path(name).parts and found.resolve().is_relative_to(self.root)
        except (OSError, ValueError, RuntimeError):  # a loop of links, or bytes that no name has
            inside = False
        if not inside or Path(name).is_absolute():
            raise InputError("a path in the folder", repr(as_text(name))[:200], "choose something in it")
        if STATE in Path(name).parts:
            raise InputError("a file of yours", "one of the studio's own", "choose another")
        return found
