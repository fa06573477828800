"""prepare to a file of packets: captures become nPrint rows, and nPrint rows become a capture."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.steps.outputs.nprint_config import NprintConfig
from netdiffus.steps.outputs.nprint_rows import row_parts, row_writer
from netdiffus.steps.prepare import FileRead
from netdiffus.steps.sources.find import find_files
from netdiffus.store.copies import fetched
from netdiffus.store.objects import shown
from netdiffus.store.publish import check_files, publish_file
from netdiffus.text import as_text
from netdiffus.traffic.anonymise.cryptopan import read_key
from netdiffus.traffic.anonymise.rewrite import anonymise_block
from netdiffus.traffic.tables.files import is_table_name
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.writer import CaptureWriter
from netdiffus.wire.headers import links
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.headers.fields import faults
from netdiffus.wire.nprint.bits import BitRows, bit_rows, with_layout
from netdiffus.wire.nprint.capture import PACKED_SUFFIX, TEXT_SUFFIXES, NprintCapture, is_nprint_name, read_nprint
from netdiffus.wire.nprint.columns import STANDARD, Layout, layout

CAPTURE_SUFFIX = ".pcap"


@dataclass(frozen=True)
class PacketsWritten(FileRead):
    """One source was read and written: as in FileRead, and how many packets of it are in the output."""

    written: int


def is_packet_file(out: Path) -> bool:
    """Whether `prepare` writes packets to a path of this name, and no dataset."""
    return is_nprint_name(out) or out.suffix.lower() == CAPTURE_SUFFIX


def write_packets(sources: Sequence[Path], out: Path, config: NprintConfig) -> Generator[PacketsWritten, None, None]:
    """Write all packets of the sources, in order, into one file; yields a record per source.

    `out` may be .nprint or .npt (text), .nprint.npz (packed), or .pcap for nPrint sources. Memory stays bounded.

    Raises:
        InputError: a source is missing or of the wrong kind, or an option is; nothing is written then.
    """
    files = [file.path for file in find_files(sources)]
    tables = [path for path in files if is_table_name(path)]
    if tables:
        raise InputError(f"captures or nPrint files for {out.name}", f"{shown(tables[0])}, a table", "name captures")
    check_files([out], [*files, *([] if config.anonymise is None else [Path(config.anonymise)])])
    if out.suffix.lower() == CAPTURE_SUFFIX:
        yield from _to_capture(files, out)
    else:
        yield from _to_rows(files, out, config)


def _to_rows(files: Sequence[Path], out: Path, config: NprintConfig) -> Generator[PacketsWritten, None, None]:
    wanted, key = _layout(files[0], config), _key(files, config)
    with publish_file(out) as temporary, row_writer(out, temporary, wanted, config.timestamps) as write:
        for done, path in enumerate(files, start=1):
            began, packets, written = time.perf_counter(), 0, 0
            found: Counter[str] = Counter()
            with fetched(path) as read:
                for n, rows in (
                    _nprint_rows(read, wanted, found) if is_nprint_name(path) else _rows(read, wanted, found, key)
                ):
                    write(rows)
                    packets, written = packets + n, written + len(rows)
            spent = time.perf_counter() - began
            yield PacketsWritten(as_text(path.name), done, len(files), packets, 0, spent, dict(found), written)


def _key(files: Sequence[Path], config: NprintConfig) -> bytes | None:
    if config.anonymise is None:
        return None
    made = [path for path in files if is_nprint_name(path)]
    if made or config.payload_bytes:
        raise InputError(
            "captures and no columns of payload with --anonymise",
            f"{shown(made[0])}, nPrint rows" if made else f"--payload-bytes {config.payload_bytes}",
            "map the addresses when the rows are made" if made else "leave --payload-bytes out: payload is not mapped",
        )
    return read_key(Path(config.anonymise))


def _layout(first: Path, config: NprintConfig) -> Layout:
    if config.headers is None and not config.payload_bytes and is_nprint_name(first):
        with fetched(first) as read:
            reader = read_nprint(read)
            reader.source.close()
        return reader.layout
    names = STANDARD if config.headers is None else [name.strip() for name in config.headers.split(",") if name.strip()]
    return layout(names, config.payload_bytes)


def _rows(path: Path, wanted: Layout, found: Counter[str], key: bytes | None) -> Iterator[tuple[int, BitRows]]:
    """A capture's packets and rows, block by block, with other addresses if there is a key; `found` gets its faults."""
    capture = read_capture(path)
    for block in capture:
        fields = dissect(block)
        found.update(faults(fields))
        unknown = 0
        if key is not None:
            n, block = len(block), anonymise_block(block, fields, key)
            fields, unknown = dissect(block), n - len(block)
        for part in row_parts(len(block), wanted):
            rows, left_out = bit_rows(block.part(part), fields[part], wanted)
            found.update(left_out)
            yield part.stop - part.start + unknown, rows
            unknown = 0
    found.update(capture.faults)


def _nprint_rows(path: Path, wanted: Layout, found: Counter[str]) -> Iterator[tuple[int, BitRows]]:
    """The same of an nPrint file, whose rows are taken as they are."""
    reader = read_nprint(path)
    for rows in reader:
        for part in row_parts(len(rows), wanted):
            yield part.stop - part.start, with_layout(rows.part(part), wanted)
    found.update(reader.source.faults)


def _to_capture(files: Sequence[Path], out: Path) -> Generator[PacketsWritten, None, None]:
    others = [path for path in files if not is_nprint_name(path)]
    if others:
        raise InputError(
            f"nPrint files ({', '.join((*TEXT_SUFFIXES, PACKED_SUFFIX))}) to make {out.name} of",
            shown(others[0]),
            "name nPrint files, or a folder as --out to make a dataset",
        )
    link = _link(files)
    with publish_file(out) as temporary, temporary.open("wb") as file:
        writer = CaptureWriter(file, CAPTURE_SUFFIX, link=link)
        for done, path in enumerate(files, start=1):
            began = time.perf_counter()
            with fetched(path) as read:
                capture = NprintCapture(read)
                written = _write_filled(capture, writer)
            found, spent = dict(capture.faults), time.perf_counter() - began
            yield PacketsWritten(as_text(path.name), done, len(files), capture.rows, 0, spent, found, written)


def _write_filled(capture: NprintCapture, writer: CaptureWriter) -> int:
    """Write the packets of nPrint rows with zeros as payload; returns how many."""
    written = 0
    for block in capture:
        for part in block.filled():
            writer.write(part)
            written += len(part)
    return written


def _link(files: Sequence[Path]) -> int:
    """The link layer of all files: Ethernet if they have its columns, else raw IP."""
    found = {path: "eth" in _layout(path, NprintConfig.of()).headers for path in files}
    if len(set(found.values())) > 1:
        raise InputError(
            "nPrint files that all have Ethernet columns, or none",
            f"{files[0].name} {'with' if found[files[0]] else 'without'} them and another the other way",
            "convert them apart",
        )
    return links.ETHERNET if found[files[0]] else links.RAW
