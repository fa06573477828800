"""nPrint rows as files: text or packed (docs/nprint.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.wire.nprint.bits import BitRows
from netdiffus.wire.nprint.capture import PACKED_SUFFIX, TEXT_SUFFIXES
from netdiffus.wire.nprint.columns import Layout
from netdiffus.wire.nprint.packed import PackedWriter
from netdiffus.wire.nprint.text import TextWriter

PART_BYTES = 1 << 21


@contextmanager
def row_writer(
    out: Path, temporary: Path, wanted: Layout, timestamps: str = "none"
) -> Iterator[Callable[[BitRows], object]]:
    """What takes the rows for the file `out`, written under a temporary name."""
    name = out.name.lower()
    if name.endswith(PACKED_SUFFIX):
        with PackedWriter(temporary, wanted) as packed:
            yield packed.add
            packed.finish()
    elif name.endswith(TEXT_SUFFIXES):
        text = TextWriter(wanted, timestamps)
        with temporary.open("wb") as file:
            file.write(text.header)
            yield lambda rows: file.write(text.lines(rows))
    else:
        raise InputError(
            f"a name that ends in {', '.join(TEXT_SUFFIXES)} or {PACKED_SUFFIX}",
            out.name,
            f"choose {PACKED_SUFFIX} for a small file, or compress the text afterwards",
        )


def row_parts(n: int, wanted: Layout) -> Iterator[slice]:
    """n packets in parts whose rows take up to PART_BYTES: with much payload a row is long, its text longer."""
    step = max(PART_BYTES // wanted.row_bytes, 1)
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))
