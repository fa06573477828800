"""What evaluating costs: seconds and memory for growing sets of 32 packets, up to 20,000 real and 20,000 synthetic."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from bench.results import table, write_section

SIZES = (2_500, 5_000, 10_000, 20_000)
LABELS, PACKETS = 20, 32
WANTED_SECONDS, WANTED_MIB = 300, 4096
ONE = """
import json, resource, sys, time
from netdiffus.api.verbs import evaluate
last = [time.perf_counter()]
spent = {}
def show(record):
    now = time.perf_counter()
    spent[record.name], last[0] = now - last[0], now
began = time.perf_counter()
evaluate(sys.argv[1], sys.argv[2], sys.argv[3], on_progress=show)
use = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([time.perf_counter() - began, use.ru_utime + use.ru_stime, use.ru_maxrss / 1024, spent]))
"""


def traffic(count: int, seed: int) -> pl.DataFrame:
    """Traces of twenty labels with atoms, directions in runs and gaps over many decades."""
    rng = np.random.default_rng(seed)
    atoms = np.array([0, 52, 64, 517, 1400, 1448])
    rows = []
    for index in range(count):
        label = index % LABELS
        n = int(rng.integers(8, PACKETS + 1))
        size = rng.choice(atoms, n, p=np.roll([0.3, 0.1, 0.1, 0.1, 0.2, 0.2], label % 6))
        size = np.where(rng.random(n) < 0.2, rng.integers(1, 1448, n), size)
        direction = (np.cumsum(rng.random(n) < 0.1 + 0.03 * label) % 2).astype(int)
        gap = np.round(10 ** rng.normal(4 + label % 5, 1, n)).astype(int)
        gap[0] = 0
        rows.append((f"label-{label:02d}", size.tolist(), direction.tolist(), gap.tolist()))
    return pl.DataFrame(rows, schema=["label", "size", "direction", "gap_ns"], orient="row")


def measure(count: int) -> tuple[float, float, float, dict[str, float]]:
    """Wall seconds, CPU-seconds, MiB at the most, and seconds of each metric, in a process of its own."""
    import json

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        traffic(count, 0).write_parquet(folder / "real.parquet")
        traffic(count, 1).write_parquet(folder / "synthetic.parquet")
        paths = [str(folder / name) for name in ("real.parquet", "synthetic.parquet", "report")]
        run = subprocess.run([sys.executable, "-c", ONE, *paths], capture_output=True, text=True, check=True)
    wall, cpu, mib, spent = json.loads(run.stdout)
    return wall, cpu, mib, spent


def main() -> None:
    """Measure each size; EVALUATION_SIZES=2500,5000 measures those only."""
    sizes = tuple(int(size) for size in os.environ.get("EVALUATION_SIZES", "").split(",") if size) or SIZES
    rows, dearest = [], ""
    for size in sizes:
        wall, cpu, mib, spent = measure(size)
        rows.append((f"{size:,} × {size:,}", f"{wall:.0f}", f"{cpu:.0f}", f"{mib:,.0f}"))
        most = sorted(spent, key=lambda name: -spent[name])[:6]
        dearest = ", ".join(f"{name} {spent[name]:.1f} s" for name in most)
    body = table(("real × synthetic", "seconds", "CPU-seconds", "peak MiB"), rows)
    body += f"\n\nWanted at 20,000 × 20,000: {WANTED_SECONDS} s and {WANTED_MIB:,} MiB."
    body += f" Most expensive at the last size: {dearest}."
    body += " The real traces are split 4 to 1; metrics subsample as src/netdiffus/metrics/README.md describes."
    if sizes == SIZES:
        write_section("evaluation", "Cost of evaluating", body)
    else:
        print(body)


if __name__ == "__main__":
    main()
