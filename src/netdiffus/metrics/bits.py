"""nPrint bits: is every bit of the headers as often 0, 1 and absent as in real traffic? (Holland et al., CCS 2021.)

Addresses are left out. The figure cannot stand alone: bits that never vary make any two captures look alike, and
nothing is said of which bits go together; metrics/bitclassifiers.py asks that.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Floats
from netdiffus.metrics.comparison import Comparison, Traces
from netdiffus.metrics.distances import jsd
from netdiffus.metrics.packets import Packets, PacketSets, flow_comparison
from netdiffus.metrics.reference import measured, measured_score
from netdiffus.metrics.score import Score
from netdiffus.wire.nprint.columns import HEADERS, Layout

MOST = 2_000  # flows of each side
ADDRESSES = ("ipv4_src", "ipv4_dst", "ipv6_src", "ipv6_dst")
CHUNK = 1 << 14  # packets that are unpacked at a time


def bits(sets: Comparison, rng: np.random.Generator) -> Iterator[Score]:
    """JSD, total variation and Hellinger distance of each bit, mean over all bits, over those that vary, by label.

    A bit has three values: 0, 1, and absent where the packet has no such header. Both sides have equally many flows of
    each label. Nothing where the sets came without packets.
    """
    if sets.packets is None:
        return
    chosen = columns(sets.packets)
    points = flow_comparison(sets, sets.packets, [flow_counts(part, chosen) for part in sets.packets.parts])
    real = np.concatenate([points.train.series, points.test.series])
    varies = histograms(real).max(axis=1) < 1

    def measure(first: Traces, second: Traces) -> dict[str, float]:
        p, q = histograms(first.series), histograms(second.series)
        found: dict[str, float] = {}
        for name, distance in DISTANCES.items():
            apart = distance(p, q)
            found |= {f"bits.{name}": float(apart.mean()), f"bits.varying.{name}": float(apart[varies].mean())}
        labels = np.intersect1d(first.labels, second.labels)
        means = [jsd(*(histograms(part.of(str(label)).series) for part in (first, second))).mean() for label in labels]
        return found | {"bits.by_label.jsd": float(np.mean(means))}

    found = measured(points, rng, measure, MOST) if varies.any() else {}
    note = f"{len(chosen):,} bits without addresses, {np.count_nonzero(varies):,} of them vary; at most {MOST:,} flows"
    for name, figures in found.items():
        yield measured_score(name, figures, "min", None, note=note)
    if not found:
        note = "real and synthetic flows share no label, or no bit varies"
        yield Score("bits.jsd", None, None, None, "min", note=note)


def _tvd(p: Floats, q: Floats) -> Floats:
    return np.asarray(np.abs(p - q).sum(axis=-1) / 2)


def _hellinger(p: Floats, q: Floats) -> Floats:
    return np.asarray(np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum(axis=-1) / 2))


DISTANCES = {"jsd": jsd, "tvd": _tvd, "hellinger": _hellinger}


def columns(packets: PacketSets) -> NDArray[np.intp]:
    """The columns that are compared: of headers that some packet has, without addresses.

    IPv4, TCP, UDP and ICMP always are, as in the 1,088 columns that published work uses.
    """
    layout: Layout = packets.train.columns.layout
    here = np.unpackbits(np.bitwise_or.reduce([np.bitwise_or.reduce(p.columns.present, axis=0) for p in packets.parts]))
    chosen = []
    for header, fields in HEADERS.items():
        spans = {field: layout.fields[field] for field in fields} if header in layout.headers else {}
        if header != "ipv6" or any(here[span].any() for span in spans.values()):
            kept = [span for field, span in spans.items() if field not in ADDRESSES]
            chosen += [np.arange(span.start, span.stop) for span in kept]
    return np.concatenate(chosen)


def flow_counts(part: Packets, chosen: NDArray[np.intp]) -> Floats:
    """Of each flow (F, 1 + 2 C): packets with an nPrint row, and in how many of them each column is there, and is 1."""
    found = np.zeros((len(part), 1 + 2 * len(chosen)))
    owner = part.columns.owner
    for start in range(0, len(owner), CHUNK):
        some = slice(start, start + CHUNK)
        rows = [np.unpackbits(part.columns.present[some], axis=1), np.unpackbits(part.columns.bits[some], axis=1)]
        has = part.columns.present[some].any(axis=1, keepdims=True)
        table = np.concatenate([np.asarray(has), rows[0][:, chosen], rows[1][:, chosen]], axis=1)
        flows, begins = np.unique(owner[some], return_index=True)
        found[flows] += np.add.reduceat(table, begins, axis=0, dtype=np.int64)
    return found


def histograms(series: Floats) -> Floats:
    """The shares of absent, 0 and 1 of each column (C, 3) over all packets of flows, from their counts (F, 1, K)."""
    total = series.sum(axis=(0, 1))
    packets, there, ones = total[0], *np.split(total[1:], 2)
    return np.asarray(np.stack([packets - there, there - ones, ones], axis=1) / max(packets, 1))
