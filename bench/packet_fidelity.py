"""How near made flows come to real ones, and what a classifier learns from them: header fields and nPrint bits.

The measures are those of `netdiffus evaluate`; here they compare sets of equal size, also without some fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from netdiffus.compiler import FlowRows
from netdiffus.compiler.header_columns import header_columns
from netdiffus.metrics import bits, fields
from netdiffus.metrics.bits import ADDRESSES
from netdiffus.metrics.bits_classifiers import bit_features
from netdiffus.metrics.classification import Result, result_of
from netdiffus.metrics.detector import detector_auc as auc
from netdiffus.metrics.distances import ks, tvd
from netdiffus.metrics.forest import forest
from netdiffus.metrics.packets import Packets
from netdiffus.metrics.samples import numbered

SUMS = ("ipv4_cksum", "tcp_cksum", "udp_cksum", "icmp_cksum")
"""Sums over addresses, and over numbers of chance."""
CHANCE = (
    *SUMS, "ipv4_id", "ipv6_fl", "tcp_seq", "tcp_ackn", "icmp_roh",
    "tcp_sprt", "tcp_dprt", "udp_sport", "udp_dport", "tcp_opt",
)  # fmt: skip
"""Fields that hold numbers drawn by chance (of tcp_opt the timestamps), or sums over them."""
BITS_OF = 8
"""Packets of a flow whose bits are compared."""
SEED = 0


@dataclass(frozen=True)
class Flows:
    """Flows of one origin: their rows, and their labels and header columns."""

    rows: FlowRows
    packets: Packets

    @property
    def labels(self) -> NDArray[np.str_]:
        """The label of each flow (F,)."""
        return self.packets.labels

    def take(self, chosen: NDArray[np.int64]) -> Flows:
        """Some of them, in their order."""
        marked = np.zeros(len(self.labels), np.bool_)
        marked[chosen] = True
        return Flows(self.rows.select(marked), self.packets.take(marked))

    def sample(self, counts: dict[str, int], rng: np.random.Generator) -> Flows:
        """At most so many of each label."""
        rows = [rng.permutation(np.flatnonzero(self.labels == label))[:n] for label, n in counts.items()]
        return self.take(np.sort(np.concatenate(rows)))

    @property
    def counts(self) -> dict[str, int]:
        """Flows of each label."""
        labels, counts = np.unique(self.labels, return_counts=True)
        return dict(zip(labels.tolist(), counts.tolist(), strict=True))


def packets_of(table: pl.DataFrame, name: str, ids: list[int], labels: NDArray[np.str_], most: int) -> Packets:
    """The first `most` packets of flows; `name` is the column of the flows' ids, `labels` (F,) are those of `ids`."""
    numbers = pl.DataFrame({name: ids, "flow": np.arange(len(ids))}).cast({name: table.schema[name]})
    kept = table.filter(pl.col("index") < most).join(numbers, on=name).sort("flow", "index")
    return Packets(labels, header_columns(kept, kept["flow"].to_numpy().astype(np.int64)))


# --- header fields -----------------------------------------------------------------------------------------------


def field_rows(real: Flows, other: Flows, made: Flows) -> list[tuple[str, ...]]:
    """Per field: mean over labels of real against real and of made against real, and labels within 0.1 of the floor."""
    parts = [part.packets for part in (real, other, made)]
    rows, tables = numbered([part.labels for part in parts]), [fields.fields_of(part) for part in parts]
    found = []
    for name in fields.KINDS:
        kind, distance = ("TVD", tvd) if name in fields.CODES else ("KS", ks)
        field = fields.joined([table[name] for table in tables])
        floors, values = (
            fields.by_label(field, distance, rows.train, side, list(real.counts))
            for side in (rows.test, rows.synthetic)
        )
        labels = [label for label in real.counts if label in floors or label in values]
        floor, value = (np.array([each.get(label, 0.0) for label in labels]) for each in (floors, values))
        excess = value - floor
        found.append(
            (f"{name} ({kind})", f"{np.mean(floor):.3f}", f"{np.mean(value):.3f}",
             f"{int((excess <= 0.1).sum())} of {len(excess)}", f"{labels[int(np.argmax(excess))]} +{excess.max():.2f}")
        )  # fmt: skip
    return found


# --- nPrint bits -------------------------------------------------------------------------------------------------


def bit_distances(a: Flows, b: Flows, without: tuple[str, ...] = ADDRESSES) -> tuple[float, ...]:
    """Mean JSD (bits), TVD and Hellinger distance of the columns, the mean over labels."""
    sides = [part.packets.head(BITS_OF) for part in (a, b)]
    chosen, found = bits.columns(sides, without), []
    for label in a.counts:
        p, q = (bits.histograms(bits.flow_counts(part.take(part.labels == label), chosen)) for part in sides)
        found.append([apart.mean() for apart in bits.bit_distances(p, q).values()])
    return tuple(float(value) for value in np.mean(found, axis=0))


def detector_auc(real: Flows, other: Flows, without: tuple[str, ...] = ADDRESSES) -> float:
    """The AUC of a random forest that tells the two apart by their bits, cross-validated; alike many of each label."""
    a, b = _features([real, other], without)
    return auc(a, b, partial(forest, seed=SEED), SEED)


def learned(train: list[Flows], test: Flows) -> tuple[float, dict[str, float]]:
    """Accuracy on test flows of a random forest that learned from `train`, and the F1 of each label."""
    *known, unknown = _features([*train, test], ADDRESSES)
    model = forest(np.concatenate(known), np.concatenate([part.labels for part in train]), SEED)
    result: Result = result_of(test.labels, model.predict(unknown))
    return result.accuracy, result.f1


def _features(sides: list[Flows], without: tuple[str, ...]) -> list[NDArray[np.int8]]:
    chosen = bits.columns([side.packets for side in sides], without)
    return [bit_features(side.packets, chosen, BITS_OF) for side in sides]
