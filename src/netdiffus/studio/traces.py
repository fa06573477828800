"""A table of traces in Parquet, read page by page: never more than the row groups that a page lies in."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from netdiffus.arrays import Ints
from netdiffus.errors import InputError
from netdiffus.store.dataset import TRACES
from netdiffus.traffic.traces import CHANNELS, channel_names

KNOWN = 8
"""Tables and labels of which what was counted is kept."""
SPAN = 1 << 16
"""Rows that are read together, at most."""
ACTION = "choose another table"


@dataclass(frozen=True)
class Page:
    """Some traces: their rows in the file, and how many there are in all that fit."""

    rows: list[int]
    traces: pl.DataFrame
    total: int


@dataclass
class TraceTable:
    """A table of traces.

    Attributes:
        counts: label → traces, in the order of names.
        channels: those that it has.
    """

    path: Path
    counts: dict[str, int]
    channels: list[str]
    _rows: OrderedDict[str, Ints] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def total(self) -> int:
        """Traces of all labels."""
        return sum(self.counts.values())

    def page(self, number: int, size: int, label: str = "") -> Page:
        """The traces of a page, counted from 0; of one label, or of all.

        Raises:
            InputError: the file cannot be read.
        """
        total = self.counts.get(label, 0) if label else self.total
        rows = self._places(label, max(number, 0) * size, size)
        return Page(rows, self.rows(rows), total)

    def rows(self, rows: list[int]) -> pl.DataFrame:
        """Traces by their rows in the file, ascending.

        Raises:
            InputError: the file cannot be read, or has no such row.
        """
        parts, begin = [], 0
        while begin < len(rows):
            end = begin + 1
            while end < len(rows) and rows[end] - rows[begin] < SPAN:
                end += 1
            low = rows[begin]
            part = _collected(self._scan().slice(low, rows[end - 1] - low + 1))
            inside = [row - low for row in rows[begin:end]]
            if inside[-1] >= len(part):
                raise InputError("a trace of the table", f"row {rows[end - 1] + 1:,}", "choose one from the list")
            parts.append(part[inside])
            begin = end
        return pl.concat(parts) if parts else _collected(self._scan().head(0))

    def spread(self, most: int) -> pl.DataFrame:
        """Up to `most` traces from places spread evenly over the file, in runs of at least 64 rows."""
        if self.total <= most:
            return _collected(self._scan())
        runs = min(max(most // 64, 1), 32)
        starts = np.linspace(0, self.total - most // runs, runs).astype(int).tolist()
        return pl.concat([_collected(self._scan().slice(start, most // runs)) for start in starts])

    def _places(self, label: str, begin: int, size: int) -> list[int]:
        if not label:
            return list(range(min(begin, self.total), min(begin + size, self.total)))
        with self._lock:
            if label not in self._rows:
                labels = _collected(self._scan().select(pl.col("label") == label))["label"]
                self._rows[label] = np.flatnonzero(labels.fill_null(value=False).to_numpy())
                while len(self._rows) > KNOWN:
                    self._rows.popitem(last=False)
            self._rows.move_to_end(label)
            return [int(row) for row in self._rows[label][begin : begin + size]]

    def _scan(self) -> pl.LazyFrame:
        with self.path.open("rb") as file:  # of a path polars would take brackets and stars for a pattern
            scanned = pl.scan_parquet(file)
        fixed = [
            name for name in ("trace_id", "label", "split", "source", "start_ns", "n_packets") if name in self._names
        ]
        return scanned.select([*fixed, *self.channels])

    @property
    def _names(self) -> set[str]:
        with self.path.open("rb") as file:
            return set(pl.read_parquet_schema(file))


class TraceTables:
    """The tables that pages look at, by path; counted again when a file changes."""

    def __init__(self) -> None:
        self._known: OrderedDict[Path, tuple[object, TraceTable]] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, path: Path) -> TraceTable:
        """The traces of a dataset folder or a Parquet file.

        Raises:
            InputError: it is no table of traces.
        """
        file = path / TRACES if path.is_dir() else path
        try:
            status = file.stat()
        except OSError as error:
            raise InputError("a table of traces", f"{file.name}: {error.strerror}", ACTION) from None
        state = status.st_ino, status.st_size, status.st_mtime_ns
        with self._lock:
            known = self._known.get(file)
            if known is None or known[0] != state:
                self._known[file] = known = state, _opened(file)
            self._known.move_to_end(file)
            while len(self._known) > KNOWN:
                self._known.popitem(last=False)
            return known[1]


def _opened(file: Path) -> TraceTable:
    try:
        with file.open("rb") as opened:
            schema = pl.read_parquet_schema(opened)
    except (PolarsError, OSError) as error:
        raise InputError(f"a Parquet file at {file.name}", (str(error).splitlines() or [""])[0][:200], ACTION) from None
    channels = channel_names(pl.DataFrame(schema=schema))
    lists = [name for name in channels if schema[name] == pl.List(CHANNELS[name].dtype)]
    if not lists or schema.get("label") != pl.String:
        raise InputError("a table with labels and series", f"{file.name} with {', '.join(schema)[:100]}", ACTION)
    with file.open("rb") as opened:
        labels = _collected(pl.scan_parquet(opened).select(pl.col("label").fill_null("").value_counts(sort=False)))
    counts = labels.unnest("label").sort("label").iter_rows()
    return TraceTable(file, dict(counts), lists)


def _collected(frame: pl.LazyFrame) -> pl.DataFrame:
    try:
        return frame.collect()
    except (PolarsError, pl.exceptions.PanicException, OSError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError("a Parquet file that can be read", said, ACTION) from None
