"""The steps on several nodes of one machine: speed, equality, deaths of nodes, and memory of the command's process.

Speeds need a machine that does nothing else, with a CPU for each node. `--only kills --tries 3` and `--only memory
--most 300000` are trials.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread

import numpy as np

from bench.cluster_deaths import PATIENCE_S, measure_kills, measure_memory
from bench.cluster_nodes import Run, below, command, nodes
from bench.cluster_work import captures, same_rows, small_model
from bench.results import table, write_section
from bench.small_traffic import two_labels
from netdiffus import prepare
from netdiffus.store.cards import ModelCard

PARTS = ("prepare", "generate", "train", "kills", "memory")
COUNTS = (100_000, 1_000_000)
Command = Callable[[int], Sequence[object]]
"""The arguments of a command on so many nodes."""


@dataclass(frozen=True)
class Speed:
    """A command on so many nodes (0: without Ray), of its whole work and of a part of it.

    Attributes:
        whole: of all the work. few: of so much less that what remains between both is work alone, without start-up.
    """

    nodes: int
    whole: Run
    few: Run

    def rates(self, work: int, less: int) -> tuple[float, float]:
        """Work a second of the whole process, and of what it takes longer than with `less` work."""
        return work / self.whole.seconds, (work - less) / max(self.whole.seconds - self.few.seconds, 1e-9)


def speeds(counts: Sequence[int], whole: Command, few: Command) -> Iterator[Speed]:
    """A command with all its work and with a part of it, on clusters of so many nodes; workers start in each."""
    for count in counts:
        if not count:
            yield Speed(0, command(whole(0)), command(few(0)))
            continue
        with nodes(count) as cluster:
            yield Speed(count, command(whole(count), cluster), command(few(count), cluster))


def speed_table(found: Sequence[Speed], work: int, less: int, unit: str, same: Callable[[int], str]) -> str:
    """Rates, CPU and the ratio to one node, by nodes; `same` says what became of the result."""
    rows: list[tuple[object, ...]] = []
    rates = {speed.nodes: speed.rates(work, less) for speed in found}
    for speed in found:
        (whole, steady), cpu = rates[speed.nodes], speed.whole.cpu
        ratios = [f"{rate / rates[1][k]:.2f}" if speed.nodes > 1 else "" for k, rate in enumerate((whole, steady))]
        more = f"{cpu / found[0].whole.cpu - 1:+.0%}" if speed.nodes else ""
        said = f"{whole:,.0f}", ratios[0], f"{steady:,.0f}", ratios[1], f"{cpu:.1f}", more, same(speed.nodes)
        rows.append((speed.nodes or "without Ray", *said))
    head = [
        f"{unit}/s, whole process",
        "of 1 node",
        f"{unit}/s, steady",
        "of 1 node",
        "CPU-seconds",
        "more CPU",
        "result",
    ]
    return table(["nodes", *head], rows)


def measure_prepare(folder: Path, files: int, packets: int) -> str:
    """Packets per second and CPU without Ray and with 1 and 2 nodes, and whether the rows are the same."""
    source = captures(folder / "captures", files, packets)
    few = max(1, files // 5)
    part = captures(folder / "few", few, packets)

    def whole(count: int) -> Sequence[object]:
        return ["prepare", source, "--out", folder / f"dataset{count}"]

    def less(count: int) -> Sequence[object]:
        return ["prepare", part, "--out", folder / f"few{count}"]

    def same(count: int) -> str:
        return "same rows" if same_rows(folder / "dataset0", folder / f"dataset{count}") else "OTHER ROWS"

    return speed_table(list(speeds((0, 1, 2), whole, less)), files * packets, few * packets, "packets", same)


def measure_generate(folder: Path, count: int) -> str:
    """Traces per second without Ray and with 1, 2 and 4 nodes, and the hash of the file."""
    model, few = small_model(folder), count // 5

    def drawn(name: str, traces: int, number: int) -> Sequence[object]:
        return ["generate", model, "--out", folder / f"{name}{number}.parquet", "--count", traces]

    def digest(number: int) -> str:
        return hashlib.sha256((folder / f"drawn{number}.parquet").read_bytes()).hexdigest()[:12]

    found = list(speeds((0, 1, 2, 4), partial(drawn, "drawn", count), partial(drawn, "few", few)))
    return speed_table(found, count, few, "traces", digest)


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


def main(given: Sequence[str] = ()) -> None:
    """Measure, and write the section; parts of it are only printed."""
    parser = argparse.ArgumentParser(prog="python -m bench cluster", description=__doc__)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--packets", type=int, default=500_000)
    parser.add_argument("--count", type=int, default=400_000)
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
                said.append(measure_memory(folder, [*(count for count in COUNTS if count < asked.most), asked.most]))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    text = "\n\n".join(said)
    if asked.only is None:
        write_section("cluster", "Several nodes of one machine", text)
    else:
        print(text)
