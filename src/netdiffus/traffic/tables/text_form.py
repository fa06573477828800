"""How the text of a table is written: its encoding and what separates its cells, found by looking at it.

Text is UTF-8, or UTF-16 or UTF-32 with a byte order mark (UTF-16 also without one), or else Windows-1252. Cells are
separated by commas, semicolons, tabs or bars: by what the header line has most of.
"""

from __future__ import annotations

import codecs
import csv
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from netdiffus.errors import InputError

HEAD_BYTES, MOST_HEAD_BYTES = 1 << 16, 1 << 24
CHUNK_BYTES = 1 << 20
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ENCODING_NAMES = {
    "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "utf-32": "UTF-32", "cp1252": "Windows-1252",
}  # fmt: skip
AS_IT_IS = ("utf-8", "utf-8-sig")
"""Encodings that need no rewriting: readers skip the mark themselves."""


@dataclass(frozen=True)
class TextForm:
    """How the text of a file is written; numbers may have a decimal comma where cells are not separated by commas."""

    encoding: str = "utf-8"
    separator: str = ","
    decimal_comma: bool = False

    def __str__(self) -> str:
        """What a user should know of it; empty for UTF-8 separated by commas."""
        said = [ENCODING_NAMES[self.encoding]] if self.encoding in ENCODING_NAMES else []
        said += [f"cells separated by {SEPARATORS[self.separator]}"] if self.separator != "," else []
        return ", ".join(said + (["decimal commas"] if self.decimal_comma else []))


def text_form(path: Path) -> TextForm:
    """The form of a text file, as its beginning shows it; Windows-1252 may show later, see `rewritten`.

    Raises:
        InputError: the file is compressed.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        while len(head) < MOST_HEAD_BYTES and b"\n" not in head and (more := file.read(CHUNK_BYTES)):
            head += more
    if head.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b"PK\x03\x04")):
        raise InputError("a table of text", f"{path}, which is compressed", "decompress it first")
    return form_of(head)


def form_of(head: bytes) -> TextForm:
    """The form of text that begins so."""
    encoding = _encoding(head)
    lines = _decoded(head, encoding).splitlines()
    form = TextForm(encoding, _separator(lines[0] if lines else ""))
    return replace(form, decimal_comma=form.separator != "," and _has_decimal_commas(lines[1:], form.separator))


@contextmanager
def rewritten(path: Path, form: TextForm) -> Iterator[Path]:
    """The file as UTF-8: itself where it is, else a temporary file, which is made piece by piece.

    Raises:
        InputError: bytes that the encoding does not have, or lines in several encodings.
    """
    if form.encoding in AS_IT_IS:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="netdiffus-") as folder:
        copy = Path(folder) / f"utf-8{path.suffix}"
        with path.open("rb") as source, copy.open("wb") as target:
            if form.encoding == "cp1252":
                _check_one_encoding(source, path)
            _recode(source, target, form.encoding, path)
        yield copy


def header_cells(path: Path, form: TextForm) -> list[str]:
    """The cells of the first line."""
    with path.open(encoding=form.encoding, errors="replace", newline="") as file:
        try:
            return next(csv.reader([file.readline(MOST_HEAD_BYTES)], delimiter=form.separator), [])
        except csv.Error:  # e.g. a cell of more than 128 KiB
            return []


def line_of_row(path: Path, form: TextForm, row: int, *, named: bool) -> int | None:
    """The line on which a row begins, both counted as editors and tables do; None where that cannot be told."""
    with path.open(encoding=form.encoding, errors="replace", newline="") as file:
        rows = csv.reader(file, delimiter=form.separator)
        before = 0
        try:
            for number, _ in enumerate(rows, start=-1 if named else 0):
                if number == row:
                    return before + 1
                before = rows.line_num
        except csv.Error:
            pass
    return None


def _encoding(head: bytes) -> str:
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    even, odd = head[0:2000:2].count(0), head[1:2000:2].count(0)
    if max(even, odd) > len(head[:2000]) // 4 > 0 and min(even, odd) == 0:
        return "utf-16-le" if odd else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _decoded(head: bytes, encoding: str) -> str:
    return head.decode(encoding, "replace")


def _separator(line: str) -> str:
    bare = re.sub(r'"[^"]*"', "", line)
    counts = {separator: bare.count(separator) for separator in SEPARATORS}
    return max(counts, key=lambda separator: counts[separator])  # of equals the first


def _has_decimal_commas(lines: list[str], separator: str) -> bool:
    """Whether cells such as 0,35 stand in the lines, and none such as 0.35 or 1,2,3."""
    cells = [cell.strip().strip('"') for line in lines for cell in line.split(separator)]
    with_comma = any(re.fullmatch(r"[-+]?\d+,\d+", cell) for cell in cells)
    return with_comma and not any(re.fullmatch(r"[-+]?\d+(\.\d+|,\d+(,\d+)+)", cell) for cell in cells)


def _check_one_encoding(source: BinaryIO, path: Path) -> None:
    """Raise InputError where some lines are UTF-8 and others are not; leaves the file at its beginning."""
    first: dict[bool, int] = {}
    before = 0
    while len(first) < 2 and (lines := source.readlines(CHUNK_BYTES)):
        for line, text in enumerate(lines, start=before + 1):
            if not text.isascii():
                first.setdefault(_is_utf8(text), line)
        before += len(lines)
    source.seek(0)
    if len(first) == 2:
        raise InputError(
            f"one encoding throughout {path}",
            f"UTF-8 in line {first[True]} and something else in line {first[False]}",
            "write the whole file in UTF-8",
        )


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _recode(source: BinaryIO, target: BinaryIO, encoding: str, path: Path) -> None:
    """Copy text into UTF-8, a piece at a time."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines, ended = 1, False
    while not ended:
        chunk = source.read(CHUNK_BYTES)
        ended = not chunk
        try:
            text = decoder.decode(chunk, final=ended)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding, "ignore").count("\n")
            bad = " ".join(f"0x{byte:02x}" for byte in error.object[error.start : error.end][:4])
            raise InputError(
                f"text in UTF-8 or {ENCODING_NAMES[encoding]}",
                f"{bad} in line {lines + before} of {path}",
                "save the table as UTF-8",
            ) from None
        lines += text.count("\n")
        target.write(text.encode("utf-8"))
