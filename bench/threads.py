"""Threads beside other work: wall seconds of a training step by how threads wait for one another."""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.results import table, write_section

STEPS, WARM_UP = 8, 2
BUSY = "while True: pass"
CHILD = "from bench.threads import step_seconds; import sys; print(step_seconds(sys.argv[1]))"
WAYS = {
    "sleep at once (what netdiffus sets)": {"OMP_WAIT_POLICY": "PASSIVE"},
    "spin briefly": {"OMP_WAIT_POLICY": "", "GOMP_SPINCOUNT": "20000"},
    "spin as OpenMP does by itself": {"OMP_WAIT_POLICY": "", "GOMP_SPINCOUNT": "300000"},
}
"""Variables of GNU's OpenMP; 300,000 turns are what it takes by itself."""


def step_seconds(folder: str) -> float:
    """Median wall seconds of a training step of the default model on the recordings' dataset below a folder."""
    from netdiffus.models.options import train_options
    from netdiffus.steps.train import train

    config = train_options(steps=WARM_UP + STEPS + 1)
    records = list(train(Path(folder) / "dataset", Path(tempfile.mkdtemp(dir=folder)) / "model", config))
    seconds = [after.seconds - before.seconds for before, after in itertools.pairwise(records)]
    return statistics.median(seconds[WARM_UP:-1])  # the last one checks the validation


def main() -> None:
    """Measure each way of waiting alone and beside busy processes, and write the section."""
    from netdiffus import prepare, recordings

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        prepare(recordings.folder(), Path(folder) / "dataset", packets=32)
        for name, way in WAYS.items():
            cores = os.cpu_count() or 1
            alone, one, all_ = (_beside(others, folder, way) for others in (0, 1, cores))
            taken = [f"{each:.3f}" for each in (alone, one, all_)]
            rows.append([name, *taken, f"{one / alone:.2f}", f"{all_ / alone:.2f}"])
    words = (
        "Recordings, first 32 packets, default model and batch, one torch thread per core; median wall-clock "
        "seconds of a training step, beside no, one and as many processes that never wait as there are cores. "
        "Wanted: beside one at most 2.2 times as long."
    )
    header = ("waiting threads", "alone", "beside one", "beside one per core", "ratio", "ratio")
    write_section("threads", "Threads on a busy machine", f"{words}\n\n{table(header, rows)}")


def _beside(others: int, folder: str, way: dict[str, str]) -> float:
    """Seconds of a step beside so many busy processes."""
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(others)]
    try:
        time.sleep(1)
        return _measured(folder, way)
    finally:
        for process in busy:
            process.kill()
            process.wait()


def _measured(folder: str, way: dict[str, str]) -> float:
    command, environment = [sys.executable, "-c", CHILD, folder], os.environ | way
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(found.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
