"""Classifiers on nPrint bits: can one tell synthetic packets from real ones, and what does one learn from them?

Every flow is the bits of its first eight packets, side by side, as nPrint (Holland et al., CCS 2021) gives them to a
classifier: -1 absent, 0 and 1; addresses are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from netdiffus.metrics.bits import columns
from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.packets import Packets, flow_comparison, numbers_of
from netdiffus.metrics.reference import interval, measured_score, redraws
from netdiffus.metrics.score import Score
from netdiffus.metrics.utility import Result, judge, spread

MOST = 1_000  # flows of each side in detection
LEARNED = 2_000  # flows that a classifier learns from, and is tested on
FIRST_PACKETS = 8
TREES = 50
FEWEST = 20
FOLDS, DRAWS = 3, 2

Features = NDArray[np.int8]


def bitclassifiers(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """`bits.detection_auc`: a forest that tells synthetic from real; `bits.tstr_accuracy`: one that learned labels.

    Nothing where the sets came without packets.
    """
    if sets.packets is None:
        return
    chosen = columns(sets.packets)
    table = np.concatenate([bit_features(part, chosen) for part in sets.packets.parts])
    flows = flow_comparison(sets, sets.packets)
    yield _detection(flows, table, rng)
    yield from _utility(flows, table, rng)


def bit_features(part: Packets, chosen: NDArray[np.intp]) -> Features:
    """Of each flow the chosen columns of its first packets, -1, 0 or 1, (F, 8 C); -1 where there is no packet."""
    found = np.full((len(part), FIRST_PACKETS, len(chosen)), -1, np.int8)
    rows = np.flatnonzero(part.positions < FIRST_PACKETS)
    there, ones = (
        np.unpackbits(packed[rows], axis=1)[:, chosen].view(np.int8)
        for packed in (part.columns.present, part.columns.bits)
    )
    found[part.columns.owner[rows], part.positions[rows]] = there + ones - 1
    return found.reshape(len(part), -1)


def _detection(flows: Comparison, table: Features, rng: np.random.Generator) -> Score:
    seed = int(rng.integers(2**31))
    value, count = _auc(flows.test, flows.synthetic, table, rng, seed)
    if value is None:
        note = f"needs {FEWEST} flows of shared labels on each side, there are {count}"
        return Score("bits.detection_auc", None, None, 1.0, "min", "AUC", note=note)
    draws = [_auc(*pair, table, rng, seed)[0] for pair in redraws(flows, rng, DRAWS if flows.draws else 0)]
    real = [draw for draw in draws if draw is not None]
    # as in metrics/detection.py
    sd = 1.5 * float(np.sqrt((2 * count + 1) / (12 * count**2)))
    span = interval(real, sd=sd, lowest=0.0, highest=1.0) if real else None
    note = f"random forest, {FOLDS} folds, bits of the first {FIRST_PACKETS} packets, {count} flows of each side"
    return measured_score("bits.detection_auc", (value, span), "min", 1.0, unit="AUC", note=note)


def _auc(real: Traces, other: Traces, table: Features, rng: np.random.Generator, seed: int) -> tuple[float | None, int]:
    """As `detection.auc`, on the rows of the table that the flows are numbers of."""
    other = other.matching(real, rng).sample(MOST, rng)
    real = real.matching(other, rng)
    if len(real) < FEWEST:
        return None, len(real)
    x = table[np.concatenate([numbers_of(real), numbers_of(other)])]
    y = np.repeat([0, 1], [len(real), len(other)])
    suspicion = np.zeros(len(y))
    for learn, judged in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y):
        forest = RandomForestClassifier(TREES, random_state=seed, n_jobs=2).fit(x[learn], y[learn])
        suspicion[judged] = forest.predict_proba(x[judged])[:, 1]
    return float(roc_auc_score(y, suspicion)), len(real)


def _utility(flows: Comparison, table: Features, rng: np.random.Generator) -> Iterator[Score]:
    """Trained on synthetic bits, and on as many real ones of each label; tested on real bits."""
    synthetic = flows.synthetic.take(np.isin(flows.synthetic.labels, flows.train.labels)).sample(LEARNED, rng)
    real, test = flows.train.matching(synthetic, rng), flows.test.sample(LEARNED, rng)
    if min(len(synthetic), len(real), len(test)) < FEWEST:
        note = f"needs {FEWEST} flows of shared labels in each part"
        yield Score("bits.tstr_accuracy", None, None, None, "max", note=note)
        return
    seed = int(rng.integers(2**31))

    def learned(part: Traces) -> Result:
        forest = RandomForestClassifier(TREES, random_state=seed, n_jobs=2).fit(table[numbers_of(part)], part.labels)
        return judge(test.labels, forest.predict(table[numbers_of(test)]))

    again = real.take(rng.choice(len(real), len(real)))
    trtr, other, tstr = learned(real), learned(again), learned(synthetic)
    guess = test.guess
    span = spread(trtr, other)
    note = f"random forest, {TREES} trees, bits of the first {FIRST_PACKETS} packets; as many real flows as synthetic"
    yield Score("bits.trtr_accuracy", trtr.accuracy, guess, None, "max", note=note)
    yield Score(
        "bits.tstr_accuracy", tstr.accuracy, guess, trtr.accuracy, "max", note=note, confusion=tstr.confusion,
        low=span.low, high=span.high,
    )  # fmt: skip
