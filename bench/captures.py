"""Captures to flows: packets per CPU-second beside dpkt, on one big capture looped from real ones, in one run."""

from __future__ import annotations

import importlib.util
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from netdiffus.traffic.flows import flows_of_capture
from netdiffus.wire.captures import Packet, read_capture, write_pcap
from netdiffus.wire.dissect import dissect

ROOT = Path(__file__).parents[1]
SOURCES = (ROOT.parent / "shared" / "data", ROOT / "src" / "netdiffus" / "recordings")
LOOP_NS = 3600 * 10**9
PACKETS, REPEATS = 700_000, 5


def sources() -> list[Path]:
    """Ethernet captures: the development data where there is any, else the shipped recordings."""
    for folder in SOURCES:
        found = sorted(path for path in folder.rglob("*") if ".pcap" in path.name and path.is_file())
        if found:
            return found
    raise SystemExit(f"no captures under {' or '.join(map(str, SOURCES))}")


def looped(packets: int) -> Iterator[Packet]:
    """The packets of all sources again and again, an hour later each time, so that every loop makes new flows."""
    once = [
        packet
        for path in sources()
        for block in read_capture(path)
        if (block.link == 1).all()
        for packet in block.packets()
    ]
    for i in range(packets):
        time_ns, data, length = once[i % len(once)]
        yield Packet(time_ns + i // len(once) * LOOP_NS, data, length)


def with_dpkt(path: Path) -> int:
    """What a dpkt user writes: addresses, ports and lengths of every packet."""
    import dpkt

    n = 0
    with open(path, "rb") as file:
        for _, data in dpkt.pcap.Reader(file):
            n += 1
            try:
                inside = dpkt.ethernet.Ethernet(data).data
            except dpkt.UnpackError:
                continue
            if isinstance(inside, dpkt.ip.IP | dpkt.ip6.IP6):
                _ = inside.src, inside.dst, len(inside)
                if isinstance(inside.data, dpkt.tcp.TCP | dpkt.udp.UDP):
                    _ = inside.data.sport, inside.data.dport, len(inside.data.data)
    return n


def with_dissect(path: Path) -> int:
    return sum(len(dissect(block)) for block in read_capture(path))


def with_flows(path: Path) -> int:
    return flows_of_capture(path).summary.packets


WAYS: dict[str, Callable[[Path], int]] = {
    "dpkt, Ethernet()": with_dpkt,
    "netdiffus, header fields": with_dissect,
    "netdiffus, flows and headers": with_flows,
}


def cpu_seconds(way: Callable[[Path], int], path: Path) -> tuple[int, float]:
    before = time.process_time()
    return way(path), time.process_time() - before


def cold_start(path: Path) -> tuple[float, float]:
    """CPU-seconds of a process that reads one capture: with an empty cache of compiled code, and again."""
    program = f"from netdiffus.traffic.flows import flows_of_capture; flows_of_capture({str(path)!r})"
    with tempfile.TemporaryDirectory() as cache:
        spent = []
        for _ in range(2):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", program], env=os.environ | {"NUMBA_CACHE_DIR": cache}, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return spent[0], spent[1]


def main() -> None:
    """Print the table; dpkt comes first and is what the others are measured against."""
    if importlib.util.find_spec("dpkt") is None:
        raise SystemExit("this bench compares with dpkt; install it with: pip install dpkt")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "looped.pcap"
        write_pcap(path, looped(PACKETS))
        first, again = cold_start(path)
        size = path.stat().st_size
        print(f"{PACKETS:,} packets, {size / 1e6:.0f} MB; median of {REPEATS}")
        print(f"{'way':32}{'packets per CPU-second':>24}{'MB per CPU-second':>20}{'times dpkt':>12}")
        base = 0.0
        with_flows(path)
        for name, way in WAYS.items():
            runs = [cpu_seconds(way, path) for _ in range(REPEATS)]
            if {n for n, _ in runs} != {PACKETS}:
                raise SystemExit(f"{name} saw {runs[0][0]} packets of {PACKETS}")
            seconds = statistics.median(spent for _, spent in runs)
            base = base or seconds
            print(f"{name:32}{PACKETS / seconds:>24,.0f}{size / seconds / 1e6:>20,.0f}{base / seconds:>12.1f}")
        print(f"first run with nothing compiled: {first:.1f} CPU-seconds, the next: {again:.1f}")


if __name__ == "__main__":
    main()
