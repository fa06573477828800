"""How long a command takes before it works: CPU-seconds of whole processes, compiled kernels being there."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.results import table, write_section
from netdiffus import recordings
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.writer import write_pcap

REPEATS = 7
PACKETS = 100
COMMAND = "from netdiffus.cli.main import main; main({!r})"
FIRST = """
import os
import netdiffus.cli.main
from netdiffus.traffic.flows import seen
dissect = seen.dissect
def first(block):
    dissect(block)
    os._exit(0)
seen.dissect = first
"""
"""The process ends when the header fields of the first packets are there."""


def children() -> dict[str, str]:
    """Python programs by what they do; `{in}` is a folder with a capture, `{out}` is new each time."""
    prepare = COMMAND.format(["prepare", "{in}", "--out", "{out}"])
    return {
        "`import netdiffus`": "import netdiffus",
        "`netdiffus --help`": COMMAND.format(["--help"]),
        f"`netdiffus prepare` of {PACKETS} packets, to the first one": FIRST + prepare,
        f"`netdiffus prepare` of {PACKETS} packets, whole": prepare,
    }


def seconds(program: str) -> tuple[float, float]:
    """CPU-seconds and seconds of a process."""
    begin = perf_counter()
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    child = subprocess.Popen(
        [sys.executable, "-c", program], env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"a process ended with {os.waitstatus_to_exitcode(status)}: {program}")
    return used.ru_utime + used.ru_stime, perf_counter() - begin


def main() -> None:
    """Measure, and write the section."""
    (path,) = recordings.captures()["web"]
    packets = islice((packet for block in read_capture(path) for packet in block.packets()), PACKETS)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "web"
        source.mkdir()
        with open(source / "web.pcap", "wb") as file:
            write_pcap(file, packets)
        rows = []
        for number, (name, program) in enumerate(children().items()):
            taken = []
            for repeat in range(REPEATS + 1):  # the first one fills caches
                out = Path(folder) / f"{number}-{repeat}"
                taken.append(seconds(program.replace("{in}", str(source)).replace("{out}", str(out))))
            cpu, wall = (median(column) for column in zip(*taken[1:], strict=True))
            rows.append([name, f"{cpu:.2f}", f"{wall:.2f}"])
    body = (
        f"Whole processes from the prompt on, compiled kernels and bytecode being there; medians of {REPEATS}. "
        "The first run on a machine compiles besides.\n\n"
    )
    write_section("startup", "Start", body + table(["process", "CPU-seconds", "seconds"], rows))
