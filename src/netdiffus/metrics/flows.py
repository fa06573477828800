"""Whole flows, as a flow collector reports them: packets, bytes and duration, label by label."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netdiffus.arrays import Floats, Ints
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.metrics.whole import NEEDS, WholeSets, compared, one_each
from netdiffus.traffic.whole.flows import WholeFlows

MOST = 20_000  # flows of each side
TYPES = tuple(
    ScoreType(f"flows.{name}", "min", meaning, useless=1.0, useless_is="1", evidence=("whole_volumes",))
    for name, meaning in (
        ("packets", "Kolmogorov-Smirnov of the packets of a whole flow, per label and mean over labels"),
        ("bytes", "the same of its payload bytes"),
        ("duration", "the same of the time from its first packet to its last"),
    )
)


def flows(sets: WholeSets, rng: np.random.Generator) -> Iterator[Score]:
    """`flows.packets`, `flows.bytes` and `flows.duration` of each label, and their means over the labels.

    The floor is the same between halves of the real traffic.
    """
    rows = sets.rows([whole.labels for whole in sets.wholes], rng, MOST)
    volumes = [_volumes(whole.flows) for whole in sets.wholes]
    kinds = {kind: [one_each(part[number]) for part in volumes] for number, kind in enumerate(TYPES)}
    yield from compared(kinds, rows, rng)


def _volumes(found: WholeFlows) -> tuple[Ints | Floats, ...]:
    return found.packets.sum(axis=1), found.payload.sum(axis=1), found.duration_ns


METRIC = Metric(flows, WholeSets, "Are whole flows as long and as large as real ones?", "whole", TYPES, missing=NEEDS)
