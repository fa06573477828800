"""What limits TSTR / TRTR: sampling, or what the model knows of the labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from bench.sets.measures import Parts, arrays, learned
from netdiffus.api.verbs import generate
from netdiffus.metrics import Traces
from netdiffus.models.model import Model

MORE = 4


def limits(model: Model, folder: Path, parts: Parts, out: Path, seed: int) -> dict[str, float]:
    """Three figures to compare TSTR with, as shares of TRTR; test traces that equal a training trace are dropped.

    Args:
        model, folder: the model, and where it lies.
        out: a table to write.

    Returns:
        bootstrap: a forest trained on a bootstrap sample of the real training part. more: on MORE times as many
        synthetic traces. bayes: no forest, but the label under which the model finds a trace most likely.
    """
    unseen, train = parts.test.take(parts.unseen), parts.train
    real = learned(train, unseen).accuracy
    again = learned(train.take(np.random.default_rng(seed).integers(0, len(train), len(train))), unseen).accuracy
    counts = parts.counts()
    generate(folder, out, count={label: MORE * n for label, n in counts.items()}, seed=seed)
    synthetic = arrays(pl.read_parquet(out), parts.channels, train.series.shape[-1])
    more = learned(synthetic, unseen).accuracy
    labels = np.array(list(counts))
    share = np.log([counts[label] / len(train) for label in labels])
    losses = [model.losses(Traces(unseen.series, np.full(len(unseen), label))) for label in labels]
    said = labels[np.argmax(share - np.stack(losses, axis=1), axis=1)]
    bayes = float(np.mean(said == unseen.labels))
    return {"bootstrap": again / real, "more": more / real, "bayes": bayes / real}
