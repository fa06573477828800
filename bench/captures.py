"""Captures to a dataset: CPU-seconds beside dpkt and NFStream, where the time goes, growth, memory, first start."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from bench.results import table, write_section
from netdiffus.steps.prepare import prepare
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.traffic.flows.reader import FlowReader
from netdiffus.traffic.flows.table import FlowTable
from netdiffus.wire.files.reader import Packet, read_capture, write_pcap
from netdiffus.wire.headers.dissect import dissect

ROOT = Path(__file__).parents[1]
SOURCES = (ROOT.parent / "shared" / "data", ROOT / "src" / "netdiffus" / "recordings")
LOOP_S = 3600
PACKETS, REPEATS = 700_000, 5
GROWTH = (100_000, 1_000_000, 10_000_000)
LARGE_BYTES = 5_000_000_000
DPKT, NFSTREAM, DATASET = "dpkt, `Ethernet()`", "NFStream, one meter, flow features", "**netdiffus, dataset folder**"


def sources() -> list[Path]:
    """Ethernet captures: the development data where there is any, else the shipped recordings."""
    for folder in SOURCES:
        found = sorted(path for path in folder.rglob("*") if ".pcap" in path.name and path.is_file())
        if found:
            return found
    raise SystemExit(f"no captures under {' or '.join(map(str, SOURCES))}")


def packets_once() -> Iterator[Packet]:
    """The packets of all sources, one file after the other."""
    for path in sources():
        for block in read_capture(path):
            if (block.link == 1).all():
                yield from block.packets()


def write_looped(path: Path, *, packets: int | None = None, size: int | None = None) -> int:
    """Those packets again and again, an hour later each time, so that every loop makes new flows; returns how many.

    Args:
        path: of the pcap file to write.
        packets, size: where to stop; one of them is given.
    """
    file = io.BytesIO()
    write_pcap(file, packets_once())
    once = np.frombuffer(bytearray(file.getvalue()), np.uint8)
    starts = [24, *_ends(path, once)]
    places = np.array(starts[:-1])
    seconds = once[places[:, None] + np.arange(4)].copy().view("<u4")
    written = 0
    with open(path, "wb") as out:
        out.write(once[:24])
        while (packets is None or written < packets) and (size is None or out.tell() < size):
            left = len(places) if packets is None else min(packets - written, len(places))
            out.write(once[24 : starts[left]])
            written += left
            seconds += LOOP_S
            once[places[:, None] + np.arange(4)] = seconds.view(np.uint8).reshape(-1, 4)
    return written


def _ends(path: Path, once: np.ndarray) -> list[int]:
    """Where each record of a pcap in memory ends; it is written to `path` for a moment."""
    path.write_bytes(once)
    at, ends = 24, []
    for block in read_capture(path):
        for captured in block.captured.tolist():
            at += 16 + captured
            ends.append(at)
    return ends


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


def with_nfstream(path: Path) -> int:
    """NFStream's flows with their statistical features, without its search for applications; it sees IP only."""
    from nfstream import NFStreamer

    streamer = NFStreamer(
        source=str(path), n_meters=1, n_dissections=0, statistical_analysis=True, idle_timeout=120, active_timeout=10**6
    )
    return sum(flow.bidirectional_packets for flow in streamer)


def with_sum(path: Path) -> int:
    """Every byte read through memory once."""
    total, buffer = 0, np.empty(1 << 20, np.uint8)
    with open(path, "rb", buffering=0) as file:
        while n := file.readinto(buffer):
            total += int(buffer[: n // 8 * 8].view(np.uint64).sum())
    return total


def with_sha256(path: Path) -> str:
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def with_records(path: Path) -> int:
    return sum(len(block) for block in read_capture(path))


def with_dissect(path: Path) -> int:
    return sum(len(dissect(block)) for block in read_capture(path))


def with_tracking(path: Path) -> int:
    table, n = FlowTable(packets=64, timeout_ns=120 * 10**9), 0
    for block in read_capture(path):
        table.add(block, dissect(block))
        n += len(block)
    return n


def with_flows(path: Path) -> int:
    reader = FlowReader(path)
    for _ in reader:
        pass
    return reader.summary.packets


def with_dataset(path: Path) -> int:
    """All of `netdiffus prepare FILE --unlabelled`."""
    (read,) = prepare([path], path.with_suffix(".dataset"), PrepareConfig(unlabelled=True))
    return read.packets


PARTS: dict[str, Callable[[Path], object]] = {
    "every byte read through memory once (summed)": with_sum,
    "read and SHA-256 of the file": with_sha256,
    "and where its packets lie": with_records,
    "and their header fields": with_dissect,
    "and their flows, first packets kept": with_tracking,
    "and both as tables, faults counted": with_flows,
    "and labels, split, copies, Parquet: the dataset folder": with_dataset,
}


def cpu_seconds(way: Callable[[Path], object], path: Path) -> float:
    """Of this process and of the processes that it starts."""

    def spent() -> float:
        usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    before = spent()
    way(path)
    return spent() - before


def peers() -> tuple[dict[str, Callable[[Path], object]], list[str]]:
    """The peers that are installed, and a sentence for each that is not."""
    ways: dict[str, Callable[[Path], object]] = {}
    missing = []
    for package, name, way in (("dpkt", DPKT, with_dpkt), ("nfstream", NFSTREAM, with_nfstream)):
        if importlib.util.find_spec(package):
            ways[name] = way
        else:
            missing.append(f"**{name}: not measured**, {package} is not installed (pip install '.[bench]').")
    return ways, missing


def compare(path: Path) -> str:
    """Peers, then netdiffus, then its parts; each repeat runs all of them, so that a busy moment meets all."""
    others, missing = peers()
    ways = {**others, "netdiffus, header fields": with_dissect, DATASET: with_dataset, **PARTS}
    for way in (with_dataset, with_tracking):
        way(path)  # compiled code is loaded
    runs: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(REPEATS):
        for name, way in ways.items():
            runs[name].append(cpu_seconds(way, path))
    ours = runs[DATASET]
    rows = []
    for name in (*others, "netdiffus, header fields", DATASET):
        ratio = statistics.median(theirs / mine for theirs, mine in zip(runs[name], ours, strict=True))
        median = statistics.median(runs[name])
        rows.append((name, f"{median:.2f}", f"{PACKETS / median:,.0f}", f"{ratio:.1f}"))
    said = table(("way", "CPU-seconds", "packets per CPU-second", "times the dataset folder's CPU-seconds"), rows)
    said += "\n\n" + "\n".join(missing)
    medians = {name: statistics.median(runs[name]) for name in PARTS}
    steps = [*medians.items()]
    before = [0.0, 0.0, *(seconds for _, seconds in steps[1:])]
    rows = [
        (name, f"{seconds:.3f}", f"{max(seconds - earlier, 0):.3f}")
        for (name, seconds), earlier in zip(steps, before, strict=False)
    ]
    return said.strip() + "\n\nWhere it goes:\n\n" + table(("up to here", "CPU-seconds", "more than before"), rows)


def growth(folder: Path) -> str:
    """CPU-seconds of a million packets, for captures of growing length."""
    rows = []
    for packets in GROWTH:
        path = folder / "grown.pcap"
        write_looped(path, packets=packets)
        runs = [cpu_seconds(with_dataset, path) for _ in range(3 if packets < 10**7 else 1)]
        rows.append((f"{packets:,}", f"{statistics.median(runs) / packets * 1e6:.2f}"))
        path.unlink()
    return table(("packets", "CPU-seconds per million packets"), rows)


def memory(folder: Path) -> str:
    """The most memory that `netdiffus prepare` takes for one large capture."""
    path = folder / "large.pcap"
    packets = write_looped(path, size=LARGE_BYTES)
    command = [sys.executable, "-m", "netdiffus", "prepare", str(path), "--unlabelled", "--out", str(folder / "large")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    seconds = usage.ru_utime + usage.ru_stime
    return (
        f"`netdiffus prepare` of a capture of {path.stat().st_size / 1e9:.1f} GB with {packets:,} packets: at most "
        f"{usage.ru_maxrss / 1024:,.0f} MiB of memory (ru_maxrss of the process), {seconds:.1f} CPU-seconds."
    )


def cold_start(path: Path) -> tuple[float, float]:
    """CPU-seconds of a process that reads one capture: with an empty cache of compiled code, and again."""
    program = f"from bench.captures import with_dataset; from pathlib import Path; with_dataset(Path({str(path)!r}))"
    with tempfile.TemporaryDirectory() as cache:
        spent = []
        for _ in range(2):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", program], env=os.environ | {"NUMBA_CACHE_DIR": cache}, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return spent[0], spent[1]


def main() -> None:
    """Measure everything and write the section."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        path = folder / "looped.pcap"
        write_looped(path, packets=PACKETS)
        body = f"A capture of {PACKETS:,} packets, {path.stat().st_size / 1e6:.0f} MB, looped from real ones; in one "
        body += f"process, median of {REPEATS}; CPU-seconds with those of child processes.\n\n{compare(path)}"
        first, again = cold_start(path)
        path.unlink()
        body += f"\n\n{growth(folder)}\n\n{memory(folder)}"
        body += f"\n\nThe first run on a machine compiles: {first:.1f} CPU-seconds, the next run {again:.1f}."
    write_section("captures", "Captures to a dataset", body)


if __name__ == "__main__":
    main()
