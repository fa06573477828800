"""File names of sources: which are captures, and what they are called without suffixes."""

from __future__ import annotations

from pathlib import Path

from netdiffus.text import as_text
from netdiffus.traffic.tables.files import TABLE_SUFFIXES
from netdiffus.wire.nprint.capture import PACKED_SUFFIX, TEXT_SUFFIXES, is_nprint_name

CAPTURE_SUFFIXES = (".pcap", ".pcapng", ".cap", ".dmp", *TEXT_SUFFIXES, PACKED_SUFFIX)
COMPRESSION_SUFFIXES = (".gz", ".xz", ".zst", ".lz4")


def is_capture_name(path: Path) -> bool:
    """Whether a file name looks like a capture or nPrint rows: its suffix, or the one before that of a compression."""
    if is_nprint_name(path):
        return True
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSION_SUFFIXES:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in CAPTURE_SUFFIXES


def bare_name(path: Path) -> str:
    """A file's name without the suffixes of captures, tables and compression."""
    name = as_text(path.name)
    for suffix in (*COMPRESSION_SUFFIXES, *CAPTURE_SUFFIXES, *TABLE_SUFFIXES):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name
