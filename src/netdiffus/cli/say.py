"""Standard output: lines and tables in which labels and file names are text and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from io import TextIOWrapper

from netdiffus.text import command as command
from netdiffus.text import visible


def tolerate_encodings() -> None:
    """Let standard output write "?" for characters that its encoding lacks, instead of failing (LC_ALL=C)."""
    for stream, errors in ((sys.stdout, "replace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=errors)


def say(line: str = "") -> None:
    """Print one line; what a terminal would obey is shown as an escape (text.py)."""
    print(visible(line))


def say_next(word: str, *arguments: object) -> None:
    """Print a command to go on with, e.g. "next: netdiffus train dataset --out MODEL"."""
    say(f"{word}: {command(*arguments)}")


def say_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a header in aligned columns."""
    print(table(header, rows))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows under a header in aligned columns, the first to the left, all others to the right."""
    from rich.cells import cell_len

    cells = [list(header), *([f"{c:,}" if isinstance(c, int) else visible(str(c)) for c in row] for row in rows)]
    widths = [max(cell_len(row[k]) for row in cells) for k in range(len(header))]
    lines = []
    for row in cells:
        blanks = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([row[0] + blanks[0], *(b + c for b, c in zip(blanks[1:], row[1:], strict=True))]))
    return "\n".join(line.rstrip() for line in lines)
