"""Run fuzz targets: python -m fuzz [TARGET ...] --seconds N | --runs N; without a name, all of them in turn."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from fuzz import TARGETS, ledger

HANG_SECONDS, MEMORY_MIB = 5, 1024
ROUND = 200_000
"""Executions in one process: the tracing of comparisons in atheris keeps up to 3 KiB of each."""


def fuzz(target: str, *, seconds: int = 0, runs: int = -1) -> ledger.Run:
    """Run one target in a process of its own until the time or the number of runs is up, or an input fails.

    The corpus grows from one run to the next, in build/fuzz; an input that fails is kept there under found/.
    """
    folders = [ledger.FOLDER / name / target for name in ("corpus", "seeds", "found")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    _, seeds, found = folders
    for data in importlib.import_module(f"fuzz.{target}").seeds():
        (seeds / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    before, began, done = set(found.iterdir()), time.monotonic(), ledger.Run(target, "", 0, 0.0, 0, 0)
    while done.found == 0:
        left = round(seconds - (time.monotonic() - began)) if seconds > 0 else 0
        if (seconds > 0 and left <= 0) or 0 <= runs <= done.executions:
            break
        code, start = ledger.code_of(target), time.monotonic()
        text = _libfuzzer(target, ROUND if runs < 0 else min(ROUND, runs - done.executions), left, folders)
        counts = re.findall(r"stat::number_of_executed_units:\s*(\d+)", text)
        counts += re.findall(r"^#(\d+)\t", text, re.MULTILINE)[-1:]
        features = max(map(int, re.findall(r"\bft: (\d+)", text)), default=0)
        new = len(set(found.iterdir()) - before)
        if not new and "Done " not in text:
            raise SystemExit(f"fuzzing {target} ended without a finding and without an end; see above")
        taken = round(time.monotonic() - start, 1)
        run = ledger.Run(target, code, int(counts[0]) if counts else 0, taken, features, new)
        ledger.add(run)
        done = ledger.summed(target, [done, run])
    return done


def _libfuzzer(target: str, runs: int, seconds: int, folders: list[Path]) -> str:
    """What libFuzzer printed in one process, which is passed on."""
    corpus, seeds, found = folders
    command = [sys.executable, "-m", "fuzz.child", target, str(found), str(corpus), str(seeds)]
    command += [f"-max_len={importlib.import_module(f'fuzz.{target}').MAX_BYTES}", f"-artifact_prefix={found}/"]
    command += [f"-timeout={HANG_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}", "-print_final_stats=1"]
    command += [f"-max_total_time={seconds}", f"-runs={runs}"]
    compiled = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(ledger.FOLDER / "compiled")}
    child = subprocess.Popen(
        command,
        env=os.environ | compiled | {"POLARS_MAX_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    text = ""
    with child:
        assert child.stdout is not None
        for line in child.stdout:
            print(line, end="", flush=True)
            text += line
    return text


def main() -> int:
    """0 when nothing was found, 1 when something was, 2 for a wrong command line."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all without one")
    parser.add_argument("--seconds", type=int, default=0, help="for each target")
    parser.add_argument("--runs", type=int, default=-1, help="for each target")
    options = parser.parse_args()
    unknown = [name for name in options.targets if name not in TARGETS]
    if unknown:
        parser.error(f"expected targets among {', '.join(TARGETS)}; got {unknown[0]}; name one of those")
    if options.seconds <= 0 and options.runs <= 0:
        parser.error("expected --seconds or --runs above 0; got neither; say how long to run")
    if importlib.util.find_spec("atheris") is None:
        parser.error("expected atheris; got none; install it with: pip install 'netdiffus[fuzz]'")
    done = [fuzz(name, seconds=options.seconds, runs=options.runs) for name in options.targets or TARGETS]
    print(f"\n{'target':10}{'executions':>12}{'seconds':>9}{'a second':>10}{'found':>7}")
    for run in done:
        rate = run.executions / max(run.seconds, 0.1)
        print(f"{run.target:10}{run.executions:>12,}{run.seconds:>9.0f}{rate:>10,.0f}{run.found:>7}")
    found = [path for run in done for path in sorted((ledger.FOLDER / "found" / run.target).iterdir()) if run.found]
    for path in found:
        print(f"found: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
