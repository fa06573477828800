"""A table of labels: which files, which ends of a flow and which times have which label.

Columns: label, and any of file, protocol, client, client_port, server, server_port, start, end, start_ns, end_ns. A row
is for the flows that all its cells fit; an empty cell fits every flow. Client and server may stand either way round.
`file` is a file name, with or without suffixes, or the end of a path. A flow begins from `start` to `end`, both
inclusive: ISO 8601 (UTC where no offset is given) or seconds since 1970; start_ns and end_ns are nanoseconds. Where
several rows fit, the one that starts latest counts, and of those the first.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from netdiffus.errors import InputError
from netdiffus.text import EDGES, as_text
from netdiffus.traffic.labels.account import LABEL_ROWS, LabelAccount
from netdiffus.traffic.labels.columns import COLUMNS, TUPLE, label_columns
from netdiffus.traffic.labels.names import bare_name
from netdiffus.traffic.labels.times import FIRST_NS, LAST_NS, TimeFormat, in_range
from netdiffus.traffic.tables.csv_cells import bare
from netdiffus.traffic.tables.files import read_text_columns

_SWAPPED = {"client": "server", "server": "client", "client_port": "server_port", "server_port": "client_port"}
_NUMBERS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "132": "sctp"}


@dataclass
class MapLabels:
    """Labels from a table; flows that no row fits get null and are left out by whoever asked.

    Attributes:
        table: label, COLUMNS without start and end, and row; null fits every flow.
        used: the rows that fitted a flow so far.
        files: the sources that were asked about.
        notes: how the table was read, for the user.
    """

    table: pl.DataFrame
    used: set[int] = field(default_factory=set)
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, times: TimeFormat | None = None) -> MapLabels:
        """The table in a CSV file.

        Args:
            times: how start and end are written; None: ISO 8601 or seconds since 1970, of UTC.

        Raises:
            InputError: no such file, no such columns, or a cell that cannot be read.
        """
        if not path.is_file():
            raise InputError("'folder', 'file' or a CSV table for --labels", str(path), "name an existing table")
        file = read_text_columns(path)
        columns = label_columns(file.frame.columns, str(path))
        written = (
            bare(file.frame)
            .select(pl.col(column).alias(name) for name, column in columns.items())
            .with_row_index("row")
        )
        notes = [file.note] if file.note else []
        cells = written.with_columns(
            pl.col(name).str.replace_all(EDGES, "").replace("", None) for name in ("label", *COLUMNS) if name in columns
        )
        used = cells.filter(~pl.all_horizontal(pl.col(name).is_null() for name in columns))
        used = used.filter(pl.any_horizontal(pl.col(name).ne_missing(columns[name].strip()) for name in columns))
        if len(used) < len(cells):
            notes.append(f"{path.name}: {len(cells) - len(used):,} rows are empty or repeat the header line")
        unlabelled = used.filter(pl.col("label").is_null())["row"]
        if len(unlabelled):
            got = f"{len(unlabelled)} rows without, the first in {file.place(unlabelled[0])}"
            raise InputError(f"a label in every row of {path}", got, "add it")
        notes += _blank_notes(path.name, written, used)
        table = _readable(used, path, file.place, times or TimeFormat())
        return cls(table.with_row_index("row"), notes=notes)

    def __call__(self, capture: Path, flows: pl.DataFrame) -> pl.Series:
        """One label a flow, or null."""
        self.files.append(capture)
        here = self.table.filter(
            pl.Series([_is_named(name, capture) for name in self.table["file"].to_list()], dtype=pl.Boolean)
        )
        keys = flows.select(
            pl.int_range(pl.len(), dtype=pl.UInt32).alias("flow"),
            *(pl.col(name).cast(pl.String) for name in TUPLE if name in flows.columns),
            (pl.col("start_ns") if "start_ns" in flows.columns else pl.lit(0, dtype=pl.Int64)).alias("begins_ns"),
        )
        given = pl.concat_list(pl.col(name).is_not_null() for name in TUPLE).alias("given")
        fits = [pl.DataFrame(schema={"flow": pl.UInt32, "row": pl.UInt32, "start_ns": pl.Int64})]
        for (pattern,), rows in here.group_by(given):
            named = [name for name, is_given in zip(TUPLE, pattern, strict=True) if is_given]
            if set(named) <= set(keys.columns):
                fits.append(_fitting(keys, rows, named))
                if set(named) & set(_SWAPPED):
                    fits.append(_fitting(keys, rows.rename(_SWAPPED), [_SWAPPED.get(name, name) for name in named]))
        best = (
            pl.concat(fits)
            .sort("start_ns", "row", descending=[True, False])
            .unique("flow", keep="first", maintain_order=True)
        )
        self.used.update(best["row"].to_list())
        labels = best.join(self.table.select("row", "label"), on="row")
        return keys.join(labels, on="flow", how="left", maintain_order="left")["label"]

    def unused(self) -> dict[str, int]:
        """Rows that named nothing that was there, in words with counts."""
        names = [(row, name) for row, name in self.table.select("row", "file").iter_rows() if name is not None]
        absent = {row for row, name in names if not any(_is_named(name, path) for path in self.files)}
        idle = set(self.table["row"].to_list()) - self.used - absent
        found = {
            "row of the labels names a file that no source has": len(absent),
            "row of the labels fits no flow": len(idle),
        }
        return {words: count for words, count in found.items() if count}

    def left_out(self) -> LabelAccount:
        """Every label of the table, and how many of its rows named nothing that was there."""
        account = LabelAccount()
        rows = self.table.with_columns(pl.col("row").is_in(list(self.used)).alias("used"))
        for label, count, used in rows.group_by("label").agg(pl.len(), pl.col("used").sum()).iter_rows():
            account.came(label, LABEL_ROWS, count)
            account.leave_out(label, LABEL_ROWS, {"the row fits no flow": count - used})
        return account


def _fitting(keys: pl.DataFrame, rows: pl.DataFrame, named: list[str]) -> pl.DataFrame:
    """Which rows fit which flows by the named columns and the time."""
    timed = rows.select("row", "start_ns", "end_ns", *named)
    pairs = keys.join(timed, on=named) if named else keys.join(timed, how="cross")
    inside = (pl.col("begins_ns") >= pl.col("start_ns")) & (pl.col("begins_ns") <= pl.col("end_ns"))
    return pairs.filter(inside).select("flow", "row", "start_ns")


def _is_named(name: str | None, path: Path) -> bool:
    """Whether a cell of the column file is for a source."""
    if name is None:
        return True
    wanted = Path(name).parts
    return tuple(map(as_text, path.parts[-len(wanted) :])) == wanted or name == bare_name(path)


def _blank_notes(name: str, written: pl.DataFrame, used: pl.DataFrame) -> list[str]:
    """Notes on labels with blanks at their ends; their rows are known by number."""
    both = used.select("row", "label").join(written.select("row", pl.col("label").alias("written")), on="row")
    odd = both.filter(pl.col("label") != pl.col("written"))
    return [
        f"{name}: label {before!r} has blanks at its ends; it is taken as {label!r}, in {count:,} rows"
        for before, label, count in odd.group_by("written", "label").len().sort("written").iter_rows()
    ]


def _readable(cells: pl.DataFrame, path: Path, place: Callable[[int], str], times: TimeFormat) -> pl.DataFrame:
    """The cells as flows have them: addresses in their shortest form, protocols by name, times in nanoseconds.

    Args:
        place: says where a row stands in the file.
    """
    columns = {"label": cells["label"], "file": _column(cells, "file", str, path, place, "")}
    for name in TUPLE:
        read, what = _PARTS[name]
        columns[name] = _column(cells, name, read, path, place, f"{what} in the column {name} of {path}")
    frame = pl.DataFrame(columns)
    for name, default in (("start", FIRST_NS), ("end", LAST_NS)):
        ns = _column(cells, f"{name}_ns", _whole_ns, path, place, f"a time (whole nanoseconds) in {path}")
        said = f"a time ({times.expected()}) in {path}"
        other = _column(cells, name, times.ns, path, place, said, times.advice)
        both = pl.Series(f"{name}_ns", [a if a is not None else b for a, b in zip(ns, other, strict=True)], pl.Int64)
        frame = frame.with_columns(both.fill_null(default))
    return frame


def _column(
    cells: pl.DataFrame,
    name: str,
    read: Callable[[str], object],
    path: Path,
    place: Callable[[int], str],
    expected: str,
    advice: Callable[[str], str] = lambda _: "correct it, or leave it empty",
) -> pl.Series:
    """A column of cells, each different one read once; null where a cell is empty or there is no such column.

    Raises:
        InputError: a cell that cannot be read, with its line.
    """
    kind = pl.Int64 if name.startswith(("start", "end")) else pl.String
    if name not in cells.columns:
        return pl.Series(name, [None] * len(cells), dtype=kind)
    known: dict[str | None, object] = {None: None}
    for cell in cells[name].unique(maintain_order=True).drop_nulls():
        try:
            known[cell] = read(cell)
        except (ValueError, OverflowError):
            line = place(cells.filter(pl.col(name) == cell)["row"][0])
            raise InputError(expected, f"{cell[:60]!r} in {line}", advice(cell)) from None
    return pl.Series(name, [known[cell] for cell in cells[name]], dtype=kind)


def _protocol(cell: str) -> str:
    return _NUMBERS.get(cell, cell.lower())


def _address(cell: str) -> str:
    return str(ipaddress.ip_address(cell))


def _port(cell: str) -> str:
    port = int(cell)
    if not 0 <= port < 65536:
        raise ValueError
    return str(port)


def _whole_ns(cell: str) -> int:
    if not cell.lstrip("-").isdigit():
        raise ValueError
    return in_range(int(cell))


_PARTS: dict[str, tuple[Callable[[str], str], str]] = {
    "protocol": (_protocol, "a protocol"),
    "client": (_address, "an IPv4 or IPv6 address"),
    "client_port": (_port, "a port from 0 to 65535"),
    "server": (_address, "an IPv4 or IPv6 address"),
    "server_port": (_port, "a port from 0 to 65535"),
}
"""How the cells of a column are read, and what stands in one."""
