"""Differential privacy: how useful private models are, what attacks find, and an audit with planted canaries.

python -m bench privacy [--only mirage,audit] [--draws 2] [--runs 20] [--public recordings]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from bench.canaries import BESIDE, CANARIES, CHANNELS, DELTA, audit
from bench.results import spread, table, write_section
from bench.sets.collection import SETS
from bench.sets.measures import Parts, arrays, learned
from netdiffus import recordings
from netdiffus.api.verbs import generate, prepare, train
from netdiffus.metrics.classification import Result
from netdiffus.metrics.membership import true_positives
from netdiffus.models.backends import load_model
from netdiffus.traffic.traces import channel_names

EPSILONS = (8.0, 4.0, 1.0)
WANTED = {8.0: (0.85, 0.75), 4.0: (0.82, 0.70), 1.0: (0.65, 0.50)}
LENGTHS = {"mirage": 10, "recordings": 32, "fgnet": 30}
AUDIT, DRAWS, RUNS = "audit", 2, 20
MORE = 5
"""Draws for each training trace in the second of two measurements: a guarantee holds for any number of them."""


def _dataset(name: str, folder: Path) -> Path:
    if name == "recordings":
        return prepare(recordings.folder(), folder / "dataset", packets=LENGTHS[name])
    return SETS[name].prepare(folder)


@dataclass(frozen=True)
class Trained:
    """One private training: forests on its draws, by draws for each training trace; the attack on it; its seconds."""

    forests: dict[int, Result]
    attack: tuple[float, float]
    seconds: float


def trained(dataset: Path, name: str, epsilon: float, seed: int, public: str | None) -> Trained:
    """Train a private model, and measure what it is good for and what it gives away."""
    traces = pl.read_parquet(dataset / "traces.parquet")
    parts, every = Parts.of(traces, CHANNELS), Parts.of(traces, channel_names(traces))
    unseen, length = parts.test.take(parts.unseen), parts.train.series.shape[2]
    forests: dict[int, Result] = {}
    with tempfile.TemporaryDirectory() as scratch:
        began, model, out = time.perf_counter(), Path(scratch) / "model", Path(scratch) / "drawn.parquet"
        train(dataset, model, epsilon=epsilon, delta=DELTA, length=LENGTHS[name], public=public)
        seconds = time.perf_counter() - began
        for times in (1, MORE):
            counts = {label: times * count for label, count in parts.counts().items()}
            generate(model, out, count=counts, seed=seed)
            forests[times] = learned(arrays(pl.read_parquet(out), CHANNELS, length), unseen)
        return Trained(forests, attacked(model, every), seconds)


def useful(name: str, draws: int, public: str | None) -> list[tuple[str, ...]]:
    """Forests trained on draws of private models, tested on unseen test traces, beside one trained on real traces."""
    with tempfile.TemporaryDirectory() as scratch:
        dataset = _dataset(name, Path(scratch))
        parts = Parts.of(pl.read_parquet(dataset / "traces.parquet"), CHANNELS)
        real = learned(parts.train, parts.test.take(parts.unseen))
        rows = [("real traces", f"{real.accuracy:.3f}", f"{real.macro_f1:.3f}", *[""] * 6)]
        for epsilon in EPSILONS:
            found = [trained(dataset, name, epsilon, draw, public) for draw in range(draws)]
            figures = [
                spread([getattr(each.forests[times], kind) for each in found])
                for times in (1, MORE)
                for kind in ("accuracy", "macro_f1")
            ]
            wanted = "{:.2f} / {:.2f}".format(*WANTED[epsilon]) if name == "mirage" and public is None else ""
            attacks = [f"{fmean(each.attack[k] for each in found):.3f}" for k in range(2)]
            seconds = f"{fmean(each.seconds for each in found):.0f}"
            rows.append((f"ε {epsilon:g}", *figures, wanted, *attacks, seconds))
    return rows


def attacked(model: Path, parts: Parts) -> tuple[float, float]:
    """AUC and true positives at 1 % false ones of the attack by likelihood, on traces of the same labels."""
    loaded, rng = load_model(model), np.random.default_rng(0)
    outside = parts.test.sample(2000, rng)
    inside = parts.train.matching(outside, rng).sample(2000, rng)
    losses = [-loaded.losses(part) for part in (inside, outside)]
    truth = np.repeat([1, 0], list(map(len, losses)))
    return float(roc_auc_score(truth, np.concatenate(losses))), true_positives(losses[0], losses[1])


def tried(runs: int) -> str:
    """The audit's table: honest trainings, and some with too little noise."""
    lines = []
    for epsilon, over in ((8.0, 1.0), (1.0, 1.0), (1.0, 0.1)):
        found = [audit(epsilon, seed, over=over) for seed in range(runs if over == 1 else min(5, runs))]
        refuted = sum(bound > epsilon for bound in found)
        noise = "as paid for" if over == 1 else "ten times too small"
        lines.append((f"{epsilon:g}", noise, f"{max(found):.2f}", f"{refuted} of {len(found)}"))
    said = (
        f"{CANARIES} canaries (rare flows, the largest sizes, one flow many times), each in the training set by the "
        f"toss of a coin, beside {BESIDE:,} other flows that the attacker knows, as well as all noisy counts of "
        "values, of codes by label and of pairs; lower bounds of ε with 95 % confidence.\n\n"
    )
    return said + table(("stated ε", "noise", "largest bound", "runs that refute it"), lines)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure each part, and write its section; with fewer draws or runs than by default print it."""
    parser = argparse.ArgumentParser(prog="python -m bench privacy")
    parser.add_argument("--only", default=",".join([*LENGTHS, AUDIT]))
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--public", help="a dataset, or 'recordings', to begin from")
    parser.add_argument("--runs", type=int, default=RUNS)
    given = parser.parse_args(arguments)
    for name in given.only.split(","):
        if name == AUDIT:
            title, trial, body = "Private models: an audit in one run", given.runs < RUNS, tried(given.runs)
        else:
            after = "" if given.public is None else f", after public traces: {Path(given.public).name}"
            title, trial = f"Private models: {name}{after}", given.draws < DRAWS
            header = (
                "trained on", "accuracy", "macro F1", f"accuracy, {MORE} times the draws",
                f"macro F1, {MORE} times the draws", "wanted", "attack AUC", "true positives", "seconds",
            )  # fmt: skip
            body = (
                f"One flow added or removed, δ = {DELTA:g}, {given.draws} trainings. Forests of 200 trees, tested on "
                "test traces that equal no training trace, on as many draws of each label as there are training "
                f"traces, and on {MORE} times as many; the attack is by the model's exact likelihood, of at most "
                "2,000 training and 2,000 test traces of the same labels, with its true positives at 1 % false ones."
                f"\n\n{table(header, useful(name, given.draws, given.public))}"
            )
        if trial:
            print(body)
        else:
            write_section("privacy", title, body)


if __name__ == "__main__":
    main()
