"""Sources of a dataset read by a spread: small ones whole, large ones in segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

from netdiffus.steps.sources.captures import flow_options
from netdiffus.steps.sources.intake import Intake, Reading
from netdiffus.steps.sources.part import PartFile, PartRead, join, read_part
from netdiffus.steps.sources.segmented import Batch, Group, SegmentedSource, groups_of, read_batch, read_group
from netdiffus.store.cards import Source
from netdiffus.store.copies import mirrored
from netdiffus.store.parted import PartedWriter

LOOKS = 16
"""Sources that are looked at at a time, for how large they are."""


def read_all(
    parts: Sequence[PartFile], intake: Intake, reading: Reading, writer: PartedWriter
) -> Iterator[tuple[Source, float]]:
    """Read every source, in their order; yields what the card says of it, and the seconds.

    Raises:
        InputError: as reading a source does.
    """
    segmented = _segmented(parts, reading, writer)
    pieces: list[PartFile | Batch] = []
    ends: list[int] = []
    for part in parts:
        source = segmented.get(part.number)
        pieces += [replace(part, place=len(pieces))] if source is None else source.batches(len(pieces))
        ends.append(len(pieces))
    reads = writer.spread(partial(_read, writer.folder, reading), pieces)
    done = 0
    for part, end in zip(parts, ends, strict=True):
        lost, seconds, found = Counter[str](), 0.0, None
        for _ in range(done, end):
            read = next(reads)
            join(intake, writer, read, reading)
            lost += read.lost
            seconds += read.seconds
            found = read.source
        done = end
        yield found or segmented[part.number].source(intake, reading, lost), seconds


def _segmented(parts: Sequence[PartFile], reading: Reading, writer: PartedWriter) -> dict[int, SegmentedSource]:
    """The sources, by number, whose segments were read and joined."""
    with ThreadPoolExecutor(LOOKS) as pool:  # a store takes its time to answer
        found = pool.map(partial(groups_of, reading=reading), parts)
        groups = {part.number: each for part, each in zip(parts, found, strict=True)}
    if not any(groups.values()):
        return {}
    with mirrored(writer.folder) as local:  # what is joined there is sent from there
        return _joined(parts, groups, reading, writer, local)


def _joined(
    parts: Sequence[PartFile], groups: dict[int, list[Group]], reading: Reading, writer: PartedWriter, local: Path
) -> dict[int, SegmentedSource]:
    reads = writer.spread(partial(read_group, writer.folder, flow_options(reading.config)), chain(*groups.values()))
    found = {}
    for part in parts:
        source = SegmentedSource.of(part, writer.folder, local, reading)
        for _ in groups[part.number]:
            source.add(next(reads))
        if groups[part.number] and source.finish():
            found[part.number] = source
    return found


def _read(folder: Path, reading: Reading, piece: PartFile | Batch) -> PartRead:
    with mirrored(folder) as local:
        return (
            read_batch(folder, local, reading, piece) if isinstance(piece, Batch) else read_part(local, reading, piece)
        )
