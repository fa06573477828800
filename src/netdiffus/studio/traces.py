"""A table of traces in Parquet files, read page by page: never more than the row groups that a page lies in."""

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
from netdiffus.store.dataset import TRACES, files_of, scanned
from netdiffus.traffic.traces import CHANNELS, channel_names

KNOWN = 8
"""Tables and labels of which what was counted is kept."""
SPAN = 1 << 16
"""Rows that are read together, at most."""
ACTION = "choose another table"


@dataclass(frozen=True)
class Page:
    """Some traces: their rows in the table, and how many there are in all that fit."""

    rows: list[int]
    traces: pl.DataFrame
    total: int


@dataclass
class TraceTable:
    """A table of traces.

    Attributes:
        path: the file, or the folder of a dataset. files: that hold the rows, in their order.
        counts: label → traces, in the order of names.
        channels: those that it has. names: of all columns.
    """

    path: Path
    files: list[Path]
    counts: dict[str, int]
    channels: list[str]
    names: set[str]
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
        """Traces by their rows in the table, ascending.

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
        """Up to `most` traces from places spread evenly over the table, in runs of at least 64 rows."""
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
        fixed = ("trace_id", "label", "split", "source", "start_ns", "n_packets")
        return scanned(self.files).select([*(name for name in fixed if name in self.names), *self.channels])


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
        files = (files_of(path, TRACES) or [path / TRACES]) if path.is_dir() else [path]
        state = [_state(file) for file in files]
        with self._lock:
            known = self._known.get(path)
            if known is None or known[0] != state:
                self._known[path] = known = state, _opened(path, files)
            self._known.move_to_end(path)
            while len(self._known) > KNOWN:
                self._known.popitem(last=False)
            return known[1]


def _state(file: Path) -> tuple[int, int, int]:
    """What tells a file from the same one written later."""
    try:
        status = file.stat()
    except OSError as error:
        raise InputError("a table of traces", f"{file.name}: {error.strerror}", ACTION) from None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _opened(path: Path, files: list[Path]) -> TraceTable:
    schemas = [_schema(file) for file in files]
    schema = schemas[0]
    if any(other != schema for other in schemas):
        raise InputError("parts with the same columns", f"others in {path.name}", ACTION)
    channels = channel_names(pl.DataFrame(schema=schema))
    lists = [name for name in channels if schema[name] == pl.List(CHANNELS[name].dtype)]
    if not lists or schema.get("label") != pl.String:
        raise InputError("a table with labels and series", f"{files[0].name} with {', '.join(schema)[:100]}", ACTION)
    labels = _collected(scanned(files).select(pl.col("label").fill_null("").value_counts(sort=False)))
    counts = labels.unnest("label").sort("label").iter_rows()
    return TraceTable(path, files, dict(counts), lists, set(schema))


def _schema(file: Path) -> dict[str, pl.DataType]:
    try:
        with file.open("rb") as opened:
            return dict(pl.read_parquet_schema(opened))
    except (PolarsError, OSError) as error:
        raise InputError(f"a Parquet file at {file.name}", (str(error).splitlines() or [""])[0][:200], ACTION) from None


def _collected(frame: pl.LazyFrame) -> pl.DataFrame:
    try:
        return frame.collect()
    except (PolarsError, pl.exceptions.PanicException, OSError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError("a Parquet file that can be read", said, ACTION) from None
