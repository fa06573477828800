"""Speed beside the published U-Net, in one process: sampling, a training step, and the time to equal usefulness.

python -m bench published [--only sampling,step,time]

The presets netdiffus and netdiffus2 compute what guided-diffusion computes (tests/diffusion), so their time stands for
the published code's.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench.results import table, write_section
from bench.sets.collection import SETS
from bench.sets.measures import Parts, arrays, learned
from netdiffus.api.verbs import generate, train
from netdiffus.metrics import Traces
from netdiffus.models.manifest import read_model
from netdiffus.models.network import batch_size
from netdiffus.models.options import ImportedOptions
from netdiffus.store.dataset import read_dataset
from netdiffus.traffic.traces import channel_names

OURS, THEIRS = "default", "published U-Net"
DRAWN = {OURS: 4_200, THEIRS: 28}  # traces of a round
ROUNDS, SHORTER = 3, 7  # the first round, which does not count, is so many times shorter
STEPS = {OURS: 20, THEIRS: 6}
LONG_STEPS = {OURS: 8, THEIRS: 4}  # at 128 positions
LONG, WINDOW = 128, 32
WANTED_SAMPLING, WANTED_STEP, WANTED_TIME = 3_000, 50, 20
WANTED_WINDOW = 800  # traces per CPU-second at 32 positions
# NetDiffus 2.0's own code on MIRAGE, 25 minutes on 2 cores of an AMD EPYC: 3,881 steps of 4 images; then a random
# forest trained on 70 of its traces a label is right on this share of the test flows whose sizes are not in training.
REACHED, STEPS_TAKEN, PER_LABEL = 0.342, 3_881, 70
BUDGETS = tuple(0.05 * 2**power for power in range(9))  # minutes

Row = tuple[str, ...]


def step_seconds(dataset: Path, folder: Path, steps: int, **options: Any) -> tuple[list[float], int]:
    """CPU-seconds of each training step but the first two (after the first the model is saved), and the batch."""
    clock: list[float] = []
    train(
        dataset, folder, steps=steps, validation=0.0, on_progress=lambda _: clock.append(time.process_time()), **options
    )
    found = read_model(folder)
    if isinstance(found.options, ImportedOptions):
        raise TypeError("a model that was trained has no imported options")
    return list(np.diff(clock)[1:]), batch_size(found.options, found.codec.length)


def drawing_seconds(model: Path, out: Path, count: int) -> float:
    """CPU-seconds to draw and write so many traces."""
    before = time.process_time()
    generate(model, out, count=count, balance=True)
    return time.process_time() - before


def sampling(mirage: Path, folder: Path) -> str:
    """Traces per CPU-second at 10 positions; both in turn, because the machine's speed changes."""
    cases: list[tuple[str, dict[str, Any]]] = [(OURS, {}), (THEIRS, {"preset": "netdiffus2"})]
    for name, options in cases:
        train(mirage, folder / name, steps=1, **options)
    for name, _ in cases:
        drawing_seconds(folder / name, folder / "drawn.parquet", DRAWN[name] // SHORTER)
    seconds = [
        {name: drawing_seconds(folder / name, folder / "drawn.parquet", DRAWN[name]) for name, _ in cases}
        for _ in range(ROUNDS)
    ]
    speeds = {name: [DRAWN[name] / one[name] for one in seconds] for name, _ in cases}
    rows = [(name, f"{DRAWN[name]:,}", *(f"{speed:,.2f}" for speed in speeds[name])) for name, _ in cases]
    ratios = [mine / theirs for mine, theirs in zip(speeds[OURS], speeds[THEIRS], strict=True)]
    text = "Sampling, MIRAGE's first 10 sizes and directions (the U-Net: T = 100), traces per CPU-second in "
    text += f"{ROUNDS} rounds, after a shorter one that does not count:\n\n"
    text += table(("model", "traces a round", *(f"round {number + 1}" for number in range(ROUNDS))), rows)
    text += f"\n\n{statistics.median(ratios):,.0f} times as many (median of "
    text += f"{', '.join(f'{ratio:,.0f}' for ratio in ratios)}; wanted: {WANTED_SAMPLING:,})."
    return f"{text} {sampling_alone(folder)}"


def sampling_alone(folder: Path) -> str:
    """The default's traces per CPU-second at WINDOW positions of one channel."""
    (folder / "window").mkdir()
    model = train(SETS["fgnet"].prepare(folder / "window", packets=WINDOW), folder / "window model", steps=1)
    seconds = [drawing_seconds(model, folder / "drawn.parquet", DRAWN[OURS]) for _ in range(1 + ROUNDS)][1:]
    speed = DRAWN[OURS] / statistics.median(seconds)
    return f"The default at {WINDOW} positions, fgnet: {speed:,.0f} traces per CPU-second (wanted: {WANTED_WINDOW})."


def step(folder: Path) -> str:
    """CPU-seconds of a training step at 128 positions, by step and by trace."""
    (folder / "long").mkdir()
    dataset = SETS["fgnet"].prepare(folder / "long", packets=LONG)
    rows, costs = [], {}
    cases: list[tuple[str, dict[str, Any]]] = [(OURS, {"length": LONG}), (THEIRS, {"preset": "netdiffus"})]
    for name, options in cases:
        seconds, batch = step_seconds(dataset, folder / f"long {name}", LONG_STEPS[name], **options)
        cost = statistics.median(seconds) if name == OURS else min(seconds)  # in doubt for the other
        costs[name] = (cost, cost / batch, batch)
        rows.append((name, batch, f"{cost:.2f}", f"{1000 * cost / batch:,.1f}"))
    by_step, by_trace, fewer = (costs[THEIRS][at] / costs[OURS][at] for at in range(3))
    text = f"A training step, fgnet's first {LONG} sizes and directions (the U-Net: {LONG} pixels):\n\n"
    text += table(("model", "traces in a step", "CPU-seconds a step", "CPU-milliseconds a trace"), rows)
    text += f"\n\nA step is {by_step:,.1f} times cheaper (wanted: {WANTED_STEP}), with {1 / fewer:g} times as many "
    return text + f"traces; a trace {by_trace:,.0f} times."


def signed(traces: Traces) -> Traces:
    """One channel: size, negative upwards, 0 past the end."""
    size, direction = traces.series[:, 0], traces.series[:, 1]
    return Traces(np.nan_to_num(np.where(direction == 1, size, -size))[:, None], traces.labels)


def equal_usefulness(mirage: Path, folder: Path) -> str:
    """CPU-seconds of training until the default is as useful as the published code after 25 minutes."""
    _, traces = read_dataset(mirage)
    parts = Parts.of(traces, channel_names(traces))
    unseen = signed(parts.test.take(parts.unseen))
    seconds, batch = step_seconds(mirage, folder / "steps", STEPS[THEIRS], preset="netdiffus2")
    theirs = STEPS_TAKEN * min(seconds)
    rows, ours = [], 0.0
    for minutes in BUDGETS:
        before = time.process_time()
        model = train(mirage, folder / "model", minutes=minutes)
        ours = time.process_time() - before
        generate(model, folder / "drawn.parquet", count=PER_LABEL * len(np.unique(parts.train.labels)), balance=True)
        drawn = arrays(pl.read_parquet(folder / "drawn.parquet"), parts.channels, unseen.series.shape[-1])
        accuracy = learned(signed(drawn), unseen).accuracy
        rows.append((f"{60 * minutes:g}", f"{ours:.1f}", f"{accuracy:.3f}"))
        if accuracy >= REACHED:
            break
    text = f"Time to equal usefulness: accuracy of a random forest trained on {PER_LABEL} synthetic traces a label, on "
    text += f"the {len(unseen):,} test traces of MIRAGE that equal no training trace. NetDiffus 2.0's own code reached "
    text += f"{REACHED} with {STEPS_TAKEN:,} steps (25 minutes, measured elsewhere); a step of its U-Net, {batch} "
    text += f"images, takes {min(seconds):.2f} CPU-seconds here: {theirs:,.0f} CPU-seconds. The default:\n\n"
    text += table(("seconds asked for", "CPU-seconds", "accuracy"), rows)
    reached = f"{theirs / ours:,.0f} times shorter" if accuracy >= REACHED else "not reached"
    return text + f"\n\n{reached[0].upper()}{reached[1:]} (wanted: {WANTED_TIME})."


def main(given: Sequence[str] = ()) -> None:
    """Measure what is asked for; the section is written when all of it was."""
    parser = argparse.ArgumentParser(prog="python -m bench published", description=__doc__)
    parser.add_argument("--only", default="sampling,step,time")
    chosen = parser.parse_args(given).only.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        mirage = SETS["mirage"].prepare(folder)
        parts = {
            "sampling": lambda: sampling(mirage, folder),
            "step": lambda: step(folder),
            "time": lambda: equal_usefulness(mirage, folder),
        }
        texts = []
        for name in chosen:
            texts.append(parts[name]())
            print(texts[-1], flush=True)
    if set(chosen) == set(parts):
        text = "The presets netdiffus and netdiffus2 hold the published U-Net number by number; one process.\n\n"
        write_section("published", "Speed compared with the published U-Net", text + "\n\n".join(texts))


if __name__ == "__main__":
    main()
