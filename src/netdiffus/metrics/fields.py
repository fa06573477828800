"""Header fields: TTL, window, flags, option template, size, gap, and the totals of a flow, label by label.

Numbers are compared by the Kolmogorov-Smirnov distance, codes by total variation: both the largest difference there can
be between the shares of two sides, 0 equal and 1 disjoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Floats
from netdiffus.compiler.header_columns import ABSENT
from netdiffus.metrics.distances import ks, tvd
from netdiffus.metrics.intervals import interval
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import resamples
from netdiffus.metrics.packets import Packets, PacketSets
from netdiffus.metrics.samples import Parts, Rows
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType

LEAST = 3  # flows that are chance whatever the draws are
CODES = ("flags", "options", "server_port", "protocol")
MEANINGS = {
    "ttl": "of the packets' TTL", "window": "of their TCP window", "size": "of their payload bytes",
    "gap": "of the gap before them", "packets": "of a flow's packets", "bytes": "of a flow's payload bytes",
    "duration": "of a flow's duration", "flags": "of TCP flags",
    "options": "of the template of TCP options (kinds, order, padding)", "server_port": "of the server port",
    "protocol": "of the protocol",
}  # fmt: skip
KINDS = {
    name: ScoreType(
        f"fields.{name}.{'tvd' if name in CODES else 'ks'}", "min",
        f"{'total variation' if name in CODES else 'Kolmogorov-Smirnov'} {meaning}, per label and mean over labels",
        useless=1.0, useless_is="1", evidence=("headers",),
    )
    for name, meaning in MEANINGS.items()
}  # fmt: skip


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
        index = np.repeat(self.first[flows] - ends + counts, counts) + np.arange(ends[-1] if len(ends) else 0)
        return np.asarray(self.values[index])


def fields(packets: PacketSets, rng: np.random.Generator) -> Iterator[Score]:
    """`fields.NAME.ks` and `fields.NAME.tvd` of each label, and their means over the labels.

    The floor is the same between two real sets of the same sizes.
    """
    flows = packets.rows
    labels = [str(label) for label in np.intersect1d(flows.test.labels, flows.synthetic.labels)]
    parts = [fields_of(part) for part in packets.parts]
    draws = list(resamples(flows, rng)) if labels else []
    for name in parts[0]:
        field = joined([part[name] for part in parts])
        distance = tvd if name in CODES else ks
        real = [by_label(field, distance, first, second, labels) for first, second in draws]
        value = by_label(field, distance, flows.test, flows.synthetic, labels)
        yield from field_scores(KINDS[name], value, real, flows)


def field_scores(
    kind: ScoreType, value: dict[str, float], draws: list[dict[str, float]], flows: Parts[Rows]
) -> Iterator[Score]:
    """The mean over the labels and the score of each label, with what real flows get in place of the synthetic ones.

    Args:
        value: the distance of each label.
        draws: the same between real flows.
        flows: those that were compared.
    """
    if not value:
        yield kind.score(None, note="no label has it on both sides")
        return

    def score(distance: float, draws: list[float], count: int, label: str | None, note: str) -> Score:
        span = interval(draws, lowest=0.0, highest=1.0, least=LEAST / max(1, count)) if draws else None
        return kind.score(distance, span, label=label, note=note)

    means = [float(np.mean([draw[label] for label in value if label in draw])) for draw in draws if draw]
    whole = float(np.mean(list(value.values())))
    note = "mean over the labels" if len(value) > 1 else ""
    yield score(whole, means, min(len(flows.test), len(flows.synthetic)), None, note)
    for label, distance in value.items():
        count = min(len(flows.test.of(label)), len(flows.synthetic.of(label)))
        yield score(distance, [draw[label] for draw in draws if label in draw], count, label, "")


def by_label(
    field: Field, distance: Callable[[Floats, Floats], float], real: Rows, other: Rows, labels: list[str]
) -> dict[str, float]:
    """The distance of each label; 1 where only one side has the field, none where neither has."""
    distances = {}
    for label in labels:
        a, b = (field.of(part.of(label).numbers) for part in (real, other))
        if len(a) and len(b):
            distances[label] = distance(a, b)
        elif len(a) or len(b):
            distances[label] = 1.0
    return distances


def fields_of(part: Packets) -> dict[str, Field]:
    """The eleven fields of a part's flows, without absent values."""
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
    present = values != ABSENT
    counts = np.bincount(owner[present], minlength=flows).astype(np.int64)
    return Field(values[present].astype(np.float64), np.cumsum(counts) - counts, counts)


def joined(fields: list[Field]) -> Field:
    """The flows of all parts, counted through."""
    counts = np.concatenate([field.counts for field in fields])
    return Field(np.concatenate([field.values for field in fields]), np.cumsum(counts) - counts, counts)


METRIC = Metric(
    fields,
    PacketSets,
    "Do header fields take their values as often as in real packets?",
    "packets",
    tuple(KINDS.values()),
    stream="headerfields",
)
