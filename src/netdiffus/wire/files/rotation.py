"""The files of a rotation (dumpcap -b, tcpdump -C, -G) as one capture: one tap wrote them one after the other."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from netdiffus.wire.files.marks import Mark, note
from netdiffus.wire.files.reader import Capture, read_capture
from netdiffus.wire.headers.packets import PacketBlock
from netdiffus.wire.nprint.capture import NprintCapture


class Rotation:
    """An open capture of several files; iterate over it once to get the PacketBlocks of all.

    Attributes:
        name: see name_of. marks: as of Capture.

    Raises:
        InputError: a file cannot be read or is no capture; the first one at once, the others in their turn.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._opened: list[Capture | NprintCapture] = [read_capture(paths[0])]
        self.name = name_of(paths)
        self.marks: deque[Mark] = deque()

    def __iter__(self) -> Iterator[PacketBlock]:
        before = 0
        for number, path in enumerate(self._paths):
            if number:
                self._opened.append(read_capture(path))
            packets = 0
            for block in self._opened[-1]:
                packets += len(block)
                last = self._opened[-1].marks[-1]
                note(self.marks, Mark(before + last.packets, last.position, number))
                yield block
            before += packets

    @property
    def faults(self) -> Counter[str]:
        """What was odd in any of them."""
        return sum((capture.faults for capture in self._opened), Counter())

    @property
    def sha256(self) -> str:
        """Of the lines of the files' own; complete when the iteration has ended."""
        return hash_of_files([capture.sha256 for capture in self._opened])

    @property
    def n_bytes(self) -> int:
        """Of all files as they are stored; complete when the iteration has ended."""
        return sum(capture.n_bytes for capture in self._opened)


def hash_of_files(hashes: Sequence[str]) -> str:
    """The hash of several files, given their own."""
    return hashlib.sha256("\n".join(hashes).encode("ascii")).hexdigest()


def name_of(paths: Sequence[Path]) -> str:
    """What the files of a rotation are called: the first one without its folder, and how many more there are."""
    return paths[0].name if len(paths) == 1 else f"{paths[0].name} and {len(paths) - 1} more"


def first_time_ns(path: Path) -> int | None:
    """The time of a capture's first packet; None: it has none.

    Raises:
        InputError: the file cannot be read or is no capture.
    """
    capture = read_capture(path)
    try:
        for block in capture:
            return int(block.time_ns[0])
        return None
    finally:
        if isinstance(capture, Capture):
            capture.close()
