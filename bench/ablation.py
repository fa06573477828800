"""What each part of the model brings: the demo's dataset, the same number of steps, one thing changed at a time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from netdiffus.diffusion.rows import RowDenoiser

from bench.results import table, write_section
from netdiffus import recordings
from netdiffus.api.verbs import evaluate, generate, prepare, train
from netdiffus.diffusion import fit


def adamw(network: RowDenoiser, learning_rate: float) -> list[torch.optim.Optimizer]:
    """All weights fitted with AdamW."""
    return [torch.optim.AdamW(network.parameters(), lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01)]


STEPS = 600
TRACES = 2100
VARIANTS: dict[str, dict[str, Any]] = {
    "default (GASF)": {},
    "`--image series`: no imaging": {"image": "series"},
    "the mixture alone (2 steps)": {"steps": 2},
    "one component a label": {"components": 1},
    "one component a label alone (2 steps)": {"steps": 2, "components": 1},
    "nothing left out at random": {"dropout": 0.0},
    "float32 instead of what is faster": {"precision": "float32"},
    "AdamW, instead of Muon": {"change": (fit, "optimisers", adamw)},
}
FIGURES = ("utility.ratio", "utility.tstr_macro_f1", "marginal.by_label.jsd", "detection.auc")


def main() -> None:
    """Train and evaluate each variant with the same seed."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare(recordings.folder(), folder / "dataset", packets=32)
        for name, options in VARIANTS.items():
            choices = {"steps": STEPS} | options
            with _changed(choices.pop("change", None)):
                began = time.perf_counter()
                train(folder / "dataset", folder / "model", **choices)
                seconds = time.perf_counter() - began
            generate(folder / "model", folder / "synthetic.parquet", count=TRACES, balance=True)
            scores = evaluate(folder / "dataset", folder / "synthetic.parquet", baselines=False)
            rows.append((name, f"{seconds:.0f}", *(f"{scores[figure].value:.3f}" for figure in FIGURES)))
    header = ("variant", "seconds", "TSTR / TRTR", "TSTR macro F1", "JSD by label", "detector AUC")
    body = f"{STEPS} steps on the shipped recordings (first 32 packets), {TRACES:,} balanced traces, seed 0.\n\n"
    write_section("ablation", "Ablation", body + table(header, rows))


@contextmanager
def _changed(change: tuple[ModuleType, str, Any] | None) -> Iterator[None]:
    """With another value of a module's name while the block runs."""
    if change is None:
        yield
        return
    module, name, value = change
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


if __name__ == "__main__":
    main()
