"""Large captures, and those of a tap, read in segments by many tasks, and joined."""

from __future__ import annotations

import secrets
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from netdiffus.steps.sources.captures import add_batch, finish_capture, flow_options, least_packets
from netdiffus.steps.sources.choice import kind_of
from netdiffus.steps.sources.intake import Intake, Reading
from netdiffus.steps.sources.part import PartFile, PartRead, read_apart
from netdiffus.store.cards import Source
from netdiffus.store.copies import fetched, mirrored, ranges_of
from netdiffus.store.objects import is_object, sha256_of, shown, size_of
from netdiffus.store.parted import WAITING
from netdiffus.traffic.flows import gathered, joined
from netdiffus.traffic.flows.joined import Joined, NotJoinedError
from netdiffus.traffic.flows.reader import BATCH_BYTES
from netdiffus.traffic.flows.seen import CaptureSummary, summary_of
from netdiffus.traffic.flows.segments import FlowOptions, SegmentRead, read_segment
from netdiffus.wire.files.rotation import hash_of_files, name_of
from netdiffus.wire.files.segments import HEAD_BYTES, Segment, segments_of
from netdiffus.wire.files.segments import ranges_of as ranges_read

SEGMENT_BYTES = BATCH_BYTES
"""Of a capture that are read at once; FlowReader hands out flows at the same places."""


@dataclass(frozen=True)
class Group:
    """Segments that one task reads, with their numbers in their source; and files of which it takes the hash."""

    source: int
    segments: list[tuple[int, Segment]] = field(default_factory=list)
    hashes: list[Path] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Where it begins: messages name it."""
        return self.segments[0][1].path if self.segments else self.hashes[0]


@dataclass(frozen=True)
class GroupRead:
    """What a group gave: what is known of its segments, and hashes by file."""

    segments: list[tuple[int, Path, SegmentRead]]
    hashes: dict[Path, str]


def groups_of(part: PartFile, reading: Reading) -> list[Group]:
    """The groups of segments of a source; none where one task reads it all."""
    paths = [part.path, *part.file.more]
    if kind_of(part.path, reading.config) != "capture" or reading.config.bin_ns:
        return []
    try:
        sizes = [size_of(path) for path in paths]
        if min(sizes) < 0 or (len(paths) == 1 and sizes[0] <= SEGMENT_BYTES):
            return []
        found = [_segments(path) for path in paths]
    except OSError:  # reading it tells
        return []
    if not all(found) or sum(map(len, found)) < 2:
        return []
    groups, room, number = list[Group](), 0, 0
    for path, n_bytes, segments in zip(paths, sizes, found, strict=True):
        if len(segments) > 1:
            groups.append(Group(part.number, hashes=[path]))
            room = 0
        for segment in segments:
            size = (segment.end if segment.end >= 0 else n_bytes) - segment.begin
            if size > room:
                groups.append(Group(part.number))
                room = SEGMENT_BYTES
            room -= size
            groups[-1].segments.append((number, segment))
            number += 1
        if len(segments) == 1 and segments[0].end >= 0:
            groups[-1].hashes.append(path)
    return groups if sum(bool(group.segments) for group in groups) > 1 else []


def _segments(path: Path) -> list[Segment]:
    with ranges_of(path, [(0, HEAD_BYTES)]) as read:
        return [segment._replace(path=path) for segment in segments_of(read, SEGMENT_BYTES)]


def read_group(folder: Path, options: FlowOptions, group: Group) -> GroupRead:
    """Read segments into arrays beside the dataset in the making."""
    with mirrored(folder) as local:
        return _read_group(local, options, group)


def _read_group(folder: Path, options: FlowOptions, group: Group) -> GroupRead:
    found = []
    for number, segment in group.segments:
        target = arrays_of(folder, group.source, number)
        temporary = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
        with fetched(segment.path) if segment.end < 0 else ranges_of(segment.path, ranges_read(segment)) as path:
            read = read_segment(segment._replace(path=path), options, temporary)
        try:
            temporary.rename(target)
        except OSError:  # read before, by a task whose machine died
            if not target.is_dir():
                raise
            shutil.rmtree(temporary, ignore_errors=True)
        found.append((number, segment.path, read))
    return GroupRead(found, {path: sha256_of(path) for path in group.hashes})


def arrays_of(folder: Path, source: int, segment: int) -> Path:
    """Where the arrays of a segment of a source are."""
    return folder / WAITING / "segments" / f"{source:06}" / f"{segment:06}"


@dataclass
class SegmentedSource:
    """A source whose segments are joined.

    Attributes:
        folder: of the dataset in the making. local: the same on this machine (store/copies.py, mirrored).
        why: it cannot be joined, and is read as a whole; "": it can.
    """

    part: PartFile
    folder: Path
    local: Path
    joined: Joined
    hashes: dict[Path, str] = field(default_factory=dict)
    why: str = ""

    @classmethod
    def of(cls, part: PartFile, folder: Path, local: Path, reading: Reading) -> SegmentedSource:
        """Before its first segment."""
        batches = arrays_of(local, part.number, 0).with_name("batches")
        joined = Joined(flow_options(reading.config), least_packets(reading), SEGMENT_BYTES, batches)
        if is_object(part.path):
            part = replace(part, file=part.file._replace(uri=shown(part.path)))
        return cls(part, folder, local, joined)

    def add(self, read: GroupRead) -> None:
        """The next segments."""
        self.hashes |= read.hashes
        for number, path, segment in read.segments:
            if self.why:
                return
            if segment.sha256:
                self.hashes[path] = segment.sha256
            try:
                with fetched(arrays_of(self.folder, self.part.number, number), *joined.READS) as arrays:
                    self.joined.add(number, path, segment, arrays)
            except NotJoinedError as error:
                self.why = str(error)

    def finish(self) -> bool:
        """Whether all segments are joined."""
        if not self.why:
            self.joined.finish()
        return not self.why

    def batches(self, first: int) -> list[Batch]:
        """The flows in batches, at least one, numbered from `first` on."""
        found = [self.folder / file.relative_to(self.local) for file in self.joined.batches]
        files: Sequence[Path | None] = found or [None]
        return [
            Batch(replace(self.part, place=first + k), file, numbered, goes_on=k > 0)
            for k, (file, numbered) in enumerate(zip(files, self.joined.numbered or [0], strict=True))
        ]

    def source(self, intake: Intake, reading: Reading, lost: Counter[str]) -> Source:
        """What the card says of it, when all batches are read."""
        return finish_capture(intake, self.part.file, reading, self._summary(), lost)

    def _summary(self) -> CaptureSummary:
        paths = [self.part.path, *self.part.file.more]
        hashes = [self.hashes[path] for path in paths]
        whole = hashes[0] if len(paths) == 1 else hash_of_files(hashes)
        stored = _Stored(name_of(paths), whole, sum(map(size_of, paths)), self.joined.seen.faults)
        return summary_of(stored, self.joined.seen, (self.joined.flows, self.joined.short), self.joined.still)


@dataclass(frozen=True)
class _Stored:
    """Files as they are stored."""

    name: str
    sha256: str
    n_bytes: int
    faults: Counter[str]


@dataclass(frozen=True)
class Batch:
    """Flows of a source that become traces together.

    Attributes:
        file: one of Joined.batches; None: there are no flows. numbered: flows of the source in those before.
    """

    part: PartFile
    file: Path | None
    numbered: int
    goes_on: bool

    @property
    def path(self) -> Path:
        """The capture: messages name it."""
        return self.part.path


def read_batch(folder: Path, local: Path, reading: Reading, batch: Batch) -> PartRead:
    """Flows of segments as traces.

    Args:
        folder: the dataset in the making, in which the segments wait. local: where the traces go: to it, or its mirror.
    """

    def read(intake: Intake, apart: Reading) -> tuple[None, Counter[str]]:
        if batch.file is None:
            return None, Counter()
        with fetched(batch.file) as file:
            arrays = partial(_fetched_arrays, folder, batch)
            flows = gathered.gathered(file, arrays, flow_options(reading.config))
        return None, add_batch(intake, batch.part.file, apart, flows, 0)

    return replace(read_apart(local, reading, batch.part, read, batch.numbered), goes_on=batch.goes_on)


def _fetched_arrays(folder: Path, batch: Batch, number: int) -> AbstractContextManager[Path]:
    """The arrays of a segment of the batch's source."""
    return fetched(arrays_of(folder, batch.part.number, number), *gathered.READS)
