"""Nodes of a Ray cluster on this machine, and commands of netdiffus on them: seconds, CPU-seconds, memory."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLED_S = 0.25
"""Between two looks at the processes of a cluster: what one does after the last look is not counted."""
TOKEN = secrets.token_hex(32)
"""Of all clusters of this process: Ray reads it once."""
OBJECTS_BYTES = 200 << 20
STARTS = 5


@dataclass(frozen=True)
class Run:
    """A command: seconds, CPU-seconds of it and of all that Ray runs, and the most memory it took itself."""

    seconds: float
    cpu: float
    peak_bytes: int


@contextmanager
def nodes(count: int) -> Iterator[Any]:
    """A cluster of nodes with one CPU each, on loopback, behind a token of this run; its `address` is for --ray.

    What a node runs is held to its CPU, as on a machine that has no other; further nodes share the CPUs that there are.
    """
    os.environ |= {
        "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN,
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        cpus = sorted(os.sched_getaffinity(0))
        for number in range(count):
            add_node(cluster, {cpus[number % len(cpus)]})
        yield cluster
    finally:
        cluster.shutdown()


def add_node(cluster: Any, cpus: set[int]) -> None:
    """Add a node with these CPUs to a cluster, which takes several tries on a busy machine."""
    for left in reversed(range(STARTS)):
        try:
            node = cluster.add_node(num_cpus=1, object_store_memory=OBJECTS_BYTES)
            break
        except Exception:  # Ray raises bare ones
            if not left:
                raise
    for thread in (Path("/proc") / str(_raylet(node)) / "task").iterdir():
        os.sched_setaffinity(int(thread.name), cpus)  # workers that it starts will inherit it


def remove_node(cluster: Any, node: Any) -> set[int]:
    """Kill all that a node runs; returns the CPUs that it had."""
    cpus = os.sched_getaffinity(_raylet(node))
    cluster.remove_node(node, allow_graceful=False)
    return cpus


def _raylet(node: Any) -> int:
    """The process that starts the workers of a node."""
    (started,) = node.all_processes["raylet"]
    return int(started.process.pid)


def processes() -> dict[int, tuple[int, float]]:
    """The parent and the CPU-seconds so far of each process of this machine, without those of its children."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            found[int(entry.name)] = int(fields[1]), sum(map(int, fields[11:13])) / TICKS
    return found


def below() -> list[int]:
    """The processes below this one."""
    return sorted(below_of({pid: parent for pid, (parent, _) in processes().items()}))


def below_of(parents: dict[int, int]) -> set[int]:
    """The same, given the parent of each process."""
    mine = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return mine - {os.getpid()}


@dataclass
class RayCpu:
    """CPU-seconds of all processes below this one while a block runs, workers that end meanwhile included.

    Attributes:
        without: processes that are not counted, nor those below them. seconds: after the block.
    """

    without: set[int] = field(default_factory=set)
    seconds: float = 0.0
    _ended: Event = field(default_factory=Event)
    _first: dict[int, float] = field(default_factory=dict)
    _last: dict[int, float] = field(default_factory=dict)

    def __enter__(self) -> RayCpu:
        self._look(begins=True)
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._look()
        self.seconds = sum(cpu - self._first.get(pid, 0.0) for pid, cpu in self._last.items())

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLED_S):
            self._look()

    def _look(self, *, begins: bool = False) -> None:
        every = processes()
        parents = {pid: parent for pid, (parent, _) in every.items() if pid not in self.without}
        for pid in below_of(parents):
            self._last[pid] = every[pid][1]
            if begins:
                self._first[pid] = every[pid][1]


def command(arguments: Sequence[object], cluster: Any = None) -> Run:
    """Run a command of netdiffus, on a cluster or without one.

    Raises:
        RuntimeError: it fails.
    """
    more = [] if cluster is None else [f"--ray={cluster.address}"]
    with RayCpu() as ray:
        began = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-m", "netdiffus", *map(str, arguments), *more], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        ray.without.add(child.pid)
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"netdiffus {' '.join(map(str, arguments))} ended with {child.returncode}")
    cpu = used.ru_utime + used.ru_stime + (ray.seconds if cluster is not None else 0.0)
    return Run(seconds, cpu, used.ru_maxrss << 10)
