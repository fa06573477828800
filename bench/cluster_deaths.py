"""A node of a cluster dies at a random moment, and a table grows: what is left, and how much memory a command takes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench.cluster_nodes import add_node, command, nodes, remove_node
from bench.cluster_work import captures, same_rows, small_model, small_packet_model
from bench.results import table
from netdiffus.traffic.labels.names import labels_path

PATIENCE_S = 300.0
MOST_TRIES = 3
"""Commands for each death that is wanted: some end before."""


def measure_kills(folder: Path, tries: int) -> str:
    """A node of two is killed at a random moment of the work: how often the result was right, absent, or else."""
    model, source = small_model(folder), captures(folder / "few", 6, 20_000)
    rng, rows = np.random.default_rng(0), list[tuple[object, ...]]()
    jobs = {"prepare": ["prepare", source], "generate": ["generate", model, "--count", 20_000]}
    with nodes(2) as cluster:
        for name, job in jobs.items():
            suffix = "" if name == "prepare" else ".parquet"
            expected, found = folder / f"expected{suffix}", Counter[str]()
            command([*job, "--out", expected])
            usual = command([*job, "--out", folder / f"usual{suffix}"], cluster).seconds
            for k in range(MOST_TRIES * tries):
                if found.total() - found["ended before"] == tries:
                    break
                out = folder / f"{name}{k}{suffix}"
                found[_killed(cluster, [*job, "--out", out], rng.uniform(0, usual), (expected, out))] += 1
                print(name, dict(found), flush=True)
            left = sum(path.name.startswith(".") for path in folder.iterdir())
            rows.append((name, *(found[word] for word in ("right", "absent", "partial", "ended before")), left))
    return table(["command", "right", "absent", "partial", "ended before the node died", "files left over"], rows)


def _killed(cluster: Any, arguments: Sequence[object], after: float, paths: tuple[Path, Path]) -> str:
    """What a command left one of whose nodes was killed; the cluster gets another node."""
    child = subprocess.Popen(
        [sys.executable, "-m", "netdiffus", *map(str, arguments), f"--ray={cluster.address}"],
        stdout=subprocess.DEVNULL, stderr=sys.stderr,
    )  # fmt: skip
    time.sleep(after)
    in_time = child.poll() is None
    cpus = remove_node(cluster, min(cluster.worker_nodes, key=str))
    try:
        code = child.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return "hung"
    finally:
        add_node(cluster, cpus)
    if not in_time:
        return "ended before"
    expected, out = paths
    if not out.exists():
        return "absent" if code else "absent, yet told as done"
    same = same_rows(expected, out) if out.is_dir() else expected.read_bytes() == out.read_bytes()
    return "right" if same else "partial"


def measure_memory(folder: Path, counts: Sequence[int]) -> str:
    """The most memory of the command's own process, by traces of a table; and by flows of a capture, a tenth as many.

    The models are the smallest there are: what the process holds are blocks of traces, whatever draws them.
    """
    small = {"width": 8, "depth": 1, "heads": 1}
    models = {".parquet": small_model(folder, **small), ".pcap": small_packet_model(folder, **small)}
    rows = list[tuple[object, ...]]()
    with nodes(2) as cluster:
        for suffix, model in models.items():
            for count in counts if suffix == ".parquet" else [count // 10 for count in counts]:
                (folder / "drawn").mkdir()
                out = folder / "drawn" / f"many{suffix}"
                run = command(["generate", model, "--out", out, "--count", count], cluster)
                drawn = pl.scan_parquet(out) if suffix == ".parquet" else pl.scan_csv(labels_path(out))
                n = drawn.select(pl.len()).collect().item()
                numbers = n, run.peak_bytes / 1e6, out.stat().st_size / 1e6, run.seconds
                rows.append((suffix, *(f"{number:,.0f}" for number in numbers)))
                print(rows[-1], flush=True)
                shutil.rmtree(folder / "drawn")
    return table(["form", "traces or flows", "memory at most, MB", "file, MB", "seconds"], rows)
