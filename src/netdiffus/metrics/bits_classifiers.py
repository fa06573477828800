"""Classifiers on nPrint bits: can they tell synthetic packets from real ones, and what do they learn from them?

Every flow is the bits of its first eight packets, side by side, as nPrint (Holland et al., CCS 2021) gives them to a
classifier: -1 absent, 0 and 1; without addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Levels
from netdiffus.metrics.bits import columns
from netdiffus.metrics.classification import Result, accuracy_interval, result_of
from netdiffus.metrics.detector import FOLDS, auc_interval, detector_auc
from netdiffus.metrics.forest import forest
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import resamples
from netdiffus.metrics.packets import Packets, PacketSets
from netdiffus.metrics.samples import Parts, Rows, majority, matching, sample
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType

MOST = 1_000  # flows of each side in detection
LEARNED = 2_000  # flows that a classifier learns from, and is tested on
FIRST_PACKETS = 8
TREES = 50
FEWEST = 20
DRAWS = 2
AUC = ScoreType(
    "bits.detection_auc", "min",
    "AUC of a random forest that tells synthetic from real test flows by the bits of their first 8 packets",
    useless=1.0, useless_is="1", unit="AUC", evidence=("headers",),
)  # fmt: skip
TRTR = ScoreType(
    "bits.trtr_accuracy", "max", "accuracy of a forest on the same bits, trained on real flows", useless_is="guessing"
)
TSTR = ScoreType(
    "bits.tstr_accuracy", "max", "the same trained on synthetic flows", useless_is="guessing",
    confusion="packet bits, trained on synthetic",
)  # fmt: skip


def bits_classifiers(packets: PacketSets, rng: np.random.Generator) -> Iterator[Score]:
    """`bits.detection_auc`: a forest that tells synthetic from real; `bits.tstr_accuracy`: one that learned labels."""
    chosen = columns(packets.parts)
    table = np.concatenate([bit_features(part, chosen) for part in packets.parts])
    flows = packets.rows
    yield _detection(flows, table, rng)
    yield from _utility(flows, table, rng)


def bit_features(part: Packets, chosen: NDArray[np.intp], packets: int = FIRST_PACKETS) -> Levels:
    """Per flow the chosen columns of its first packets, -1, 0 or 1, (F, packets * C); -1 past the end."""
    result = np.full((len(part), packets, len(chosen)), -1, np.int8)
    rows = np.flatnonzero(part.positions < packets)
    present, ones = (
        np.unpackbits(packed[rows], axis=1)[:, chosen].view(np.int8)
        for packed in (part.columns.present, part.columns.bits)
    )
    result[part.columns.owner[rows], part.positions[rows]] = present + ones - 1
    return result.reshape(len(part), -1)


def _detection(flows: Parts[Rows], table: Levels, rng: np.random.Generator) -> Score:
    seed = int(rng.integers(2**31))
    value, count = _auc(flows.test, flows.synthetic, table, rng, seed)
    if value is None:
        return AUC.score(None, note=f"needs {FEWEST} flows of shared labels on each side; got {count}")
    draws = [_auc(*pair, table, rng, seed)[0] for pair in resamples(flows, rng, DRAWS)]
    span = auc_interval([draw for draw in draws if draw is not None], count)
    note = f"random forest, {FOLDS} folds, bits of the first {FIRST_PACKETS} packets, {count} flows of each side"
    return AUC.score(value, span, note=note)


def _auc(real: Rows, other: Rows, table: Levels, rng: np.random.Generator, seed: int) -> tuple[float | None, int]:
    """As `detection.auc`, on rows of the table."""
    other = sample(matching(other, real, rng), MOST, rng)
    real = matching(real, other, rng)
    if len(real) < FEWEST:
        return None, len(real)
    fit = partial(forest, seed=seed, trees=TREES)
    return detector_auc(table[real.numbers], table[other.numbers], fit, seed), len(real)


def _utility(flows: Parts[Rows], table: Levels, rng: np.random.Generator) -> Iterator[Score]:
    """Trained on synthetic bits, and on as many real ones of each label; tested on real bits."""
    known = flows.synthetic.take(np.isin(flows.synthetic.labels, flows.train.labels))
    synthetic = sample(known, LEARNED, rng)
    real, test = matching(flows.train, synthetic, rng), sample(flows.test, LEARNED, rng)
    if min(len(synthetic), len(real), len(test)) < FEWEST:
        yield TSTR.score(None, note=f"needs {FEWEST} flows of shared labels in each part")
        return
    seed = int(rng.integers(2**31))

    def learned(part: Rows) -> Result:
        fitted = forest(table[part.numbers], part.labels, seed, TREES)
        return result_of(test.labels, fitted.predict(table[test.numbers]))

    again = real.take(rng.choice(len(real), len(real)))
    trtr, other, tstr = learned(real), learned(again), learned(synthetic)
    guess = majority(test)
    note = f"random forest, {TREES} trees, bits of the first {FIRST_PACKETS} packets; as many real flows as synthetic"
    yield TRTR.score(trtr.accuracy, useless=guess, note=note)
    yield TSTR.score(tstr.accuracy, accuracy_interval(trtr, other), guess, note=note, confusion=tstr.confusion)


METRIC = Metric(
    bits_classifiers,
    PacketSets,
    "Can a classifier on packet bits tell synthetic from real packets, and learn from them?",
    "packets",
    (AUC, TRTR, TSTR),
    stream="bitclassifiers",
)
