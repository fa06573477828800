"""The demo on the shipped recordings: its figures over three seeds, its time, and whether a seed repeats it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.results import table, write_section
from netdiffus.metrics import Score
from netdiffus.store.report import read_scores

SEEDS = (0, 1, 2)
ROWS = (
    ("random forest, trained on real flows", "utility.trtr_accuracy"),
    ("random forest, trained on synthetic flows", "utility.tstr_accuracy"),
    ("**synthetic / real** (wanted: at least 0.85)", "utility.ratio"),
    ("macro F1, trained on synthetic flows", "utility.tstr_macro_f1"),
    ("mean Jensen-Shannon divergence, size", "marginal.size.jsd"),
    ("mean Jensen-Shannon divergence, gap", "marginal.gap_ns.jsd"),
    ("exact copies of training flows", "copies.exact"),
    ("detector, real against synthetic (AUC)", "detection.auc"),
)


def main() -> None:
    """Run the demo for each seed, and once more for the first one."""
    runs: dict[int, dict[str, Score]] = {}
    seconds = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in SEEDS:
            began = time.perf_counter()
            folder = _demo(Path(scratch) / str(seed), seed)
            seconds.append(time.perf_counter() - began)
            scores = (Score.from_dict(entry) for entry in read_scores(folder / "report"))
            runs[seed] = {score.name: score for score in scores if score.label is None}
        again = _demo(Path(scratch) / "again", SEEDS[0])
        same = (again / "synthetic.parquet").read_bytes() == (
            Path(scratch) / str(SEEDS[0]) / "synthetic.parquet"
        ).read_bytes()
    rows = [
        (text, *(_cell(runs[seed][name].value) for seed in SEEDS), _cell(runs[SEEDS[0]][name].reference))
        for text, name in ROWS
    ]
    body = table(("figure", *(f"seed {seed}" for seed in SEEDS), "real data gets (seed 0)"), rows)
    body += f"\n\nSeconds for all of `netdiffus demo`: {', '.join(f'{s:.0f}' for s in seconds)}. "
    body += f"The same seed again gives the same synthetic.parquet, byte for byte: {'yes' if same else 'NO'}."
    write_section("demo", "Demo on the shipped recordings", body)


def _demo(folder: Path, seed: int) -> Path:
    command = [sys.executable, "-m", "netdiffus", "demo", "--out", str(folder), "--seed", str(seed)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
