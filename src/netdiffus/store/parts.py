"""A table that may exceed memory: frames are held up to a limit, then spilled to a folder until they are needed."""

from __future__ import annotations

from pathlib import Path

import polars as pl

HELD_BYTES = 1 << 25
"""Memory held per table: small compared with what reading takes, large enough that small datasets never spill."""


class Parts:
    """Frames of one schema, in order of arrival; `folder` is created on the first spill."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._frames: list[pl.DataFrame] = []
        self._held_bytes = 0
        self._files: list[Path] = []

    def add(self, frame: pl.DataFrame) -> None:
        """The next rows."""
        self._frames.append(frame)
        self._held_bytes += int(frame.estimated_size())
        if self._held_bytes > HELD_BYTES:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._files.append(self._folder / f"{len(self._files):06}.arrow")
            with self._files[-1].open("wb") as file:
                pl.concat(self._frames).write_ipc(file)
            self._frames, self._held_bytes = [], 0

    def __bool__(self) -> bool:
        """Whether a frame, empty or not, was added."""
        return bool(self._frames or self._files)

    def rows(self) -> pl.LazyFrame:
        """All rows in order, to be read piece by piece."""
        return pl.concat([*map(_scan, self._files), *(frame.lazy() for frame in self._frames)])


def _scan(path: Path) -> pl.LazyFrame:
    with path.open("rb") as file:  # polars keeps it open itself
        return pl.scan_ipc(file)
