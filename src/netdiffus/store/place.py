"""Resolving --out: the target of links, and what the system allows there."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from netdiffus.errors import InputError

LONGEST_NAME = 255  # bytes


def followed(path: Path) -> Path:
    """Where a file at `path` is written: `path` itself, or the target of the link.

    Raises:
        InputError: the link is dangling.
    """
    return resolved(path) if path.is_symlink() else path


def resolved(path: Path) -> Path:
    """The path with all links followed; parts at its end need not exist yet.

    Raises:
        InputError: a link is dangling or circular, a part of the path is a file, or a name is too long.
    """
    there, rest = path, list[str]()
    while not os.path.lexists(there):
        rest.insert(0, there.name)
        there = there.parent
    try:
        real = os.path.realpath(there, strict=True)
    except OSError as error:
        what = "a link to itself" if error.errno == errno.ELOOP else "a link to what does not exist"
        raise InputError(
            "a place to write to for --out", f"{there}, {what}", "mend the link, or name another"
        ) from None
    if rest and not os.path.isdir(real):
        raise InputError(f"a place to write {path}", f"not a folder: {there}", "name another --out")
    if any(len(os.fsencode(name)) > LONGEST_NAME for name in (path.name, *rest)):
        raise InputError(f"a name of up to {LONGEST_NAME} bytes", path.name, "name another --out")
    return Path(os.path.normpath(os.path.join(real, *rest)))


def mount_points() -> set[Path]:
    """All mount points, including bind mounts."""
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return set()
    escaped = [line.split(b" ")[4] for line in lines]
    return {Path(os.fsdecode(re.sub(rb"\\(\d{3})", lambda found: bytes([int(found[1], 8)]), name))) for name in escaped}


def _stays(target: Path) -> bool:
    """Whether a folder cannot be exchanged: a mount point, or the current directory of this process (and the shell)."""
    try:
        here = Path.cwd()
    except FileNotFoundError:
        return target in mount_points()
    return target in (here, *here.parents) or target in mount_points()


def place_of_stage(target: Path) -> Path:
    """The folder for the stage of a result folder: beside it, or in it where it must stay or is all that is ours."""
    inside = target.is_dir() and (_stays(target) or not os.access(target.parent, os.W_OK | os.X_OK))
    return target if inside else target.parent
