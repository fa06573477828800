"""What fuzzing has done so far: a line a run, and the sum of those that ran on the code as it is now."""

from __future__ import annotations

import hashlib
import importlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from fuzz.forms import compiled_form

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "fuzz"
LEDGER = FOLDER / "ledger.jsonl"


@dataclass(frozen=True)
class Run:
    """One run of a target; `code` is the hash of all that it ran, `found` the inputs at which it stopped."""

    target: str
    code: str
    executions: int
    seconds: float
    features: int
    found: int


def code_of(target: str) -> str:
    """A hash over the files of netdiffus that a target reads, and over the target's own."""
    module = importlib.import_module(f"fuzz.{target}")
    files = [*map(Path, compiled_form(*module.MODULES).files), Path(str(module.__file__))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def add(run: Run) -> None:
    """One more line."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(LEDGER, "a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(run)) + "\n")


def total(target: str) -> Run:
    """All runs of a target on the code as it is now, as one."""
    code = code_of(target)
    lines = LEDGER.read_text(encoding="utf-8").splitlines() if LEDGER.exists() else []
    runs = [run for run in (Run(**json.loads(line)) for line in lines) if (run.target, run.code) == (target, code)]
    return summed(target, runs)


def summed(target: str, runs: list[Run]) -> Run:
    """Several runs as one, with the code of the last."""
    return Run(
        target,
        runs[-1].code if runs else "",
        sum(run.executions for run in runs),
        sum(run.seconds for run in runs),
        max((run.features for run in runs), default=0),
        sum(run.found for run in runs),
    )
