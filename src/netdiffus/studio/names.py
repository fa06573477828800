"""Names that forms propose for results: short, and free."""

from __future__ import annotations

from pathlib import PurePosixPath

from netdiffus.studio.workspace import Workspace


def free_name(space: Workspace, stem: str, suffix: str = "") -> str:
    """A name that nothing has: traffic, traffic-2, traffic-3 ..."""
    number = 1
    while True:
        name = f"{stem}{'' if number == 1 else f'-{number}'}{suffix}"
        if not (space.root / name).exists():
            return name
        number += 1


def bare(name: str) -> str:
    """The last part of a path without suffixes: captures/web.pcap.xz → web."""
    last = PurePosixPath(name).name
    return last.split(".")[0] or last
