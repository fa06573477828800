"""demo: the main job from end to end on the shipped recordings."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from netdiffus import recordings
from netdiffus.api.verbs import evaluate
from netdiffus.cli.progress import scoring, show_drawing, show_reading, show_training
from netdiffus.cli.show import print_headlines, print_verdicts
from netdiffus.errors import InputError
from netdiffus.steps.generate import GenerateConfig, generate
from netdiffus.steps.prepare import prepare
from netdiffus.steps.prepare_config import PrepareConfig
from netdiffus.steps.train import share_done, train, train_config

PACKETS = 32
STEPS_PER_MINUTE = 400  # of a 2-core machine; fixed, so that a seed gives the same traces however fast the machine is
TRACES_PER_LABEL = 200


def run_demo(out: Path, minutes: float, seed: int) -> None:
    """Recordings → dataset → model → balanced synthetic traces → report, all below the folder `out`.

    Raises:
        InputError: `minutes` is not above 0, or `out` is a file or holds other things under the demo's names.
    """
    if minutes <= 0:
        raise InputError("--minutes above 0", str(minutes), "correct --minutes")
    if out.exists() and not out.is_dir():
        raise InputError("a folder for --out", f"{out}, a file", "name another")
    began = time.monotonic()
    dataset, model, synthetic, report = (out / name for name in ("dataset", "model", "synthetic.parquet", "report"))
    show_reading(prepare([recordings.folder()], dataset, PrepareConfig.of(packets=PACKETS, seed=seed)))
    config = train_config(steps=max(1, round(minutes * STEPS_PER_MINUTE)), seed=seed)
    show_training(train(dataset, model, config), share_done(config), model)
    count = TRACES_PER_LABEL * len(recordings.labels())
    show_drawing(generate(model, synthetic, GenerateConfig.of(count=count, balance=True, seed=seed)))
    with scoring() as show:
        scores = evaluate(dataset, synthetic, report, seed=seed, on_progress=show)
    print()
    print_headlines(scores.headlines())
    print_verdicts(scores.verdicts())
    print()
    for name, path in (
        ("dataset", dataset),
        ("model", model),
        ("traces", synthetic),
        ("report", report / "report.html"),
    ):
        print(f"{name + ':':<9} {path}")
    print(f"\nall of it took {time.monotonic() - began:.0f} s; the same with your own captures, one folder per label:")
    for command in (
        f"netdiffus prepare captures/ --out {shlex.quote(str(out / 'my-dataset'))}",
        f"netdiffus train {shlex.quote(str(out / 'my-dataset'))} --out {shlex.quote(str(out / 'my-model'))}",
    ):
        print(f"    {command}")
