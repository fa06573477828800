"""What `demo` does: the whole pipeline on the shipped recordings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netdiffus import recordings
from netdiffus.api.verbs import check, evaluate
from netdiffus.cli.demo_capture import Beside
from netdiffus.cli.progress import scoring, show_drawing, show_reading, show_training
from netdiffus.cli.say import command, say
from netdiffus.cli.show import print_headlines, print_verdicts
from netdiffus.errors import InputError
from netdiffus.metrics import Score
from netdiffus.models.options import train_options
from netdiffus.report.verdict import FEED, Verdict, verdicts
from netdiffus.steps.generate import generate
from netdiffus.steps.outputs.capture import files_of
from netdiffus.steps.outputs.generate_config import GenerateConfig
from netdiffus.steps.prepare import prepare
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.steps.train import train
from netdiffus.store.dataset import DATASET
from netdiffus.store.model import MODEL
from netdiffus.store.publish import check_files, check_folder
from netdiffus.store.report import REPORT, read_scores

PACKETS = 32
PLACES = {
    "dataset": DATASET, "model": MODEL, "report": REPORT,
    "packet-dataset": DATASET, "packet-model": MODEL, "packet-report": REPORT,
}  # fmt: skip
STEPS_PER_MINUTE = 500  # of a 2-core machine; fixed, so that a seed gives the same traces however fast the machine is
TRACES_PER_LABEL = 200
PACKET_STEPS_PER_MINUTE, SESSIONS = 150, 160  # of the model of packets
HEAD = 16  # packets of a flow that it draws one by one


def run_demo(out: Path, minutes: float, seed: int) -> None:
    """Recordings → datasets → models → balanced synthetic traces and a capture → a report of each, all below `out`.

    The traces are the first packets of flows; the capture holds whole flows, in sessions of clients.

    Raises:
        InputError: `out` is a file or holds other things under the demo's names.
    """
    if out.exists() and not out.is_dir():
        raise InputError("a folder for --out", f"{out}, a file", "name another")
    stages = _Stages()
    dataset, model, synthetic, report = (out / name for name in ("dataset", "model", "synthetic.parquet", "report"))
    capture, packet_report = out / "synthetic.pcapng", out / "packet-report"
    _check_places(out)
    with stages("all"), Beside(_capture_commands(out, minutes, seed)) as beside:
        say("beside all that follows, sessions of clients are learned, drawn and evaluated")
        with stages("prepare"):
            show_reading(prepare([recordings.folder()], dataset, PrepareConfig.of(packets=PACKETS, seed=seed)))
        config = train_options(steps=max(1, round(minutes * STEPS_PER_MINUTE)), seed=seed)
        with stages("train"):
            show_training(train(dataset, model, config), model)
        count = TRACES_PER_LABEL * len(recordings.labels())
        with stages("generate"):
            show_drawing(generate(model, synthetic, GenerateConfig.of(count=count, balance=True, seed=seed)))
        with stages("evaluate"), scoring() as show:
            scores = evaluate(dataset, synthetic, report, seed=seed, on_progress=show)
    say()
    print_headlines(scores.headlines())
    print_verdicts([verdict for verdict in scores.verdicts() if verdict.question != FEED])
    print_verdicts(_on_feeding(packet_report))
    say()
    _say_conformance(capture)
    say()
    _say_files(out)
    say()
    say(f"all of it took {stages.pop('all'):.0f} s ({stages}; beside them for the capture: {beside})")
    say("the same with your own captures, one folder per label:")
    say("    " + command("prepare", "captures/", "--out", out / "my-dataset"))
    say("    " + command("train", out / "my-dataset", "--out", out / "my-model"))


class _Stages:
    """Seconds that each stage took, by its name: `with stages("train"): ...`."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time the block."""
        began = time.monotonic()
        yield
        self._seconds[name] = time.monotonic() - began

    def pop(self, name: str) -> float:
        """The seconds of a stage, which is no longer listed."""
        return self._seconds.pop(name)

    def __str__(self) -> str:
        return ", ".join(f"{name} {seconds:.0f}" for name, seconds in self._seconds.items())


def _check_places(out: Path) -> None:
    """Raise InputError if something that the demo did not make lies where it writes."""
    for name, kind in PLACES.items():
        check_folder(out / name, kind)
    check_files([out / "synthetic.parquet"])
    check_files(files_of([out / "synthetic.pcapng"]))


def _capture_commands(out: Path, minutes: float, seed: int) -> list[list[str]]:
    """What learns whole flows and sessions from the recordings of sessions, and draws and scores a capture of them."""
    dataset, model, capture, report = (
        str(out / name) for name in ("packet-dataset", "packet-model", "synthetic.pcapng", "packet-report")
    )
    steps = str(max(1, round(minutes * PACKET_STEPS_PER_MINUTE)))
    learned = ["--image", "fields", "--length", str(HEAD), "--steps", steps]
    return [
        [verb, *options, "--seed", str(seed), "--out", made, "--", *given]
        for verb, options, made, given in (
            ("prepare", ["--packets", "all", "--payload-shapes"], dataset, [str(recordings.folder("sessions"))]),
            ("train", learned, model, [dataset]),
            ("generate", ["--sessions", str(SESSIONS)], capture, [model]),
            ("evaluate", ["--no-baselines"], report, [dataset, capture]),
        )
    ]


def _on_feeding(report: Path) -> list[Verdict]:
    """The answer of the report of the capture: the traces are the first packets of flows alone."""
    scores = [Score.from_dict(entry) for entry in read_scores(report)]
    return [verdict for verdict in verdicts(scores) if verdict.question == FEED]


def _say_conformance(capture: Path) -> None:
    """What `netdiffus check` finds in the capture."""
    checked = check(capture)
    faults = sum(fault.packets for fault in checked.faults)
    say(f"{checked.packets:,} synthetic packets, {faults:,} faults found by 'netdiffus check'")


def _say_files(out: Path) -> None:
    for name, path in (
        ("dataset", "dataset"),
        ("model", "model"),
        ("traces", "synthetic.parquet"),
        ("capture", "synthetic.pcapng"),
        ("report", "report/report.html"),
        ("packets", "packet-report/report.html"),
    ):
        say(f"{name + ':':<9} {out / path}")
