"""What each part of the model brings: the demo's dataset, the same number of steps, one thing changed at a time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from bench.results import table, write_section
from netdiffus import recordings
from netdiffus.api.verbs import evaluate, generate, prepare, train
from netdiffus.diffusion.prior import log_prior
from netdiffus.models import counted

STEPS = 600
TRACES = 2100
NO_PRIOR = "no_prior"
VARIANTS: dict[str, dict[str, Any]] = {
    "default (GASF)": {},
    "`--image series`: no imaging": {"image": "series"},
    "no noise in training": {"noised": 0.0},
    "every trace noised in training": {"noised": 1.0},
    "no counted prior": {NO_PRIOR: True},
    "8 coarse rows first": {"coarse": 8},
    "nothing left out at random": {"dropout": 0.0},
}
DRAWN: dict[str, dict[str, Any]] = {
    "default, 4 rows noisy at once": {"window": 4},
    "default, all rows noisy at once": {"window": 32},
}
"""The same model, drawn in other ways."""
FIGURES = ("utility.ratio", "utility.tstr_macro_f1", "marginal.by_label.jsd", "detection.auc")


def main() -> None:
    """Train and evaluate each variant with the same seed."""
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare(recordings.folder(), folder / "dataset", packets=32)
        for number, (name, options) in enumerate(VARIANTS.items()):
            choices = {"steps": STEPS} | options
            began = time.perf_counter()
            with _without_prior(choices.pop(NO_PRIOR, False)):
                train(folder / "dataset", folder / f"model {number}", **choices)
            seconds = time.perf_counter() - began
            rows.append((name, f"{seconds:.0f}", *_figures(folder, folder / f"model {number}")))
        rows += [(name, "", *_figures(folder, folder / "model 0", **options)) for name, options in DRAWN.items()]
    header = ("variant", "seconds", "TSTR / TRTR", "TSTR macro F1", "JSD by label", "detector AUC")
    body = f"{STEPS} steps on the shipped recordings (first 32 packets), {TRACES:,} balanced traces, seed 0.\n\n"
    write_section("ablation", "Ablation", body + table(header, rows))


def _figures(folder: Path, model: Path, **options: Any) -> list[str]:
    """FIGURES of traces that a model draws."""
    generate(model, folder / "synthetic.parquet", count=TRACES, balance=True, **options)
    scores = evaluate(folder / "dataset", folder / "synthetic.parquet", baselines=False)
    return [f"{scores[figure].value:.3f}" for figure in FIGURES]


@contextmanager
def _without_prior(chosen: bool) -> Iterator[None]:
    """While the block runs, priors say nothing: every code is as likely as another."""

    def flat(*given: Any) -> Tensor:
        return torch.zeros_like(log_prior(*given)).log_softmax(dim=-1)

    with patch.object(counted, "log_prior", flat) if chosen else nullcontext():
        yield


if __name__ == "__main__":
    main()
