"""What the sources of a dataset gave so far: rows go to the writer at once, what the split needs stays here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from netdiffus.errors import InputError
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.traffic import split as splitting
from netdiffus.traffic.labels.account import LabelAccount
from netdiffus.traffic.labels.rules import Labels
from netdiffus.traffic.payload.tally import Tally
from netdiffus.traffic.traces import channel_names
from netdiffus.traffic.zero_gaps import ZeroGaps

IDS_OF_SOURCE = 10**10
"""Trace ids of one source; those of the next begin behind them, so that each is numbered without knowing the others."""


class Adder(Protocol):
    """Takes frames in order."""

    def add(self, frame: pl.DataFrame) -> None:
        """The next rows."""


class Taker(Protocol):
    """Takes the traces and the packets of sources."""

    @property
    def traces(self) -> Adder:
        """Takes rows of traces.parquet, still without a split."""

    @property
    def packets(self) -> Adder:
        """Takes rows of packets.parquet."""


@dataclass(frozen=True)
class Reading:
    """How sources are read.

    Attributes:
        rule: what labels them. key: what their addresses are mapped by; None: they stay.
        alone: whether there is one source only.
    """

    config: PrepareConfig
    rule: Labels
    key: bytes | None
    alone: bool


@dataclass
class Intake:
    """What came in.

    Attributes:
        writer: takes traces and packets. rows: how many traces were numbered, of all sources; some may be left out.
        first_id: the trace id of row 0, if it were of the source that is read now.
        capture: the number of the source that is read now, where it is read in parts.
        rest: label, group, key and split of each trace. notes: how sources were read.
        tally: what their payload says, if that is wanted.
        ends: rows of ENDS of each flow, where all packets of captures are kept.
        side: of the sources that are read now: "train" or "test"; None: it is drawn.
    """

    writer: Taker
    rows: int = 0
    first_id: int = 0
    capture: int = 0
    channels: list[str] = field(default_factory=list)
    rest: list[pl.DataFrame] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ends: list[pl.DataFrame] = field(default_factory=list)
    side: str | None = None
    account: LabelAccount = field(default_factory=LabelAccount)
    zero_gaps: ZeroGaps = field(default_factory=ZeroGaps)
    tally: Tally = field(default_factory=Tally)

    def begin(self, source: int, numbered: int = 0) -> None:
        """Traces of a source follow, so many of which were numbered before."""
        self.first_id = source * IDS_OF_SOURCE + numbered - self.rows

    def add(self, traces: pl.DataFrame, groups: pl.Series) -> None:
        """Traces (conform) in order, whose trace_id is their row.

        Rows of one group stay on one side of the split, unless the source says which.

        Raises:
            InputError: they have other channels than those before.
        """
        names = channel_names(traces)
        self.take_channels(names)
        self.zero_gaps.add(traces)
        self.writer.traces.add(traces.with_columns(pl.col("trace_id") + self.first_id))
        said = splitting.given(traces["split"], self.side or "")
        self.rest.append(pl.DataFrame([traces["label"], groups.alias("group"), splitting.keys(traces, names), said]))

    def take_channels(self, names: list[str]) -> None:
        """Raise InputError if traces with these channels do not go with those before."""
        if self.channels and names != self.channels:
            raise InputError(
                "sources with the same channels",
                " and ".join(sorted("+".join(kind) for kind in (names, self.channels))),
                "prepare them apart",
            )
        self.channels = names
