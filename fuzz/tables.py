"""Target: tables. Whatever is in a file, it is read or refused in one line, and traces that come out conform.

Most inputs go through the layers that look at bytes and texts one by one: encodings, header lines, cells, the footer of
Parquet, the headers of npz. One in WHOLE_WAY is read as a file and becomes traces.
"""

from __future__ import annotations

import io
import json
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars as pl

from fuzz.forms import Form
from fuzz.mutation import Native, changed, joined
from netdiffus.wire.files.npz import read_header

MAX_BYTES = 2048
MODULES = (
    "traffic.tables.files",
    "traffic.tables.traces",
    "traffic.tables.columns",
    "traffic.tables.npz",
    "traffic.tables.parquet_size",
)
KINDS = {b"c": ".csv", b"j": ".jsonl", b"n": ".npz", b"p": ".parquet"}
MOST_VALUES = 10_000
WHOLE_WAY = 256
FOLDER = Path("/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir())

LONG = b"trace_id,label,time_s,size,direction\n1,web,0.5,517,0\n1,web,0.6,1448,1\n2,dns,1,40,0\n"
LISTS = b'label,size,direction,gap_us\nweb,"[1, 2]","[0, 1]","[0, 5]"\ndns,1 -1,0 -1,0 -1\n'
WIDE = b"app,s1,s2,s3\nweb,-517,1448,1448\ndns,-40,120,\n"


def seeds() -> Iterator[bytes]:
    """Every kind of file, and tables as people have them; those with blanks in --columns go the whole way."""
    for data in _tables():
        yield data
        columns, _, content = data.partition(b"\n")
        blanks = (columns + b" " * number + b"\n" + content for number in range(1 << 11))
        yield next((longer for longer in blanks if goes_whole_way(longer) and len(longer) <= MAX_BYTES), data)


def _tables() -> Iterator[bytes]:
    texts = [LONG, LISTS, WIDE, LONG.replace(b"1448", b"Infinity"), LONG + LONG, LISTS.replace(b"2]", b"null]")]
    texts += [LONG.replace(b",", b";").replace(b".", b","), LONG.replace(b",", b"\t"), b"\xef\xbb\xbf" + LONG]
    texts += [LONG.decode().encode("utf-16"), LONG.replace(b"web", b"caf\xe9"), b"5,6\n7,8\n", WIDE + b"a,b,c,d,e\n"]
    for text in texts:
        columns = b"signed_size=s*,label=app" if text.startswith(WIDE[:4]) else b"size=size"
        yield b"c" + columns + b"\n" + text
    rows = [{"label": "web", "size": [1, 2], "direction": [0, 1]}, {"label": None, "size": [3.5], "split": "test"}]
    yield b"jsize=size\n" + "\n".join(map(json.dumps, rows)).encode()
    for kind in ("i8", "f4", "U3"):
        file = io.BytesIO()
        np.savez_compressed(file, size=np.ones((2, 3), kind), label=np.array(["a", "b"]), lengths=np.array([1, 3]))
        yield b"nsize=size\n" + file.getvalue()
    file = io.BytesIO()
    pl.DataFrame({"label": ["a", "b"], "size": [[1], [2, 3]]}).write_parquet(file, compression="uncompressed")
    yield b"psize=size\n" + file.getvalue()


def goes_whole_way(data: bytes) -> bool:
    return zlib.crc32(data) % WHOLE_WAY == 0


def one(data: bytes, plain: Form, compiled: Form) -> None:
    """The first byte chooses the kind of file; then come --columns, a line break, and the file."""
    suffix = KINDS.get(data[:1], list(KINDS.values())[len(data) % len(KINDS)])
    columns, _, content = data[1:].partition(b"\n")
    try:
        named = plain["traffic.tables.columns"].parse_columns(columns.decode("utf-8", "replace"))
    except plain["errors"].InputError:
        named = {}
    if goes_whole_way(data):
        whole(content, suffix, named, plain)
    elif suffix == ".csv":
        text(content, named, plain)
    elif suffix == ".parquet":
        footer(content, plain)
    elif suffix == ".npz":
        arrays(content, plain)


def text(content: bytes, named: dict[str, str], form: Form) -> None:
    """The layers below a table of text: its form, its header line, its cells."""
    module = form["traffic.tables.text_form"]
    found = module.form_of(content)
    lines = content.decode("cp1252" if found.encoding == "cp1252" else "utf-8", "replace").splitlines()
    str(found)
    cells = [line.split(found.separator) for line in lines[:6]]
    form["traffic.tables.files"]._has_names(cells[0] if cells else [])
    if len(cells) > 1 and len(content) % 16 == 0:
        column = pl.Series("size", [row[0] for row in cells[1:]], dtype=pl.String)
        numbers, odd = form["traffic.tables.odd_cells"].numbers_of_text(column)
        assert len(numbers) == len(odd) == len(column)
        assert not (odd & numbers.is_not_null()).any()
        assert numbers.dtype in (pl.Int64, pl.Float64)


def footer(content: bytes, form: Form) -> None:
    """The size that a footer declares; the file's own if it ends as Parquet does."""
    if content[-4:] == b"PAR1" and len(content) > 12:
        size = int.from_bytes(content[-8:-4], "little")
        content = content[max(len(content) - 8 - size, 0) : -8]
    try:
        declared = form["traffic.tables.parquet_size"].size_of_footer(content)
    except ValueError:
        return
    assert min(declared) >= 0


def arrays(content: bytes, form: Form) -> None:
    """The header of an array."""
    begin = content.find(b"\x93NUMPY")
    module = form["traffic.tables.npz"]
    try:
        shape, kind = read_header(io.BytesIO(content[max(begin, 0) :]))
        values = module.declared_values(shape, kind, 1 << 20)
    except module.BROKEN:
        return
    assert values >= 0
    assert all(size >= 0 for size in shape)


def whole(content: bytes, suffix: str, named: dict[str, str], form: Form) -> None:
    """The content as a file, and its traces."""
    with tempfile.NamedTemporaryFile(dir=FOLDER, suffix=suffix) as file:
        file.write(content)
        file.flush()
        refused = form["errors"].InputError
        try:
            table = form["traffic.tables.files"].read_table_file(Path(file.name), MOST_VALUES)
            read = form["traffic.tables.traces"].traces_of_table(
                table.frame, named, label="all" if len(content) % 2 else None, place=table.place,
                strip_padding=bool(len(content) & 4), may_be_empty=bool(len(content) & 8),
            )  # fmt: skip
        except refused:
            return
    check(read)


def check(read: Any) -> None:
    """Traces have labels, and values that their channels may have."""
    traces = read.traces
    assert traces["label"].null_count() == 0
    assert not (traces["label"].str.strip_chars() != traces["label"]).any()
    for name in set(traces.columns) & {"size", "direction", "gap_ns", "up_bytes", "down_bytes"}:
        values = traces[name].explode()
        assert values.null_count() == 0, name
        assert not len(values) or values.min() >= 0, name
    assert all(count > 0 for count in read.faults.values())


def mutate(data: bytes, size: int, native: Native, random: Random) -> bytes:
    """Lines as parts, or cells of them; a binary file's bytes."""
    lines = data.split(b"\n")
    if data[:1] in (b"n", b"p") or len(lines) < 3:
        return data[:1] + native(data[1:], max(size - 1, 1)) if len(data) > 1 else native(data, size)
    if random.randrange(2):
        parts = changed([line + b"\n" for line in lines], native, random, keep=1)
        return joined(parts, size)
    place = random.randrange(1, len(lines))
    sign = random.choice([b",", b";", b"\t"])
    lines[place] = sign.join(part.rstrip(b"\n") for part in changed(lines[place].split(sign), native, random))
    return b"\n".join(lines)[:size]
