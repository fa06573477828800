"""Target: tables of labels. Whatever is in one, it is read or refused in one line, and flows get its labels or none.

Most inputs go through what reads one header line and one cell; one in WHOLE_WAY is read as a file and labels flows.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from fuzz.forms import Form
from fuzz.mutation import Native, changed, joined

MAX_BYTES = 512
MODULES = ("traffic.labels.rules", "traffic.labels.columns", "traffic.labels.times", "traffic.labels.table")
WHOLE_WAY = 256
FOLDER = Path("/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir())
FLOWS = pl.DataFrame(
    {
        "protocol": ["tcp", "udp"],
        "client": ["10.0.0.1", "2001:db8::1"],
        "client_port": [40000, 5353],
        "server": ["10.0.0.2", "2001:db8::2"],
        "server_port": [443, 53],
        "start_ns": [10**18, 2 * 10**18],
    }
)
TABLES = (
    b"file,label\none.pcap,web\nx/two,dns \n",
    b"protocol,client,client_port,server,server_port,label\ntcp,10.0.0.1,40000,10.0.0.2,443,web\n17,,,,53,dns\n",
    b"start,end,label\n2024-05-06T09:00,2024-05-06T10:00+02:00,web\n150.5,,dns\n",
    b"start_ns,end_ns,label\n1000000000000000000,,web\n,-5,dns\n",
    b" Source IP, Source Port, Destination IP, Destination Port, Protocol, Timestamp, Label\n"
    b"10.0.0.1,40000,10.0.0.2,443,6,3/7/2017 9:00,BENIGN\n,,,,,,\n",
)


def seeds() -> Iterator[bytes]:
    """Tables of every kind of column, in several encodings, with options; those with a tail go the whole way."""
    for options in (b"", b"%d/%m/%Y %H:%M", b"%d/%m/%Y %H:%M@-03:00", b"@+5"):
        for table in (*TABLES, TABLES[0].replace(b",", b";"), TABLES[0].replace(b"web", b"Web \x96 x")):
            data = options + b"\n" + table
            yield data
            tails = (data + b"\n" * number for number in range(1 << 12))
            yield next((tailed for tailed in tails if goes_whole_way(tailed)), data)
    yield b"\n" + TABLES[1].decode().encode("utf-16")


def goes_whole_way(data: bytes) -> bool:
    return zlib.crc32(data) % WHOLE_WAY == 0


def one(data: bytes, plain: Form, compiled: Form) -> None:
    """The first line holds --time-format@--utc-offset; then comes the table."""
    options, _, content = data.partition(b"\n")
    format, _, offset = options.decode("utf-8", "replace").partition("@")
    refused = plain["errors"].InputError
    times = plain["traffic.labels.times"]
    try:
        chosen = times.TimeFormat.of(format or None, offset or None)
    except refused:
        chosen = times.TimeFormat()
    if goes_whole_way(data):
        whole(content, chosen, plain)
        return
    lines = content.decode("utf-8", "replace").splitlines()
    try:
        found = plain["traffic.labels.columns"].label_columns(lines[0].split(",") if lines else [], "labels.csv")
        assert "label" in found
    except refused:
        pass
    for cell in (lines[1] if len(lines) > 1 else "").split(",")[:8]:
        cells(cell.strip(), chosen, plain)


def cells(cell: str, chosen: Any, form: Form) -> None:
    """A cell as a time and as each other thing that it may be: read, or refused with ValueError."""
    module = form["traffic.labels.table"]
    for read in (chosen.ns, module._whole_ns, module._port, module._address, module._protocol):
        try:
            assert read(cell) is not None
        except (ValueError, OverflowError):
            continue
    assert "\n" not in chosen.advice(cell)


def whole(content: bytes, chosen: Any, form: Form) -> None:
    """The content as a file that labels flows and files."""
    with tempfile.NamedTemporaryFile(dir=FOLDER, suffix=".csv") as file:
        file.write(content)
        file.flush()
        try:
            rule = form["traffic.labels.table"].MapLabels.read(Path(file.name), chosen)
        except form["errors"].InputError:
            return
    labels = rule(Path("x/one.pcap"), FLOWS)
    assert len(labels) == len(FLOWS)
    known = set(rule.table["label"].to_list())
    assert all(label is None or label in known for label in labels)
    assert not any(label != label.strip(" \t") or not label for label in known)
    form["traffic.labels.rules"].label_of_file(rule, Path("two.csv"))
    assert all(count > 0 for count in rule.unused().values())


def mutate(data: bytes, size: int, native: Native, random: Random) -> bytes:
    """Lines as parts, or the cells of one."""
    lines = data.split(b"\n")
    if len(lines) < 3 or random.randrange(3) == 0:
        return joined(changed([line + b"\n" for line in lines], native, random, keep=1), size)
    place = random.randrange(1, len(lines))
    lines[place] = b",".join(part for part in changed(lines[place].split(b","), native, random))
    return b"\n".join(lines)[:size]
