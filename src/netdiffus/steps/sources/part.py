"""One source of a dataset read apart from the others, and what it gave joined to what those before it gave.

Rows begin at 0 in every source that is read apart, and so do the names of groups that are made of them, and the rows
of the tally. Joining them in the order of the sources gives what reading them one after another gives.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from netdiffus.steps.sources.choice import read_source
from netdiffus.steps.sources.find import SourceFile
from netdiffus.steps.sources.intake import Intake, Reading
from netdiffus.store.cards import Source
from netdiffus.store.parted import PartedWriter, SourceWriter
from netdiffus.traffic.labels.rules import MapLabels

NUMBERED = r"^(trace|series) (\d+)"
"""How the name of a group begins that is made of a row."""


@dataclass(frozen=True)
class PartFile:
    """A source, its number among all of them, its side of the split, if it has one.

    Attributes:
        place: the number of its own files in the dataset, where it is read apart.
    """

    file: SourceFile
    number: int
    side: str | None
    place: int = 0

    @property
    def path(self) -> Path:
        """Where it lies: messages name it."""
        return self.file.path


@dataclass(frozen=True)
class PartRead:
    """What a source gave, but for the rows that wait in files.

    Attributes:
        place: the number of its files in the dataset.
        source: None: it is a part of one, which lost some flows, and begins or goes on with a source.
        intake: without its writer. rule: that labelled it, with the rows of a table that did.
    """

    place: int
    source: Source | None
    intake: Intake
    rule: MapLabels | None
    seconds: float
    lost: Counter[str] = field(default_factory=Counter)
    goes_on: bool = False


def read_part(folder: Path, reading: Reading, part: PartFile) -> PartRead:
    """Read a source into its own files of the dataset folder in the making.

    Raises:
        InputError: as reading it in place does.
    """
    return read_apart(folder, reading, part, lambda intake, apart: (read_source(intake, part.file, apart), Counter()))


def read_apart(
    folder: Path,
    reading: Reading,
    part: PartFile,
    read: Callable[[Intake, Reading], tuple[Source | None, Counter[str]]],
    numbered: int = 0,
) -> PartRead:
    """What `read` gives, in files of its own of the dataset folder in the making.

    Args:
        numbered: traces of the source that were numbered before.
    """
    began = time.perf_counter()
    writer = SourceWriter(folder, part.place)
    try:
        intake = Intake(writer, side=part.side)
        intake.begin(part.number, numbered)
        rule = reading.rule
        if isinstance(rule, MapLabels):  # the same one may have labelled another source before
            rule = MapLabels(rule.table)
        source, lost = read(intake, Reading(reading.config, rule, reading.key, reading.alone))
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    intake.rest = [pl.concat(intake.rest)] if intake.rest else []
    intake.writer = NOWHERE
    seconds = time.perf_counter() - began
    return PartRead(part.place, source, intake, rule if isinstance(rule, MapLabels) else None, seconds, lost)


def join(intake: Intake, writer: PartedWriter, read: PartRead, reading: Reading) -> None:
    """Add what the next source gave.

    Raises:
        InputError: its traces have other channels than those before.
    """
    part, first = read.intake, intake.rows
    intake.capture = intake.capture if read.goes_on else first
    if part.channels:
        intake.take_channels(part.channels)
    intake.tally.merge(part.tally, sum(map(len, intake.rest)))
    intake.rest += [rest.with_columns(_renumbered(first)) for rest in part.rest]
    writer.sources.append((read.place, sum(map(len, part.rest))))
    intake.ends += [ends.with_columns(pl.col("capture") + intake.capture) for ends in part.ends]
    intake.rows += part.rows
    intake.notes += part.notes
    intake.account.add(part.account)
    intake.zero_gaps.merge(part.zero_gaps)
    if read.rule is not None and isinstance(reading.rule, MapLabels):
        reading.rule.used |= read.rule.used
        reading.rule.files += read.rule.files


def _renumbered(first: int) -> pl.Expr:
    """The names of groups as they are where the rows of the source begin at `first`."""
    group = pl.col("group")
    number = group.str.extract(NUMBERED, 2).cast(pl.Int64) + first
    named = pl.concat_str(group.str.extract(NUMBERED, 1), pl.lit(" "), number, group.str.replace(NUMBERED, ""))
    return pl.when(group.str.contains(NUMBERED)).then(named).otherwise(group).alias("group")


class _Nowhere:
    """Takes nothing more."""

    @property
    def traces(self) -> _Nowhere:
        """Takes no traces."""
        return self

    @property
    def packets(self) -> _Nowhere:
        """Takes no packets."""
        return self

    def add(self, frame: pl.DataFrame) -> None:
        """Always raises TypeError."""
        raise TypeError("this source was read to its end")


NOWHERE = _Nowhere()
