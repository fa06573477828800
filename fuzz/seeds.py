"""Packets to begin with: a few from each shipped recording and, where there are any, from ../shared/data."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

from netdiffus.wire.files.reader import Packet, read_capture

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "src" / "netdiffus" / "recordings" / "data", ROOT.parent / "shared" / "data")
PACKETS, SNAP_BYTES = 6, 96


def captures() -> list[Path]:
    """The files of the seeds."""
    found = [path for folder in FOLDERS for path in folder.rglob("*") if ".pcap" in path.name and path.is_file()]
    return sorted(found)


@cache
def few_packets() -> list[tuple[int, list[Packet]]]:
    """For each capture its link type and its first packets, cut short."""
    return list(_few_packets())


def _few_packets() -> Iterator[tuple[int, list[Packet]]]:
    for path in captures():
        for block in islice(read_capture(path, block_bytes=1 << 14), 1):
            packets = [
                Packet(time_ns, data[:SNAP_BYTES], length) for time_ns, data, length in islice(block.packets(), PACKETS)
            ]
            yield int(block.link[0]), packets
