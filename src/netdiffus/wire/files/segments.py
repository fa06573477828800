"""Segments of a capture: ranges of its bytes, each of which can be read without those before it.

A segment holds the packets whose records end within its bytes. Where its first record begins is found by a chain of
records: each is plausible, and ends where the next one begins. Who joins segments compares that place with where the
segment before it has ended; then it is known, not guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

import numpy as np

from netdiffus.arrays import Ints
from netdiffus.wire.files.compression import DECODERS
from netdiffus.wire.files.pcap import FILE_HEADER_BYTES, VARIANTS, PcapScanner
from netdiffus.wire.files.pcapng import SECTION, PcapngScanner
from netdiffus.wire.files.reader import BLOCK_BYTES, Capture, read_capture
from netdiffus.wire.headers.packets import MAX_CAPTURED, PacketBlock, empty_columns
from netdiffus.wire.nprint.capture import is_nprint_name

BACK_BYTES = 2 * MAX_CAPTURED
"""Before a segment, within which the record that reaches into it begins."""
TRIED_BYTES = BACK_BYTES - MAX_CAPTURED - 1024
AHEAD_RECORDS = 16
"""Of a chain beyond the beginning of a segment, if the file has as many within BACK_BYTES."""


class Segment(NamedTuple):
    """The packets of a file that end behind byte `begin`, and not behind byte `end`; -1: all of a compressed file."""

    path: Path
    begin: int
    end: int

    @property
    def is_last(self) -> bool:
        """Of its file."""
        return self.end < 0 or self.end >= self.path.stat().st_size


@dataclass(frozen=True)
class Borders:
    """Where the records of a segment begin and end, and what its scanner knew there.

    Attributes:
        begin: first byte of the first record; -1: none was found. stop: first byte behind the last record.
        before, after: of pcapng, the interfaces that the scanner knew.
    """

    begin: int
    stop: int
    before: bytes
    after: bytes


HEAD_BYTES = FILE_HEADER_BYTES + max(variant.more_header_bytes for variant in VARIANTS.values()) + BLOCK_BYTES
"""Of a file, that every segment of it is read with."""


def ranges_of(segment: Segment) -> list[tuple[int, int]]:
    """The ranges of its file's bytes that a segment is read from."""
    begin = max(segment.begin - BACK_BYTES, HEAD_BYTES)
    return [(0, HEAD_BYTES), (begin, max(segment.end, segment.begin + BACK_BYTES))]


def segments_of(path: Path, size: int) -> list[Segment]:
    """The segments of a file of `size` bytes each; one where it is compressed, none where it is no pcap or pcapng."""
    with path.open("rb") as file:
        head = file.read(FILE_HEADER_BYTES)
    if is_nprint_name(path) or len(head) < FILE_HEADER_BYTES:
        return []
    if head.startswith(tuple(DECODERS)):
        return [Segment(path, 0, -1)]
    if _scanner(head) is None:
        return []
    total = path.stat().st_size
    return [Segment(path, begin, min(begin + size, total)) for begin in range(0, total, size)]


class SegmentReader:
    """The packets of a segment, in the blocks of Capture; iterate over it once.

    Attributes:
        faults: as of Capture; without a record that goes on in the next segment.
        borders, sha256: known when the iteration has ended; the hash of a compressed file alone.
    """

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self.faults: Counter[str] = Counter()
        self.borders = Borders(-1, -1, b"", b"")
        self.sha256 = ""

    def __iter__(self) -> Iterator[PacketBlock]:
        segment = self._segment
        if segment.end < 0:
            yield from self._decompressed()
            return
        with segment.path.open("rb") as file:
            head = file.read(FILE_HEADER_BYTES)
            scanner = _scanner(head)
            if scanner is None:
                return
            begin = _first_record(scanner, file, segment)
            if begin < 0:
                return
            before = scanner.known
            file.seek(begin)
            section = Section(file, segment)
            capture = Capture(section, scanner, b"", BLOCK_BYTES, begin)
            yield from capture
            self.borders = Borders(begin, capture.stop, before, scanner.known)
            self.faults = capture.faults
            if not segment.is_last:
                del self.faults[scanner.ends_inside]

    def _decompressed(self) -> Iterator[PacketBlock]:
        capture = read_capture(self._segment.path)
        yield from capture
        self.faults, self.sha256 = capture.faults, capture.sha256
        if capture.marks:
            self.borders = Borders(0, capture.marks[-1].position, b"", b"")


class Section:
    """The bytes of an open file up to the end of a segment."""

    sha256 = ""

    def __init__(self, file: BufferedReader, segment: Segment) -> None:
        self.name, self.n_bytes = segment.path.name, 0
        self.faults: Counter[str] = Counter()
        self._file, self._end = file, segment.end

    def fill(self, view: memoryview) -> int:
        """Write the next bytes into the view, as many as there are."""
        done = 0
        while done < len(view) and (room := min(len(view) - done, self._end - self._file.tell())) > 0:
            n = self._file.readinto(view[done : done + room])
            if not n:
                break
            done += n
        return done

    def finish(self) -> None:
        """There is no more to know."""

    def close(self) -> None:
        """Who opened it closes it."""


def _scanner(head: bytes) -> PcapScanner | PcapngScanner | None:
    if int.from_bytes(head[:4], "little") in VARIANTS or int.from_bytes(head[:4], "big") in VARIANTS:
        return PcapScanner(head)
    if int.from_bytes(head[:4], "little") == SECTION and head[8:12] in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
        return PcapngScanner()
    return None


def _first_record(scanner: PcapScanner | PcapngScanner, file: BufferedReader, segment: Segment) -> int:
    """The first byte of the record that ends behind the beginning of a segment; -1: none is sure."""
    first = FILE_HEADER_BYTES + scanner.more_header_bytes if isinstance(scanner, PcapScanner) else 0
    if segment.begin == 0:
        return first
    file.seek(first)
    opening = np.frombuffer(file.read(BLOCK_BYTES), np.uint8)
    columns = empty_columns(1)
    if not scanner.scan(opening, 0, len(opening), columns)[0]:  # so it knows what stands before the first packet
        return -1
    base = max(segment.begin - BACK_BYTES, first)
    file.seek(base)
    window = np.frombuffer(file.read(segment.begin - base + BACK_BYTES), np.uint8)
    sizes = scanner.sizes(window, int(columns[3][0]))
    at_end = base + len(window) >= segment.path.stat().st_size
    tried = [0] if base == first else np.flatnonzero(sizes[:TRIED_BYTES]).tolist()
    for start in tried:
        if (found := _chain(sizes, start, segment.begin - base, at_end=at_end)) >= 0:
            return base + found
    return -1


def _chain(sizes: Ints, start: int, border: int, *, at_end: bool) -> int:
    """Where the record begins that ends behind the border, in a chain from `start`; -1: there is no chain."""
    pos, found, ahead = start, -1, 0
    while pos < len(sizes) and ahead < AHEAD_RECORDS:
        size = int(sizes[pos])
        if size == 0:
            cut = at_end or pos + MAX_CAPTURED > len(sizes)  # the window, or the file, ends inside this record
            return found if cut and ahead else -1
        if pos + size > border:
            found, ahead = pos if found < 0 else found, ahead + 1
        pos += size
    return found
