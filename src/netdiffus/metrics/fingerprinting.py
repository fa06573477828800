"""Traffic fingerprinting by a CNN on GASF images, and what its features show: FID, KID, and a detector on images.

torch is loaded when the metric runs, not before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netdiffus.metrics.classification import accuracy_interval, result_of
from netdiffus.metrics.features import shortened
from netdiffus.metrics.frechet import frechet, kernel_distance
from netdiffus.metrics.inputs import Imaged, Imager
from netdiffus.metrics.intervals import interval
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import measured, resamples, score_of
from netdiffus.metrics.samples import Rows, majority, numbered
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.traces import Traces

if TYPE_CHECKING:
    from netdiffus.metrics.cnn import Cnn

MOST = 4_000  # traces that a classifier learns from
STEPS = 300  # of 64 images, at most
DETECTOR_STEPS = 100
EPOCHS = 20  # at most
DETECTED = 2_000  # traces of each side
EMBEDDED = 1_000  # traces of each side
FEWEST = 20
DRAWS = 2
TSTR = ScoreType(
    "fingerprinting.tstr_accuracy", "max", "traffic fingerprinting: accuracy of a CNN on GASF images, trained on "
    "synthetic traces; ceiling: on as many real ones", useless_is="guessing",
    confusion="CNN on images, trained on synthetic",
)  # fmt: skip
TRTR = ScoreType("fingerprinting.trtr_accuracy", "max", "the same trained on real traces", useless_is="guessing")
UNBOUNDED = (float("-inf"), float("inf"))
FID = ScoreType(
    "images.fid", "min", "Fréchet distance of a CNN's features; the CNN learned the labels from real training images",
    range=(0.0, float("inf")),
)  # fmt: skip
KID = ScoreType("images.kid", "min", "kernel distance of the same features", range=UNBOUNDED)
AUC = ScoreType(
    "detection.cnn_auc", "min", "area under the ROC curve of a CNN on GASF images that tells synthetic from real",
    useless=1.0, useless_is="1", unit="AUC",
)  # fmt: skip
TYPES = (TSTR, TRTR, FID, KID, AUC)


def fingerprinting(images: Imaged, rng: np.random.Generator) -> Iterator[Score]:
    """Fingerprinting by a CNN trained on synthetic and on as many real images; FID and KID; detection by a CNN."""
    sets = images.sets
    synthetic = sets.synthetic.take(np.isin(sets.synthetic.labels, sets.labels)).sample(MOST, rng)
    real = sets.train.matching(synthetic, rng)
    if min(len(synthetic), len(real), len(sets.test)) < FEWEST:
        note = f"needs {FEWEST} traces of shared labels in each part"
        for kind in (TSTR, FID, KID):
            yield kind.score(None, note=note)
        yield AUC.score(None, note=note)
        return
    seeds = int(rng.integers(2**31)), int(rng.integers(2**31))
    of_real, of_synthetic = (
        _classifier(images, part, seed) for part, seed in zip((real, synthetic), seeds, strict=True)
    )
    yield from _accuracies(images, of_real, of_synthetic, len(real))
    parts = sets.train.sample(MOST, rng), sets.test.sample(MOST, rng), synthetic
    yield from _distances(images.imager, of_real, parts, rng)
    yield _detection(images, rng)


def _classifier(images: Imaged, part: Traces, seed: int) -> Cnn:
    from netdiffus.metrics import cnn

    labels = images.sets.labels
    targets = np.searchsorted(labels, part.labels)
    return cnn.fit(pictures(images.imager, part), targets, len(labels), steps(len(part), STEPS), seed)


def _accuracies(images: Imaged, of_real: Cnn, of_synthetic: Cnn, count: int) -> Iterator[Score]:
    from netdiffus.metrics import cnn

    sets = images.sets
    names, test = np.array(sets.labels), pictures(images.imager, sets.test)
    trtr, tstr = (
        result_of(sets.test.labels, names[np.argmax(cnn.logits(model, test), axis=1)])
        for model in (of_real, of_synthetic)
    )
    # what a second training on real traces would change is not measured: as many errors as the first makes
    span = accuracy_interval(trtr, result_of(trtr.truth, trtr.truth))
    guess = majority(sets.test)
    note = f"CNN on GASF images, {steps(count, STEPS)} steps; ceiling: trained on as many real traces"
    yield TRTR.score(trtr.accuracy, useless=guess, note=note)
    yield TSTR.score(tstr.accuracy, span, guess, note=note, confusion=tstr.confusion)


def _distances(
    imager: Imager, of_real: Cnn, parts: tuple[Traces, Traces, Traces], rng: np.random.Generator
) -> Iterator[Score]:
    """FID and KID in the embedding of the CNN that learned from real images."""
    from netdiffus.metrics import cnn

    table = np.concatenate([cnn.embed(of_real, pictures(imager, part)).astype(np.float64) for part in parts])

    def measure(first: Rows, second: Rows) -> dict[str, float]:
        a, b = table[first.numbers], table[second.numbers]
        return {FID.name: frechet(a, b), KID.name: kernel_distance(a, b)} if min(len(a), len(b)) >= FEWEST else {}

    found = measured(numbered([part.labels for part in parts]), rng, measure, EMBEDDED, lowest=-np.inf)
    note = f"embedding of the CNN trained on real traces; at most {EMBEDDED:,} of each side"
    for kind in (FID, KID):
        if kind.name in found:
            yield score_of(kind, found, note=note)


def steps(count: int, most: int) -> int:
    """The number of training steps for `count` images."""
    return min(most, 10 + EPOCHS * count // 64)


def pictures(imager: Imager, traces: Traces) -> NDArray[np.float32]:
    """The images (N, C', n, n) of the first 32 positions of traces."""
    return np.ascontiguousarray(imager(shortened(traces).series), dtype=np.float32)


def _detection(images: Imaged, rng: np.random.Generator) -> Score:
    sets = images.sets
    value, count = _auc(images.imager, sets.test, sets.synthetic, rng)
    if value is None:
        return AUC.score(None, note=f"needs {FEWEST} traces of shared labels on each side; got {count}")
    draws = [_auc(images.imager, *pair, rng)[0] for pair in resamples(sets, rng, DRAWS)]
    real = [draw for draw in draws if draw is not None]
    sd = float(np.sqrt((count + 1) / (6 * (count / 2) ** 2)))  # a half of each side is judged
    span = interval(real, sd=sd, lowest=0.0, highest=1.0) if real else None
    return AUC.score(value, span, note=f"CNN on GASF images, trained on half of {count:,} traces of each side")


def _auc(imager: Imager, real: Traces, other: Traces, rng: np.random.Generator) -> tuple[float | None, int]:
    """The AUC of a CNN trained on one half and tested on the other, and the number of traces of each side."""
    from netdiffus.metrics import cnn

    other = other.matching(real, rng).sample(DETECTED, rng)
    real = real.matching(other, rng)
    if len(real) < FEWEST:
        return None, len(real)
    x = np.concatenate([pictures(imager, real), pictures(imager, other)])
    y = np.repeat([0, 1], [len(real), len(other)])
    order = rng.permutation(len(y))
    learned, judged = order[: len(y) // 2], order[len(y) // 2 :]
    model = cnn.fit(x[learned], y[learned], 2, steps(len(learned), DETECTOR_STEPS), int(rng.integers(2**31)))
    answers = cnn.logits(model, x[judged])
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(y[judged], answers[:, 1] - answers[:, 0])), len(real)


METRIC = Metric(
    fingerprinting,
    Imaged,
    "Does website or app fingerprinting by a CNN work as well when trained on synthetic traffic?",
    "utility",
    TYPES,
    missing="no images were given",
    stream="images",
)
