"""Header fields: TTL, window, flags, option layout, size, gap, and what a flow is in all, label by label.

Numbers are compared by the Kolmogorov-Smirnov distance, names and codes by total variation: both the largest
difference there can be between the shares of two sides, 0 equal and 1 disjoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Floats
from netdiffus.compiler.header_columns import ABSENT
from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.distances import cdf_difference, kolmogorov_smirnov
from netdiffus.metrics.packets import Packets, flow_comparison, numbers_of
from netdiffus.metrics.reference import Interval, ends, interval, redraws
from netdiffus.metrics.score import Score

LEAST = 3  # flows that are chance whatever the draws say


@dataclass(frozen=True)
class Field:
    """One field of all flows: its values, flow after flow, where those of each flow begin, and how many it has."""

    values: Floats
    first: NDArray[np.int64]
    counts: NDArray[np.int64]

    def of(self, flows: NDArray[np.intp]) -> Floats:
        """The values of some flows, one after the other."""
        counts = self.counts[flows]
        ends = np.cumsum(counts)
        places = np.repeat(self.first[flows] - ends + counts, counts) + np.arange(ends[-1] if len(ends) else 0)
        found: Floats = self.values[places]
        return found


def headerfields(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """`fields.NAME.ks` and `fields.NAME.tvd` of each label, and their means over the labels.

    The floor is the same between two real sets of the same sizes. Nothing where the sets came without packets.
    """
    if sets.packets is None:
        return
    flows = flow_comparison(sets, sets.packets)
    labels = [str(label) for label in np.intersect1d(flows.test.labels, flows.synthetic.labels)]
    found = [fields_of(part) for part in sets.packets.parts]
    joined = {name: _joined([part[name] for part in found]) for name in found[0]}
    draws = list(redraws(flows, rng)) if labels else []
    for name, field in joined.items():
        measure = "tvd" if name in CODES else "ks"
        real = [_by_label(field, measure, first, second, labels) for first, second in draws]
        value = _by_label(field, measure, flows.test, flows.synthetic, labels)
        yield from _scores(f"fields.{name}.{measure}", value, real, flows)


def _scores(name: str, value: dict[str, float], draws: list[dict[str, float]], flows: Comparison) -> Iterator[Score]:
    if not value:
        yield Score(name, None, None, 1.0, "min", note="no label has it on both sides")
        return
    means = [float(np.mean([draw[label] for label in value if label in draw])) for draw in draws if draw]
    whole = float(np.mean(list(value.values())))
    note = "mean over the labels" if len(value) > 1 else ""
    yield _score(name, whole, None, means, min(len(flows.test), len(flows.synthetic)), note)
    for label, distance in value.items():
        count = min(len(flows.test.of(label)), len(flows.synthetic.of(label)))
        yield _score(name, distance, label, [draw[label] for draw in draws if label in draw], count, "")


def _score(name: str, value: float, label: str | None, draws: list[float], count: int, note: str) -> Score:
    span: Interval | None = interval(draws, lowest=0.0, highest=1.0, least=LEAST / max(1, count)) if draws else None
    low, high = ends(span)
    floor = None if span is None else span.middle
    return Score(name, value, floor, 1.0, "min", label=label, note=note, low=low, high=high)


def _by_label(field: Field, measure: str, real: Traces, other: Traces, labels: list[str]) -> dict[str, float]:
    """The distance of each label; 1 where only one side has the field, none where neither has."""
    apart = {}
    for label in labels:
        a, b = (field.of(numbers_of(part.of(label))) for part in (real, other))
        if len(a) and len(b):
            apart[label] = MEASURES[measure](a, b)
        elif len(a) or len(b):
            apart[label] = 1.0
    return apart


def ks(a: Floats, b: Floats) -> float:
    """The largest difference of the distribution functions."""
    return kolmogorov_smirnov(cdf_difference(a, b, np.ones(len(a)), np.ones(len(b)))[1])


def tvd(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Half the sum of the differences between the shares of each value."""
    values, places = np.unique(np.concatenate([a, b]), return_inverse=True)
    p, q = (np.bincount(part, minlength=len(values)) / len(part) for part in np.split(places, [len(a)]))
    return float(np.abs(p - q).sum() / 2)


MEASURES: dict[str, Callable[[Floats, Floats], float]] = {"ks": ks, "tvd": tvd}
CODES = ("flags", "options", "server_port", "protocol")


def fields_of(part: Packets) -> dict[str, Field]:
    """The eleven fields of a part's flows; what a packet does not have is left out."""
    columns, counts, first = part.columns, part.counts, part.first
    inside = columns.owner
    totals = {
        "packets": counts,
        "bytes": np.bincount(inside, columns.size, len(part)),
        "duration": np.bincount(inside, columns.gap_ns, len(part)),
        "server_port": columns.server_port[first],
        "protocol": columns.protocol[first],
    }
    one = np.ones(len(part), np.int64)
    found = {
        name: _packed(getattr(columns, name), inside, len(part))
        for name in ("ttl", "window", "flags", "options", "size", "gap_ns")
    }
    found["gap"] = found.pop("gap_ns")
    return found | {
        name: Field(np.asarray(values, np.float64), np.arange(len(part)), one) for name, values in totals.items()
    }


def _packed(values: NDArray[np.int64], owner: NDArray[np.int64], flows: int) -> Field:
    there = values != ABSENT
    counts = np.bincount(owner[there], minlength=flows).astype(np.int64)
    return Field(values[there].astype(np.float64), np.cumsum(counts) - counts, counts)


def _joined(fields: list[Field]) -> Field:
    """The flows of all parts, counted through."""
    counts = np.concatenate([field.counts for field in fields])
    return Field(np.concatenate([field.values for field in fields]), np.cumsum(counts) - counts, counts)
