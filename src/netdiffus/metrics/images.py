"""The learned metrics: a CNN on GASF images as fingerprinting attack, as detector, and as embedding of FID and KID.

torch is loaded when the metric runs, not before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.features import shortened
from netdiffus.metrics.frechet import frechet, kernel_distance
from netdiffus.metrics.reference import interval, measured, measured_score, redraws
from netdiffus.metrics.score import Score
from netdiffus.metrics.utility import Result, judge, spread

MOST = 4_000  # traces that a classifier learns from
STEPS = 300  # of 64 images, at most
DETECTOR_STEPS = 100
EPOCHS = 20  # at most
DETECTED = 2_000  # traces of each side
EMBEDDED = 1_000  # traces of each side
FEWEST = 20
DRAWS = 2
NAMES = ("fingerprinting.tstr_accuracy", "images.fid", "images.kid", "detection.cnn_auc")


def images(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """Fingerprinting by a CNN trained on synthetic and on as many real images; FID and KID; detection by a CNN."""
    synthetic = sets.synthetic.take(np.isin(sets.synthetic.labels, sets.labels)).sample(MOST, rng)
    real = sets.train.matching(synthetic, rng)
    if sets.imager is None or min(len(synthetic), len(real), len(sets.test)) < FEWEST:
        note = "no images were given" if sets.imager is None else f"needs {FEWEST} traces of shared labels in each part"
        for name in NAMES:
            yield Score(name, None, None, None, "min" if name.startswith(("images", "detection")) else "max", note=note)
        return
    from netdiffus.metrics import cnn

    labels = sets.labels
    test = pictures(sets, sets.test)

    def classifier(part: Traces, seed: int) -> cnn.Cnn:
        targets = np.searchsorted(labels, part.labels)
        return cnn.fit(pictures(sets, part), targets, len(labels), steps(len(part), STEPS), seed)

    def tested(model: cnn.Cnn) -> Result:
        return judge(sets.test.labels, np.array(labels)[np.argmax(cnn.logits(model, test), axis=1)])

    knows_real = classifier(real, int(rng.integers(2**31)))
    trtr, tstr = tested(knows_real), tested(classifier(synthetic, int(rng.integers(2**31))))
    guess = sets.test.guess
    note = f"CNN on GASF images, {steps(len(real), STEPS)} steps; ceiling: trained on as many real traces"
    # what a second training on real traces would change is not measured: as many errors as the first makes
    span = spread(trtr, _other(trtr))
    yield Score("fingerprinting.trtr_accuracy", trtr.accuracy, guess, None, "max", note=note)
    yield Score(
        "fingerprinting.tstr_accuracy", tstr.accuracy, guess, trtr.accuracy, "max", note=note,
        confusion=tstr.confusion, low=span.low, high=span.high,
    )  # fmt: skip

    def embedded(part: Traces) -> Traces:
        features = cnn.embed(knows_real, pictures(sets, part)).astype(np.float64)
        return Traces(features[:, :, None], part.labels)

    points = replace(
        sets,
        train=embedded(sets.train.sample(MOST, rng)),
        test=embedded(sets.test.sample(MOST, rng)),
        synthetic=embedded(synthetic),
        channels=tuple(map(str, range(cnn.FEATURES))),
    )
    found = measured(points, rng, _apart, EMBEDDED, lowest=-np.inf)
    note = f"embedding of the CNN trained on real traces; at most {EMBEDDED:,} of each side"
    for name, figures in found.items():
        yield measured_score(f"images.{name}", figures, "min", None, note=note)
    yield _detection(sets, rng)


def steps(count: int, most: int) -> int:
    """The steps of a training on so many images."""
    return min(most, 10 + EPOCHS * count // 64)


def _apart(first: Traces, second: Traces) -> dict[str, float]:
    a, b = first.series[:, :, 0], second.series[:, :, 0]
    return {"fid": frechet(a, b), "kid": kernel_distance(a, b)} if min(len(a), len(b)) >= FEWEST else {}


def pictures(sets: Comparison, traces: Traces) -> NDArray[np.float32]:
    """The images (N, C', n, n) of the first 32 positions of traces."""
    if sets.imager is None:
        raise ValueError("a comparison without an imager has no pictures")
    return np.ascontiguousarray(sets.imager(shortened(traces).series), dtype=np.float32)


def _other(result: Result) -> Result:
    """A result that differs from this one in each trace that was wrong."""
    return judge(result.truth, result.truth)


def _detection(sets: Comparison, rng: np.random.Generator) -> Score:
    value, count = _auc(sets, sets.test, sets.synthetic, rng)
    if value is None:
        note = f"needs {FEWEST} traces of shared labels on each side, there are {count}"
        return Score("detection.cnn_auc", None, None, 1.0, "min", "AUC", note=note)
    draws = [_auc(sets, *pair, rng)[0] for pair in redraws(sets, rng, DRAWS if sets.draws else 0)]
    real = [draw for draw in draws if draw is not None]
    sd = float(np.sqrt((count + 1) / (6 * (count / 2) ** 2)))  # a half of each side is judged
    span = interval(real, sd=sd, lowest=0.0, highest=1.0) if real else None
    note = f"CNN on GASF images, trained on half of {count:,} traces of each side"
    return measured_score("detection.cnn_auc", (value, span), "min", 1.0, unit="AUC", note=note)


def _auc(sets: Comparison, real: Traces, other: Traces, rng: np.random.Generator) -> tuple[float | None, int]:
    """How well a CNN trained on one half tells the other half apart, and how many traces of each side there were."""
    from netdiffus.metrics import cnn

    other = other.matching(real, rng).sample(DETECTED, rng)
    real = real.matching(other, rng)
    if len(real) < FEWEST:
        return None, len(real)
    x = np.concatenate([pictures(sets, real), pictures(sets, other)])
    y = np.repeat([0, 1], [len(real), len(other)])
    order = rng.permutation(len(y))
    learn, judged = order[: len(y) // 2], order[len(y) // 2 :]
    model = cnn.fit(x[learn], y[learn], 2, steps(len(learn), DETECTOR_STEPS), int(rng.integers(2**31)))
    answers = cnn.logits(model, x[judged])
    return float(roc_auc_score(y[judged], answers[:, 1] - answers[:, 0])), len(real)
