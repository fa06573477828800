"""Captures as one side of a comparison: their flows as a dataset, and the identifiers found in their frames."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from netdiffus.errors import InputError
from netdiffus.steps.prepare import prepare
from netdiffus.steps.sources.find import find_files
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.store.dataset import has_packets, scan_packets
from netdiffus.traffic.labels.names import labels_path
from netdiffus.wire.files.reader import BLOCK_BYTES, is_capture, read_capture
from netdiffus.wire.headers.names import host_names, mac_texts

SEARCHED_BYTES = 1 << 26  # of each capture, for MAC addresses and host names


def holds_captures(path: Path) -> bool:
    """Whether a path is a capture, or a folder that contains captures at any depth."""
    if path.is_file():
        return is_capture(path)
    try:
        return bool(find_files([path]))
    except InputError:
        return False


def dataset_of_captures(path: Path, folder: Path) -> list[Path]:
    """Read a capture, or all in and below a folder, into a dataset; returns the captures.

    A capture's labels come from FILE.labels.csv next to it, as `generate` writes it; without one, the label is the name
    of the capture's folder.
    """
    for _ in prepare([path], folder, PrepareConfig.of(labels=labels_of(path), test=0.0)):
        pass
    return [file.path for file in find_files([path])]


def labels_of(path: Path) -> str:
    """What labels the flows of a capture or a folder of captures, as the option --labels names it."""
    table = labels_path(path)
    return str(table) if path.is_file() and table.is_file() else "folder"


def texts_of_flows(folder: Path) -> pl.DataFrame | None:
    """Both ends of each flow of a dataset, ADDRESS:PORT, as (trace_id, client, server); None without packets."""
    if not has_packets(folder):
        return None
    first = scan_packets(folder).filter(pl.col("index") == 0)
    ends = []
    for end in ("client", "server"):
        address = pl.col(end)
        bracketed = pl.when(address.str.contains(":", literal=True)).then("[" + address + "]").otherwise(address)
        ends.append((bracketed + ":" + pl.col(f"{end}_port").cast(pl.String)).alias(end))
    return first.select("trace_id", *ends).collect(engine="streaming")


def texts_of_frames(captures: list[Path]) -> frozenset[str]:
    """MAC addresses and host names in the first 64 MiB of each capture."""
    found: set[str] = set()
    for path in captures:
        capture = read_capture(path)
        for number, block in enumerate(capture):
            found |= mac_texts(block) | host_names(block.data.tobytes())
            if number >= SEARCHED_BYTES // BLOCK_BYTES:
                break
        capture.close()
    return frozenset(found)
