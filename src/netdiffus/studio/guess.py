"""What `prepare` would make of sources: the label of each file, the first rows of tables, and their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import polars as pl

from netdiffus.errors import InputError
from netdiffus.studio.workspace import Workspace
from netdiffus.text import as_text
from netdiffus.traffic.labels.columns import COLUMNS as LABEL_COLUMNS
from netdiffus.traffic.labels.columns import label_columns
from netdiffus.traffic.labels.rules import FileLabels, FolderLabels, is_capture_name
from netdiffus.traffic.tables.columns import KNOWN, find_columns, parse_columns
from netdiffus.traffic.tables.files import TABLE_SUFFIXES, is_table_name

ROWS, COLUMNS, FILES, CELL = 5, 12, 40, 40
"""Of a preview; characters of a cell."""
HEAD_BYTES = 1 << 20
MOST_CAPTURES = 1000
ALIASES = {
    "pl": "size", "packet_length": "size", "length": "size", "len": "size", "bytes": "size", "dir": "direction",
    "iat": "gap_us", "time": "time_s", "timestamp": "time_s", "class": "label", "app": "label", "application": "label",
    "category": "label", "session": "group", "flow": "trace_id",
}  # fmt: skip
"""What columns of other tables are often called, in lower case."""


@dataclass(frozen=True)
class Table:
    """The head of a table.

    Attributes:
        columns: name, and what it is taken for ("" for nothing).
        columns_option: `--columns` as guessed; "" if none is needed.
        error: why it cannot be prepared as it is; "" if it can.
    """

    name: str
    columns: list[tuple[str, str]]
    rows: list[list[str]]
    columns_option: str = ""
    error: str = ""


@dataclass(frozen=True)
class Guess:
    """What is known of the sources before they are prepared.

    Attributes:
        labels: the rule that fits: "folder", "file", "table", "unlabelled", or "" for tables.
        files: name and label of captures by the rule that is chosen.
        label_table: the table of labels that was chosen.
    """

    labels: str
    files: list[tuple[str, str]] = field(default_factory=list)
    more: int = 0
    tables: list[Table] = field(default_factory=list)
    label_table: Table | None = None


def guess(space: Workspace, sources: Sequence[str], form: Mapping[str, Sequence[str]]) -> Guess:
    """Look at the sources that are chosen.

    Raises:
        InputError: one of them is not in the workspace.
    """
    paths = [space.path(name) for name in sources if name]
    captures = [capture for path in paths for capture in _captures(path)]
    chosen = next(iter(form.get("labels", ())), "") or _rule(captures)
    rules = {"folder": FolderLabels.name, "file": FileLabels.name}
    label_of = rules.get(chosen, lambda path: "unlabelled" if chosen == "unlabelled" else "by the table")
    files = [(as_text(space.name(path)), label_of(path)) for path in captures[:FILES]]
    columns = next(iter(form.get("columns", ())), "")
    tables = [_table(path, columns) for path in paths if is_table_name(path)][:4]
    named = next(iter(form.get("labels_table", ())), "")
    label_table = _label_table(space.path(named)) if chosen == "table" and named else None
    return Guess(chosen, files, max(len(captures) - FILES, 0), tables, label_table)


def _captures(path: Path) -> list[Path]:
    """A capture, or the first of those below a folder."""
    if path.is_dir():
        return list(islice((below for below in sorted(path.rglob("*")) if is_capture_name(below)), MOST_CAPTURES))
    return [path] if is_capture_name(path) else []


def _rule(captures: Sequence[Path]) -> str:
    """By folder if captures lie in several folders, by file if in one."""
    if not captures:
        return ""
    return "folder" if len({path.parent for path in captures}) > 1 else "file"


def _table(path: Path, columns: str) -> Table:
    name = as_text(path.name)
    try:
        head = _head(path)
    except (InputError, pl.exceptions.PolarsError, OSError) as error:
        return Table(name, [], [], error=(str(error).splitlines() or [""])[0][:300])
    guessed = columns or _option(head.columns)
    taken: dict[str, str] = {}
    wrong = ""
    try:
        known = find_columns(head, parse_columns(guessed))
    except InputError as refused:
        wrong = str(refused)
    else:
        taken = {column: name for name, column in known.one.items()}
        taken |= {column: name for name, wide in known.wide.items() for column in wide}
        wrong = "" if "label" in known.one else "no column of labels; name it: label=COLUMN"
    shown = [(column, taken.get(column, "")) for column in head.columns[:COLUMNS]]
    return Table(name, shown, _cells(head), "" if columns else guessed, wrong)


def _label_table(path: Path) -> Table:
    try:
        head = _head(path)
        taken = {column: known for known, column in label_columns(head.columns, path.name).items()}
    except (InputError, pl.exceptions.PolarsError, OSError) as error:
        return Table(as_text(path.name), [], [], error=(str(error).splitlines() or [""])[0][:300])
    return Table(
        as_text(path.name), [(column, taken.get(column, "")) for column in head.columns[:COLUMNS]], _cells(head)
    )


def _head(path: Path) -> pl.DataFrame:
    """The first rows of a table; of a text no more than its first bytes are read."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        with path.open("rb") as file:
            return pl.scan_parquet(file).head(ROWS).collect()
    if suffix not in (".csv", ".jsonl"):
        raise InputError(
            f"a table to look into ({', '.join(TABLE_SUFFIXES[:3])})", as_text(path.name), "prepare it as it is"
        )
    with path.open("rb") as file:
        raw = file.read(HEAD_BYTES)
    lines = raw.splitlines(keepends=True)[: ROWS + 1]
    text = b"".join(line for line in lines if line.endswith((b"\n", b"\r")) or len(raw) < HEAD_BYTES)
    if not text.strip():
        raise InputError("a table with rows", f"{as_text(path.name)} without", "choose another")
    if suffix == ".jsonl":
        return pl.read_ndjson(text)
    first = text.splitlines()[0]
    separator = max((b",", b";", b"\t"), key=first.count).decode()
    return pl.read_csv(text, infer_schema=False, separator=separator, encoding="utf8-lossy", truncate_ragged_lines=True)


def _option(columns: Sequence[str]) -> str:
    """`--columns` for names that are often used; "" if there is nothing to say."""
    there = {column.strip() for column in columns}
    found: dict[str, str] = {}
    for column in columns:
        known = ALIASES.get(column.strip().lower())
        if known and known not in there and known not in found and column.strip() not in (*KNOWN, *LABEL_COLUMNS):
            found[known] = column.strip()
    return ",".join(f"{known}={column}" for known, column in found.items())


def _cells(head: pl.DataFrame) -> list[list[str]]:
    rows = head.head(ROWS).select(head.columns[:COLUMNS]).iter_rows()
    return [[_short(str(cell)) for cell in row] for row in rows]


def _short(text: str) -> str:
    return text if len(text) <= CELL else text[: CELL - 1] + "…"
