"""The steps on several nodes of one machine: speed, equality, deaths of nodes, and memory of the command's process.

Speeds need a machine that does nothing else, with a CPU for each node. `--only kills --tries 3` is a trial.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import polars as pl

from bench.results import table, write_section
from bench.small_traffic import two_labels
from netdiffus import prepare, recordings, train
from netdiffus.store.cards import ModelCard
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.writer import write_pcap

PARTS = ("prepare", "generate", "train", "kills", "memory")
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE_S = 300.0
TOKEN = secrets.token_hex(32)
"""Of all clusters of this process: Ray reads it once."""


@dataclass(frozen=True)
class Run:
    """A command: seconds, CPU-seconds of it and of Ray, and the most memory it took itself."""

    seconds: float
    cpu: float
    peak_bytes: int
    code: int


@contextmanager
def nodes(count: int) -> Iterator[Any]:
    """A cluster of nodes with one CPU each, on loopback, behind a token of this run; its `address` is for --ray."""
    os.environ |= {
        "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN,
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        for _ in range(count):
            cluster.add_node(num_cpus=1, object_store_memory=200 << 20)
        yield cluster
    finally:
        cluster.shutdown()


def processes() -> dict[int, tuple[int, float]]:
    """The parent and the CPU-seconds so far of each process of this machine."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            found[int(entry.name)] = int(fields[1]), sum(map(int, fields[11:15])) / TICKS
    return found


def ray_cpu() -> float:
    """CPU-seconds so far of all processes below this one, which are Ray's."""
    every = processes()
    return sum(every[pid][1] for pid in below_of({pid: parent for pid, (parent, _) in every.items()}))


def below() -> list[int]:
    """The processes below this one."""
    return sorted(below_of({pid: parent for pid, (parent, _) in processes().items()}))


def below_of(parents: dict[int, int]) -> set[int]:
    """The same, given the parent of each process."""
    mine = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return mine - {os.getpid()}


def command(arguments: Sequence[object], cluster: Any = None) -> Run:
    """Run a command of netdiffus, on a cluster or without one."""
    more = [] if cluster is None else [f"--ray={cluster.address}"]
    before, began = ray_cpu() if cluster else 0.0, time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "netdiffus", *map(str, arguments), *more], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    cpu = used.ru_utime + used.ru_stime + (ray_cpu() - before if cluster else 0.0)
    return Run(seconds, cpu, used.ru_maxrss << 10, child.returncode)


def captures(folder: Path, files: int, packets: int) -> Path:
    """Captures of so many packets each: the shipped ones again and again, later and later."""
    blocks = [list(read_capture(path)) for path in recordings.captures()["web"]]
    base = [packet for each in blocks for block in each for packet in block.packets()]
    span = max(packet.time_ns for packet in base) - min(packet.time_ns for packet in base) + 200 * 10**9
    for number in range(files):
        place = folder / ("web", "other")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        again = (
            base[k % len(base)]._replace(time_ns=base[k % len(base)].time_ns + (k // len(base)) * span)
            for k in range(packets)
        )
        with (place / f"{number:03}.pcap").open("wb") as file:
            write_pcap(file, again)
    return folder


def same_rows(one: Path, other: Path) -> bool:
    """Whether two datasets have the same traces, split and packets."""
    return read_dataset(one)[1].equals(read_dataset(other)[1]) and read_packets(one).equals(read_packets(other))


def measure_prepare(folder: Path, files: int, packets: int) -> str:
    """Packets per second and CPU without Ray and with 1 and 2 nodes, and whether the rows are the same."""
    source = captures(folder / "captures", files, packets)
    rows: list[tuple[object, ...]] = []
    for count in (0, 1, 2):
        out = folder / f"dataset{count}"
        if count:
            with nodes(count) as cluster:
                run = command(["prepare", source, "--out", out], cluster)
        else:
            run = command(["prepare", source, "--out", out])
        same = "" if not count else ("yes" if same_rows(folder / "dataset0", out) else "NO")
        rows.append((count or "without Ray", f"{files * packets / run.seconds:,.0f}", f"{run.cpu:.1f}", same))
    return table(["nodes", "packets/s", "CPU-seconds", "same rows"], rows)


def small_model(folder: Path) -> Path:
    """A small model of two labels."""
    two_labels(400, seed=0).write_parquet(folder / "traces.parquet")
    prepare(folder / "traces.parquet", folder / "traces")
    return train(folder / "traces", folder / "model", preset="tiny", steps=100)


def measure_generate(folder: Path, count: int) -> str:
    """Traces per second without Ray and with 1, 2 and 4 nodes, and the hash of the file."""
    model, rows = small_model(folder), list[tuple[object, ...]]()
    for number in (0, 1, 2, 4):
        out = folder / f"drawn{number}.parquet"
        arguments = ["generate", model, "--out", out, "--count", count]
        if number:
            with nodes(number) as cluster:
                run = command(arguments, cluster)
        else:
            run = command(arguments)
        digest = hashlib.sha256(out.read_bytes()).hexdigest()[:12]
        rows.append((number or "without Ray", f"{count / run.seconds:,.0f}", f"{run.cpu:.1f}", f"`{digest}`"))
    return table(["nodes", "traces/s", "CPU-seconds", "sha256"], rows)


def measure_train(folder: Path, steps: int) -> str:
    """The best validation loss of one process, of two workers, and of two one of which was killed; of equal steps."""
    two_labels(2_000, seed=0).write_parquet(folder / "traces.parquet")
    dataset = prepare(folder / "traces.parquet", folder / "traces")
    rows: list[tuple[object, ...]] = []
    for name, workers, kill in (("without Ray", 0, False), ("2 workers", 2, False), ("2 workers, one killed", 2, True)):
        out = folder / name.replace(" ", "-")
        arguments = ["train", dataset, "--out", out, "--preset", "tiny", "--steps", steps]
        if workers:
            with nodes(workers) as cluster:
                killer = Thread(target=kill_a_worker, args=(out, np.random.default_rng(0).uniform(0, 5)))
                if kill:
                    killer.start()
                run = command(arguments, cluster)
                if kill:
                    killer.join()
        else:
            run = command(arguments)
        card = ModelCard.read(out)
        loss = (card.validation or {})["loss"]
        rows.append((name, f"{loss:.4f}", card.steps, f"{run.seconds:.0f}", f"{run.cpu:.0f}"))
    return table(["", "nats of held-out traces", "steps", "seconds", "CPU-seconds"], rows)


def kill_a_worker(out: Path, after: float) -> None:
    """Kill a training worker of a process below this one, some seconds after the model was saved for the first time."""
    until = time.monotonic() + PATIENCE_S
    while not (out / ModelCard.FILE).is_file() and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(after)
    found = [pid for pid in below() if b"TrainWorker" in (Path("/proc") / str(pid) / "cmdline").read_bytes()]
    if not found:
        raise RuntimeError("the training ended before one of its workers was killed: raise --steps")
    os.kill(found[-1], signal.SIGKILL)


def measure_kills(folder: Path, tries: int) -> str:
    """A node of two is killed at a random moment: how often the result was right, absent, or something else."""
    model, source = small_model(folder), captures(folder / "few", 6, 20_000)
    rng, rows = np.random.default_rng(0), list[tuple[object, ...]]()
    jobs = {"prepare": ["prepare", source], "generate": ["generate", model, "--count", 20_000]}
    for name, job in jobs.items():
        suffix = "" if name == "prepare" else ".parquet"
        expected, found = folder / f"expected{suffix}", {"right": 0, "absent": 0, "partial": 0}
        usual = command([*job, "--out", expected]).seconds
        for k in range(tries):
            out = folder / f"{name}{k}{suffix}"
            with nodes(2) as cluster:
                found[_killed(cluster, [*job, "--out", out], rng.uniform(0, 2 * usual), (expected, out))] += 1
        rows.append((name, *found.values()))
    return table(["command", "right", "absent", "partial"], rows)


def _killed(cluster: Any, arguments: Sequence[object], after: float, paths: tuple[Path, Path]) -> str:
    """What a command left one of whose nodes was killed."""
    child = subprocess.Popen(
        [sys.executable, "-m", "netdiffus", *map(str, arguments), f"--ray={cluster.address}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(after)
    cluster.remove_node(sorted(cluster.worker_nodes, key=str)[0], allow_graceful=False)
    child.wait()
    expected, out = paths
    if not out.exists():
        return "absent"
    same = same_rows(expected, out) if out.is_dir() else expected.read_bytes() == out.read_bytes()
    return "right" if same else "partial"


def measure_memory(folder: Path, counts: Sequence[int]) -> str:
    """The most memory of the command's own process, by traces."""
    model, rows = small_model(folder), list[tuple[object, ...]]()
    with nodes(2) as cluster:
        for count in counts:
            out = folder / f"many{count}.parquet"
            run = command(["generate", model, "--out", out, "--count", count], cluster)
            drawn = pl.scan_parquet(out).select(pl.len()).collect().item()
            rows.append((f"{drawn:,}", f"{run.peak_bytes / 1e6:,.0f} MB"))
    return table(["traces", "memory at most"], rows)


def main(given: Sequence[str] = ()) -> None:
    """Measure, and write the section; parts of it are only printed."""
    parser = argparse.ArgumentParser(prog="python -m bench cluster", description=__doc__)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--packets", type=int, default=500_000)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--most", type=int, default=10_000_000)
    asked = parser.parse_args(given)
    said = []
    for part in PARTS if asked.only is None else (asked.only,):
        folder = Path(tempfile.mkdtemp(prefix="bench-cluster-"))
        try:
            if part == "prepare":
                said.append(measure_prepare(folder, asked.files, asked.packets))
            elif part == "generate":
                said.append(measure_generate(folder, asked.count))
            elif part == "train":
                said.append(measure_train(folder, asked.steps))
            elif part == "kills":
                said.append(measure_kills(folder, asked.tries))
            else:
                said.append(measure_memory(folder, [asked.most // 100, asked.most // 10, asked.most]))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    text = "\n\n".join(said)
    if asked.only is None:
        write_section("cluster", "Several nodes of one machine", text)
    else:
        print(text)
