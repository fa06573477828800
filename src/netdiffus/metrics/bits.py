"""nPrint bits: is every bit of the headers as often 0, 1 and absent as in real traffic? (Holland et al., CCS 2021.)

Addresses are not compared. The figure cannot stand alone: bits that never vary make any two captures look alike, and
it does not see which bits occur together; metrics/bits_classifiers.py does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Floats
from netdiffus.metrics.distances import jsd
from netdiffus.metrics.metric import Metric
from netdiffus.metrics.null import measured, score_of
from netdiffus.metrics.packets import Packets, PacketSets
from netdiffus.metrics.samples import Rows
from netdiffus.metrics.score import Score
from netdiffus.metrics.scoretype import ScoreType
from netdiffus.wire.nprint.columns import HEADERS, Layout

MOST = 2_000  # flows of each side
ADDRESSES = ("ipv4_src", "ipv4_dst", "ipv6_src", "ipv6_dst")
CHUNK = 1 << 14  # packets that are unpacked at a time
ALL = ScoreType(
    "bits.jsd", "min",
    "Jensen-Shannon divergence of each nPrint bit (absent, 0, 1; addresses are not compared), mean over all bits",
    evidence=("headers",),
)  # fmt: skip
TYPES = (
    ALL,
    ScoreType("bits.tvd", "min", "the same in total variation"),
    ScoreType("bits.hellinger", "min", "the same in Hellinger distance"),
    ScoreType("bits.varying.jsd", "min", "`bits.jsd` over the bits that vary in real traffic"),
    ScoreType("bits.varying.tvd", "min", "the same in total variation"),
    ScoreType("bits.varying.hellinger", "min", "the same in Hellinger distance"),
    ScoreType("bits.by_label.jsd", "min", "mean over the labels of their own `bits.jsd`", evidence=("headers",)),
)


def bits(packets: PacketSets, rng: np.random.Generator) -> Iterator[Score]:
    """JSD, total variation and Hellinger distance of each bit, mean over all bits, over those that vary, by label.

    A bit has three values: 0, 1, and absent where the packet has no such header. Both sides have equally many flows of
    each label.
    """
    chosen = columns(packets.parts)
    counts = np.concatenate([flow_counts(part, chosen) for part in packets.parts])
    real = counts[: len(packets.train) + len(packets.test)]
    varies = histograms(real).max(axis=1) < 1

    def measure(first: Rows, second: Rows) -> dict[str, float]:
        whole = bit_distances(*(histograms(counts[part.numbers]) for part in (first, second)))
        found: dict[str, float] = {}
        for name, distance in whole.items():
            found |= {f"bits.{name}": float(distance.mean()), f"bits.varying.{name}": float(distance[varies].mean())}
        labels = np.intersect1d(first.labels, second.labels)
        means = [
            jsd(*(histograms(counts[part.of(str(label)).numbers]) for part in (first, second))).mean()
            for label in labels
        ]
        return found | {"bits.by_label.jsd": float(np.mean(means))}

    found = measured(packets.rows, rng, measure, MOST) if varies.any() else {}
    if not found:
        yield ALL.score(None, note="real and synthetic flows share no label, or no bit varies")
        return
    note = f"{len(chosen):,} bits without addresses, {np.count_nonzero(varies):,} of them vary; at most {MOST:,} flows"
    kinds = {kind.name: kind for kind in TYPES}
    for name in found:
        yield score_of(kinds[name], found, note=note)


def _tvd(p: Floats, q: Floats) -> Floats:
    return np.asarray(np.abs(p - q).sum(axis=-1) / 2)


def _hellinger(p: Floats, q: Floats) -> Floats:
    return np.asarray(np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum(axis=-1) / 2))


DISTANCES = {"jsd": jsd, "tvd": _tvd, "hellinger": _hellinger}


def bit_distances(p: Floats, q: Floats) -> dict[str, Floats]:
    """Every distance of each bit (C,) between two `histograms`, (C, 3)."""
    return {name: distance(p, q) for name, distance in DISTANCES.items()}


def columns(parts: Sequence[Packets], without: Sequence[str] = ADDRESSES) -> NDArray[np.intp]:
    """The columns that are compared: of headers that some packet of the parts has, and of no field in `without`.

    IPv4, TCP, UDP and ICMP always are, as in the 1,088 columns that published work uses.
    """
    layout: Layout = parts[0].columns.layout
    here = np.unpackbits(np.bitwise_or.reduce([np.bitwise_or.reduce(p.columns.present, axis=0) for p in parts]))
    chosen = []
    for header, fields in HEADERS.items():
        spans = {field: layout.fields[field] for field in fields} if header in layout.headers else {}
        if header != "ipv6" or any(here[span].any() for span in spans.values()):
            kept = [span for field, span in spans.items() if field not in without]
            chosen += [np.arange(span.start, span.stop) for span in kept]
    return np.concatenate(chosen)


def flow_counts(part: Packets, chosen: NDArray[np.intp]) -> Floats:
    """Per flow (F, 1 + 2 C): packets with an nPrint row, and in how many of them each column is present, and is 1."""
    counts = np.zeros((len(part), 1 + 2 * len(chosen)))
    owner = part.columns.owner
    for start in range(0, len(owner), CHUNK):
        some = slice(start, start + CHUNK)
        rows = [np.unpackbits(part.columns.present[some], axis=1), np.unpackbits(part.columns.bits[some], axis=1)]
        has = part.columns.present[some].any(axis=1, keepdims=True)
        table = np.concatenate([np.asarray(has), rows[0][:, chosen], rows[1][:, chosen]], axis=1)
        flows, begins = np.unique(owner[some], return_index=True)
        counts[flows] += np.add.reduceat(table, begins, axis=0, dtype=np.int64)
    return counts


def histograms(counts: Floats) -> Floats:
    """The shares of absent, 0 and 1 of each column (C, 3) over all packets of flows, from `flow_counts` (F, K)."""
    total = counts.sum(axis=0)
    packets, there, ones = total[0], *np.split(total[1:], 2)
    return np.asarray(np.stack([packets - there, there - ones, ones], axis=1) / max(packets, 1))


METRIC = Metric(
    bits, PacketSets, "Does every bit of the headers take its values as often as in real packets?", "packets", TYPES
)
