"""Wavelet energy of packets and bytes over time: does the load vary as much at every time scale, from 1 ms to 8 s?

The logscale diagram of Abry and Veitch (1998), with Haar's wavelet: the mean energy of the coefficients at each scale.
Swing (Vishwanath and Vahdat 2009) judges generated traffic by it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.arrays import Floats, Ints
from netdiffus.metrics.intervals import interval
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import resamples
from netdiffus.metrics.samples import Rows
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.whole import NEEDS, WholeSets
from netdiffus.traffic.whole.flows import Whole
from netdiffus.traffic.whole.haar import SCALES, haar_energy
from netdiffus.traffic.whole.timeline import windows

WINDOW_MS = 1 << SCALES
MOST = 5_000  # windows of each side
FEWEST = 4  # coefficients of a scale
MOST_BITS = 40.0  # between something and nothing
NAMES = ("packets", "bytes")
MEANS = {
    name: ScoreType(
        f"wavelet.{name}.mean", "min",
        f"mean over time scales of the difference of the wavelet energy of {name}, as log2 of the ratio",
        (0.0, np.inf), evidence=("load",),
    )
    for name in NAMES
}  # fmt: skip
SCALED = {
    name: ScoreType(f"wavelet.{name}.SCALE", "min", "the same at one scale, 1ms to 8192ms", (0.0, np.inf),
                    evidence=("load",))
    for name in NAMES
}  # fmt: skip


def wavelet(sets: WholeSets, rng: np.random.Generator) -> Iterator[Score]:
    """|log2| of the ratio of mean Haar energies, scale by scale, and its mean; the floor is between real windows."""
    found = [energies(whole, rng) for whole in sets.wholes]
    rows = sets.rows([np.zeros(len(pairs), "U1") for _, pairs in found], rng, MOST)
    energy, pairs = (np.concatenate(parts) for parts in zip(*found, strict=True))
    draws, three = list(resamples(rows, rng)), (rows.train, rows.test, rows.synthetic)
    enough = [j for j in range(SCALES) if min(pairs[part.numbers, j].sum() for part in three) >= FEWEST]
    for number, name in enumerate(NAMES):
        if not enough:
            note = f"no part has {FEWEST} pairs of neighbouring milliseconds"
            yield MEANS[name].score(None, note=note)
            continue
        own = energy[:, number]
        value = _distance(own, pairs, rows.test, rows.synthetic)
        real = np.array([_distance(own, pairs, *draw) for draw in draws])
        yield _score(MEANS[name], value[enough].mean(), real[:, enough].mean(axis=1), f"{len(enough)} scales")
        for j in range(SCALES):
            kind = SCALED[name].of(f"{1 << j}ms")
            if j in enough:
                yield _score(kind, value[j], real[:, j], "")
            else:
                yield kind.score(None, note=f"needs {FEWEST} times {2 << j} ms of traffic in each half and synthetic")


def _score(kind: ScoreType, value: float, real: Floats, note: str) -> Score:
    return kind.score(float(value), interval(real.tolist(), lowest=0.0) if len(real) else None, note=note)


def energies(whole: Whole, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Energy (W, 2, scales) of packets and bytes, and the number of coefficients (W, scales), of a whole's windows."""
    cut = windows(whole.arrivals, WINDOW_MS, MOST, rng)
    energies = []
    for values in (whole.arrivals.packets, whole.arrivals.throughput):
        energy, pairs = haar_energy(cut.owner, cut.offset_ms, values[cut.rows].astype(np.float64), cut.valid_ms)
        energies.append(energy)
    return np.stack(energies, axis=1), pairs


def _distance(energy: Floats, pairs: Ints, real: Rows, other: Rows) -> Floats:
    """How far the mean energies of some windows are from those of others, in bits, scale by scale."""
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = [np.log2(energy[part.numbers].sum(axis=0) / pairs[part.numbers].sum(axis=0)) for part in (real, other)]
    far = np.nan_to_num(np.abs(np.subtract(*(np.maximum(level, -MOST_BITS) for level in levels))))
    return np.asarray(np.minimum(far, MOST_BITS))


METRIC = Metric(
    wavelet,
    WholeSets,
    "Does the load vary as much at every time scale as in real captures?",
    "whole",
    (*MEANS.values(), *SCALED.values()),
    missing=NEEDS,
)
