"""nPrint rows: packets per CPU-second beside dpkt, and beside nprint where it is installed; sizes of both forms."""

from __future__ import annotations

import importlib.util
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.captures import with_dpkt, write_looped
from bench.results import table, write_section
from netdiffus import recordings
from netdiffus.api.verbs import prepare
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.headers.dissect import dissect
from netdiffus.wire.nprint.bits import bit_rows
from netdiffus.wire.nprint.capture import read_nprint
from netdiffus.wire.nprint.columns import layout

PACKETS, REPEATS = 300_000, 5
FLAGS = ("-4", "-t", "-u", "-i")  # the 1,088 columns
KNOWN_RATIO = 147_000 / 32_000
"""dpkt with Ethernet() against nprint 1.2.1 to CSV, packets per CPU-second on one machine and one capture."""


def matrix(path: Path) -> int:
    """The packed matrix of 1,088 columns in memory, block by block."""
    wanted, n = layout(), 0
    for block in read_capture(path):
        bit_rows(block, dissect(block), wanted)
        n += len(block)
    return n


def to_file(name: str) -> Callable[[Path], int]:
    def write(path: Path) -> int:
        read: list[int] = []
        prepare(path, path.parent / name, on_progress=lambda record: read.append(record.packets))
        return sum(read)

    return write


def from_file(name: str) -> Callable[[Path], int]:
    return lambda path: sum(len(rows) for rows in read_nprint(path.parent / name))


def with_nprint(path: Path) -> int:
    subprocess.run(
        ["nprint", *FLAGS, "-P", str(path), "-W", str(path.parent / "theirs.nprint")], check=True, capture_output=True
    )
    return PACKETS


def cpu_seconds(way: Callable[[Path], int], path: Path) -> tuple[int, float]:
    """What the way returns, and CPU-seconds, user and system, of this process and of those that it started."""
    spent = []
    for _ in range(2):
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(time.process_time() + children.ru_utime + children.ru_stime)
        if len(spent) == 1:
            n = way(path)
    return n, spent[1] - spent[0]


def sizes(folder: Path) -> list[tuple[str, int, int]]:
    """Packets and bytes of both forms, of all recordings."""
    rows = []
    for name in ("recordings.nprint", "recordings.nprint.npz"):
        read: list[int] = []
        prepare(recordings.folder(), folder / name, on_progress=lambda record, read=read: read.append(record.written))
        rows.append((name.partition(".")[2], sum(read), (folder / name).stat().st_size))
    return rows


def main() -> None:
    """Write the section; dpkt comes first and is what the others are measured against."""
    if importlib.util.find_spec("dpkt") is None:
        raise SystemExit("this bench compares with dpkt; install it with: pip install dpkt")
    installed = shutil.which("nprint") is not None
    ways: dict[str, Callable[[Path], int]] = {"dpkt, Ethernet()": with_dpkt}
    if installed:
        ways["nprint to its CSV"] = with_nprint
    ways |= {
        "netdiffus, packed matrix in memory": matrix,
        "netdiffus to .nprint.npz": to_file("x.nprint.npz"),
        "netdiffus to .nprint (CSV)": to_file("x.nprint"),
        "netdiffus from .nprint.npz": from_file("x.nprint.npz"),
        "netdiffus from .nprint (CSV)": from_file("x.nprint"),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "looped.pcap"
        write_looped(path, packets=PACKETS)
        speeds = {}
        for name, way in ways.items():
            if name.startswith("netdiffus"):
                way(path)  # compiled before it is measured
            runs = [cpu_seconds(way, path) for _ in range(REPEATS)]
            speeds[name] = runs[0][0] / statistics.median(spent for _, spent in runs)
        path.unlink()
        text, packed = sizes(Path(folder))
    base = speeds["dpkt, Ethernet()"]
    peer = speeds.get("nprint to its CSV", base / KNOWN_RATIO)
    rows = [(name, f"{speed:,.0f}", f"{speed / base:.1f}", f"{speed / peer:.1f}") for name, speed in speeds.items()]
    derived = (
        f"nprint is not installed here: its column is derived from dpkt's speed in this run and {KNOWN_RATIO:.2f}, "
        "the ratio of dpkt to nprint 1.2.1 measured elsewhere (147,000 to 32,000 packets per CPU-second)."
    )
    note = "nprint was run beside it." if installed else derived
    body = (
        f"{PACKETS:,} packets, 1,088 columns (`{' '.join(FLAGS)}`), one process, median of {REPEATS}. {note}\n\n"
        + table(("way", "packets per CPU-second", "times dpkt", "times nprint"), rows)
        + f"\n\nSize of the shipped recordings, {text[1]:,} packets: {text[0]} {text[2]:,} bytes "
        f"({text[2] / text[1]:,.0f} a packet), {packed[0]} {packed[2]:,} bytes ({packed[2] / packed[1]:.1f} a packet): "
        f"{text[2] / packed[2]:.0f} times smaller."
    )
    write_section("nprint", "nPrint rows", body)


if __name__ == "__main__":
    main()
