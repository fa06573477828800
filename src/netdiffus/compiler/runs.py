"""Packets of many flows in order of time, in bounded memory: sorted runs on disk, which are merged (Knuth, TAOCP 5.4).

A run holds segments, not bytes: headers and payload follow from them when they are written.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from netdiffus.arrays import Ints
from netdiffus.compiler.payload import Content
from netdiffus.compiler.specs import SEGMENT

RUN_PACKETS = 1 << 18
"""Packets that are sorted in memory."""
MERGED_PACKETS, FEWEST = 1 << 15, 256
"""Packets of all runs together that are merged at a time, and of each run at least."""

ENTRY = np.dtype([("segment", SEGMENT), ("owner", "i8"), ("content", "i8")])
"""A packet in a run: its flow, and where its payload lies, -1 where the policy fills it."""


class Mapped:
    """The values of a file that is not empty; what was read of it does not stay in the memory of the process."""

    def __init__(self, path: Path, dtype: DTypeLike) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.values: NDArray[Any] = np.frombuffer(self._map, dtype)

    def forget(self) -> None:
        """Let go of the pages that were read; where systems cannot be told, they do so when memory is short."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)


class Runs:
    """Packets in any order in, in order of time out.

    Args:
        folder: takes the runs; whoever made it removes it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._held, self._n = folder, list[NDArray[np.void]](), 0
        self._runs: list[Path] = []
        self._content, self._content_bytes = folder / "content", 0

    def add(self, segments: NDArray[np.void], owner: Ints, content: Content | None = None) -> None:
        """Some packets, (P,) of SEGMENT, the flow of each, and what was written of their payload."""
        entries = np.empty(len(segments), ENTRY)
        entries["segment"], entries["owner"], entries["content"] = segments, owner, -1
        if content is not None:
            entries["content"] = np.where(content.at >= 0, content.at + self._content_bytes, -1)
            with self._content.open("ab") as file:
                file.write(content.data.tobytes())
            self._content_bytes += len(content.data)
        self._held.append(entries)
        self._n += len(entries)
        if self._n >= RUN_PACKETS:
            self._spill()

    def _spill(self) -> None:
        entries = np.concatenate(self._held)
        self._held.clear()
        self._n = 0
        path = self._folder / f"{len(self._runs):06}"
        entries[np.argsort(entries["segment"]["time_ns"], kind="stable")].tofile(path)
        self._runs.append(path)

    def merged(self) -> Iterator[tuple[NDArray[np.void], Content | None]]:
        """Entries in order of time, some at a time, and their payload, if any was written; equal times as they came."""
        if self._n:
            self._spill()
        mapped = [Mapped(path, ENTRY) for path in self._runs]
        runs = [each.values for each in mapped]
        place, piece = [0] * len(runs), max(FEWEST, MERGED_PACKETS // max(1, len(runs)))
        written = Mapped(self._content, np.uint8) if self._content_bytes else None
        content = None if written is None else written.values
        while open_ := [k for k, run in enumerate(runs) if place[k] < len(run)]:
            until = min(int(runs[k][place[k] : place[k] + piece]["segment"]["time_ns"][-1]) for k in open_)
            parts = []
            for k in open_:
                n = _up_to(runs[k][place[k] :], until, piece)
                parts.append(runs[k][place[k] : place[k] + n])
                place[k] += n
            entries = np.concatenate(parts)
            entries = entries[np.argsort(entries["segment"]["time_ns"], kind="stable")]
            yield entries, None if content is None else Content(content, np.ascontiguousarray(entries["content"]))
            for each in (*mapped, *([] if written is None else [written])):
                each.forget()


def _up_to(run: NDArray[np.void], until: int, piece: int) -> int:
    """How many entries at the beginning of a run are not later; it is read some at a time."""
    n = 0
    while True:
        head = run[n : n + piece]["segment"]["time_ns"]
        more = int(np.searchsorted(head, until, side="right"))
        n += more
        if more < piece:
            return n
