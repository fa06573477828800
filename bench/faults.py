"""Kills: every command is killed at random moments, and the old or the new result must be there, whole.

Half of the kills come after a random time, half at a random change of the file system. FAULTS_KILLS sets how many
(default 500, about two seconds each). Children are forked after the imports; the parent starts no threads.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from safetensors.numpy import load_file

from bench.results import table, write_section
from bench.snapshots import Snapshot, snapshot
from netdiffus import metrics, recordings
from netdiffus.cli import demo  # noqa: F401 - all that the commands import
from netdiffus.cli import main as cli
from netdiffus.steps import evaluate as evaluating
from netdiffus.steps import train
from netdiffus.store.stage import PREFIX
from netdiffus.wire.files.reader import read_capture
from netdiffus.wire.files.writer import write_pcap

KILLS, SEED = 500, 0
TRAINED, FLOWS = 6, 30  # steps of a training, packets of a capture times ten
METRICS = ("marginal", "copies")
CHANGES = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.chmod", "ctypes.dlsym"}


@dataclass
class Case:
    """A command, and one that makes an old result in the same place; both write below {out} and read below {in}."""

    name: str
    command: str
    before: str
    old: Snapshot = field(default_factory=dict)
    new: Snapshot = field(default_factory=dict)
    seconds: float = 0.0
    changes: int = 0


GENERATED = (
    ("model", "x.parquet", "--count 8"),
    ("model", "x.csv", "--count 8"),
    ("model", "x.npz", "--count 8"),
    ("model", "images", "--count 4"),
    ("packets", "x.pcap", "--count 4"),
    ("packets", "x.pcapng", "--count 4"),
    ("packets", "x.nprint.npz", "--count 4"),
    ("packets", "bit-images", "--count 4"),
    ("packets", "y.pcap", "--count dns=2 --count ntp=2 --per-label"),
)
COMMANDS = {
    "prepare tables": ("prepare {in}/t.parquet --out {out}/x", "prepare {in}/t.parquet --out {out}/x --seed 1"),
    "prepare captures": ("prepare {in}/captures --out {out}/x", "prepare {in}/t.parquet --out {out}/x"),
    "prepare nPrint rows": (
        "prepare {in}/captures --out {out}/x.nprint.npz",
        "prepare {in}/captures --out {out}/x.nprint.npz --headers udp",
    ),
    "train": (
        f"train {{in}}/table --out {{out}}/x --preset tiny --steps {TRAINED}",
        "train {in}/table --out {out}/x --preset tiny --steps 2 --seed 1",
    ),
    "train --resume": (
        f"train {{in}}/table --out {{out}}/x --preset tiny --steps {TRAINED} --resume",
        "train {in}/table --out {out}/x --preset tiny --steps 2",
    ),
    "evaluate": (
        "evaluate {in}/table {in}/t.parquet --out {out}/x --no-baselines",
        "evaluate {in}/table {in}/t.parquet --out {out}/x --no-baselines --seed 1",
    ),
    "image": ("image {in}/few.parquet --out {out}/x", "image {in}/few.parquet --out {out}/x --form png"),
    "image of bits": ("image {in}/flows --image bits --out {out}/x", "image {in}/few.parquet --out {out}/x"),
    "image back": ("image {in}/images --out {out}/x.csv", "generate {in}/model --out {out}/x.csv --count 8"),
    "repair": (
        "repair {in}/captures/dns/dns.pcap --out {out}/x.pcapng",
        "repair {in}/captures/ntp/ntp.pcap --out {out}/x.pcapng",
    ),
    "import": (
        "import {in}/ema.pt --out {out}/x --image-size 4 --steps 10",
        "import {in}/ema.pt --out {out}/x --image-size 4 --steps 20",
    ),
}
CASES = [Case(name, *commands) for name, commands in COMMANDS.items()]
CASES += [
    Case(f"generate {out}", command, f"{command} --seed 1")
    for model, out, more in GENERATED
    for command in [f"generate {{in}}/{model} --out {{out}}/{out} {more}"]
]
INPUTS = (
    "prepare {in}/t.parquet --out {in}/table",
    "prepare {in}/captures --out {in}/flows --packets 8",
    "train {in}/table --out {in}/model --preset tiny --steps 2",
    "train {in}/flows --out {in}/packets --image fields --preset tiny --steps 2",
    "image {in}/few.parquet --out {in}/images",
)


def main(options: Sequence[str] = ()) -> None:
    """Kill and count; `--kills N` is a trial, and only printed."""
    kills = int(options[1]) if options[:1] == ["--kills"] else int(os.environ.get("FAULTS_KILLS", str(KILLS)))
    train.SAVE_EVERY_S = 0.0
    patch.object(evaluating, "METRICS", {name: metrics.METRICS[name] for name in METRICS}).start()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "temporary").mkdir()
        tempfile.tempdir = str(root / "temporary")
        make_inputs(root)
        for case in CASES:
            measure(case, root)
        rng, found = random.Random(SEED), {case.name: Counter[str]() for case in CASES}
        for number in range(kills):
            case = CASES[number % len(CASES)]
            found[case.name].update(kill(case, root, rng, over=rng.random() < 0.7 or "--resume" in case.command))
            print(f"{number + 1}/{kills} {case.name}: {dict(found[case.name])}", file=sys.stderr, flush=True)
    body = report(found)
    tempfile.tempdir = None
    write_section("faults", "Killed commands", body) if kills == KILLS else print(body)


def report(found: dict[str, Counter[str]]) -> str:
    """What became of the kills, as Markdown."""
    outcomes = ("nothing yet", "old", "new", "finished by a reader", "a saved training")
    words = ("no result yet", "old result", "new result", "completed by a reader", "saved training")
    header = ("command", *words, "wrong")
    total = sum(found.values(), Counter[str]())
    rows = [[name, *(counts[outcome] or "" for outcome in outcomes), counts["wrong"]] for name, counts in found.items()]
    rows.append(["all", *(total[outcome] for outcome in outcomes), total["wrong"]])
    return (
        f"{sum(total.values())} kills (SIGKILL), half of them after a random time, half at a random change of the file "
        "system. Checked after each: the result at --out is the old one, the new one, or absent if there was none "
        "before; the user's own files are unchanged; the same command then succeeds with the same result as without a "
        "kill, byte for byte (for a model: weights, state and log except for the seconds); nothing is left behind, not "
        "even in the folder for temporary files. The files of one capture are replaced one after another: the next "
        "command that reads or writes them completes an interrupted replacement. A training continues with --resume. "
        f"Here, evaluate computes only {' and '.join(METRICS)}.\n\n" + table(header, rows)
    )


def make_inputs(root: Path) -> None:
    """What the commands read, below root/in."""
    place = root / "in"
    for label in ("dns", "ntp"):
        (place / "captures" / label).mkdir(parents=True)
        source = next((recordings.folder() / label).glob("*.pcap*"))
        packets = [packet for block in read_capture(source) for packet in block.packets()][: 10 * FLOWS]
        write_pcap(place / "captures" / label / f"{label}.pcap", packets)
    pid = os.fork()
    if not pid:
        import torch

        from bench.small_traffic import two_labels
        from netdiffus.diffusion.unet import UNet, UNetShape

        two_labels(60, seed=0).write_parquet(place / "t.parquet")
        two_labels(6, seed=0).write_parquet(place / "few.parquet")
        torch.save(UNet(UNetShape(1, 2, 32, (1, 2), 1, frozenset({1}), 4, 2)).state_dict(), place / "ema.pt")
        os._exit(0)
    os.waitpid(pid, 0)
    for command in INPUTS:
        run(command, root, root / "out")


def start(command: str, root: Path, out: Path, *, die_at: int = 0, count: Path | None = None) -> int:
    """Fork a child that runs a command; it kills itself at a change of the file system, or counts them."""
    pid = os.fork()
    if pid:
        return pid
    log = os.open(root / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    changes, marks = 0, (str(out), PREFIX)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal changes
        if event in CHANGES and (event == "ctypes.dlsym" or any(mark in str(arguments) for mark in marks)):
            changes += 1
            if changes == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    code = cli.run([word.replace("{in}", str(root / "in")).replace("{out}", str(out)) for word in command.split()])
    if count is not None:
        count.write_text(str(changes))
    os._exit(code)


def run(command: str, root: Path, out: Path, allowed: tuple[int, ...] = (0,)) -> None:
    """Run a command to its end.

    Raises:
        RuntimeError: it ends with another code.
    """
    code = os.waitstatus_to_exitcode(os.waitpid(start(command, root, out), 0)[1])
    if code not in allowed:
        raise RuntimeError(f"{command}: exit {code}: {(root / 'log').read_text()[-500:]}")


def measure(case: Case, root: Path) -> None:
    """Make the old and the new result without a kill: what is in them, how long it takes, how many changes."""
    old, new, count = root / "old" / case.name, root / "out", root / "count"
    shutil.rmtree(new, ignore_errors=True)
    old.mkdir(parents=True)
    run(case.before, root, old)
    case.old = snapshot(old)
    shutil.copytree(old, new)
    began = time.perf_counter()
    os.waitpid(start(case.command, root, new, count=count), 0)
    case.seconds, case.changes = time.perf_counter() - began, int(count.read_text())
    case.new = snapshot(new)
    if not case.new or case.new == case.old:
        raise RuntimeError(f"{case.name}: no new result: {(root / 'log').read_text()[-500:]}")


def kill(case: Case, root: Path, rng: random.Random, *, over: bool) -> list[str]:
    """Kill one run and look; returns what was found."""
    out = root / "out"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(root / "old" / case.name, out) if over else out.mkdir()
    (out / "notes.txt").write_text("a user's")
    (out / "x-notes").mkdir()
    aimed = rng.random() < 0.5
    pid = start(case.command, root, out, die_at=rng.randint(1, case.changes) if aimed else 0)
    if not aimed:
        time.sleep(rng.uniform(0, 1.1 * case.seconds))
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    found = snapshot(out)
    before = case.old if over else {}
    outcome = {True: "old" if over else "nothing yet", False: "new"}[found == before]
    if found not in (before, case.new):
        outcome = _look_again(case, root, out, before)
    try:
        _go_on(case, root, out, outcome)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return ["wrong"]
    left = [path for path in (*out.rglob("*"), *(root / "temporary").iterdir()) if path.name.startswith(PREFIX)]
    users = (out / "notes.txt").read_text() == "a user's" and (out / "x-notes").is_dir()
    right = snapshot(out) == case.new and not left and users
    return [outcome if right else "wrong"]


def _look_again(case: Case, root: Path, out: Path, before: Snapshot) -> str:
    """Of a training: whether what is saved is one of its steps. Else: what a reader makes of it."""
    if case.name.startswith("train"):
        state = load_file(out / "x" / "resume" / "state.safetensors")
        steps = {int(state["step"]), json.loads((out / "x" / "model.json").read_text())["steps"]}
        steps.add(json.loads((out / "x" / "log.jsonl").read_text().splitlines()[-1])["step"])
        return "a saved training" if len(steps) == 1 else "wrong"
    captures = [path for path in out.iterdir() if path.suffix in (".pcap", ".pcapng")]
    run(f"info {captures[0]}", root, out)
    return "finished by a reader" if snapshot(out) in (before, case.new) else "wrong"


def _go_on(case: Case, root: Path, out: Path, outcome: str) -> None:
    """The next run."""
    if outcome == "wrong":
        raise RuntimeError(f"{case.name}: neither the old result nor the new one: {sorted(snapshot(out))}")
    more = " --resume" if outcome in ("a saved training", "new") and case.name == "train" else ""
    done = outcome == "new" and case.name.startswith("train")
    run(case.command + more, root, out, (2,) if done else (0,))


if __name__ == "__main__":
    main()
