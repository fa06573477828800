"""A table of labels: which files, which ends of a flow and which times have which label.

Columns: label, and any of file, protocol, client, client_port, server, server_port, start, end, start_ns, end_ns. A row
is for the flows that all its cells fit; an empty cell fits every flow. Client and server may stand either way round.
`file` is a file name, with or without suffixes, or the end of a path. A flow begins from `start` to `end`, both
inclusive: ISO 8601 (UTC where no offset is given) or seconds since 1970; start_ns and end_ns are nanoseconds. Where
several rows fit, the one that starts latest counts, and of those the first.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import polars as pl

from netdiffus.errors import InputError
from netdiffus.text import as_text
from netdiffus.traffic.csvcells import bare
from netdiffus.traffic.sourcenames import bare_name

TUPLE = ("protocol", "client", "client_port", "server", "server_port")
TIMES = ("start", "end", "start_ns", "end_ns")
COLUMNS = ("file", *TUPLE, *TIMES)
_SWAPPED = {"client": "server", "server": "client", "client_port": "server_port", "server_port": "client_port"}
_NUMBERS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "132": "sctp"}
_FIRST, _LAST = -(2**63), 2**63 - 1


@dataclass
class MapLabels:
    """Labels from a table; flows that no row fits get null and are left out by whoever asked.

    Attributes:
        table: label, COLUMNS without start and end, and row; null fits every flow.
        used: the rows that fitted a flow so far.
        files: the sources that were asked about.
    """

    table: pl.DataFrame
    used: set[int] = field(default_factory=set)
    files: list[Path] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> MapLabels:
        """The table in a CSV file.

        Raises:
            InputError: no such file, no such columns, or a cell that cannot be read.
        """
        if not path.is_file():
            raise InputError("'folder', 'file' or a CSV table for --labels", str(path), "name an existing table")
        try:
            with path.open("rb") as file:
                table = pl.read_csv(file, infer_schema=False)
        except pl.exceptions.PolarsError as error:
            raise InputError(f"a CSV table in {path}", str(error).splitlines()[0], "check the file") from None
        table = table.rename({name: name.strip() for name in table.columns})
        if "label" not in table.columns or not set(COLUMNS) & set(table.columns):
            raise InputError(
                f"the columns file,label or {','.join(TUPLE)},label in {path}",
                ",".join(table.columns),
                "add the header line",
            )
        cells = bare(
            table.select(
                pl.col(name).str.strip_chars().replace("", None)
                for name in ("label", *COLUMNS)
                if name in table.columns
            )
        )
        unlabelled = cells["label"].null_count()
        if unlabelled:
            raise InputError(f"a label in every row of {path}", f"{unlabelled} rows without", "add it")
        return cls(_readable(cells, path).with_row_index("row"))

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


def _readable(cells: pl.DataFrame, path: Path) -> pl.DataFrame:
    """The cells as flows have them: addresses in their shortest form, protocols by name, times in nanoseconds."""
    columns: dict[str, list[str | None]] = {
        name: cells[name].to_list() if name in cells.columns else [None] * len(cells) for name in COLUMNS
    }
    for name in TUPLE:
        columns[name] = [None if cell is None else _part(name, cell, path) for cell in columns[name]]
    starts = [
        _time(a or b, a is not None, _FIRST, path) for a, b in zip(columns["start_ns"], columns["start"], strict=True)
    ]
    ends = [_time(a or b, a is not None, _LAST, path) for a, b in zip(columns["end_ns"], columns["end"], strict=True)]
    return pl.DataFrame(
        {"label": cells["label"], **{name: pl.Series(columns[name], dtype=pl.String) for name in ("file", *TUPLE)}}
    ).with_columns(pl.Series("start_ns", starts, dtype=pl.Int64), pl.Series("end_ns", ends, dtype=pl.Int64))


def _part(name: str, cell: str, path: Path) -> str:
    """A protocol, an address or a port as flows write it."""
    try:
        if name == "protocol":
            return _NUMBERS.get(cell, cell.lower())
        if name.endswith("_port"):
            port = int(cell)
            if not 0 <= port < 65536:
                raise ValueError
            return str(port)
        return str(ipaddress.ip_address(cell))
    except ValueError:
        what = "a port from 0 to 65535" if name.endswith("_port") else "an IPv4 or IPv6 address"
        raise InputError(
            f"{what} in the column {name} of {path}", repr(cell), "correct it, or leave it empty"
        ) from None


def _time(cell: str | None, is_ns: bool, default: int, path: Path) -> int:
    """A time in nanoseconds since 1970."""
    if cell is None:
        return default
    try:
        try:
            ns = int(Decimal(cell) * (1 if is_ns else 10**9))
        except InvalidOperation:
            moment = datetime.fromisoformat(cell)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            since = moment - datetime(1970, 1, 1, tzinfo=UTC)
            ns = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000
        if (is_ns and not cell.lstrip("-").isdigit()) or not _FIRST <= ns <= _LAST:
            raise ValueError
    except (ValueError, OverflowError):
        said = "whole nanoseconds" if is_ns else "ISO 8601 or seconds since 1970"
        raise InputError(f"a time ({said}) in {path}", repr(cell), "correct it, or leave it empty") from None
    return ns
