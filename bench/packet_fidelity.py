"""How near made flows come to real ones, and what a classifier learns from them: header fields and nPrint bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from netdiffus.compiler import FlowRows
from netdiffus.compiler.specs import SERVER
from netdiffus.imaging.bits import BitsCodec
from netdiffus.metrics.bits import ADDRESSES
from netdiffus.metrics.distances import jsd
from netdiffus.metrics.headerfields import ks, tvd
from netdiffus.steps.bitimage import packet_rows

CODEC = BitsCodec.of(bare=True)
SUMS = ("ipv4_cksum", "tcp_cksum", "udp_cksum", "icmp_cksum")
"""Sums over addresses, and over numbers of chance."""
CHANCE = (
    *SUMS, "ipv4_id", "ipv6_fl", "tcp_seq", "tcp_ackn", "icmp_roh",
    "tcp_sprt", "tcp_dprt", "udp_sport", "udp_dport", "tcp_opt",
)  # fmt: skip
"""Fields that hold numbers drawn by chance (of tcp_opt the timestamps), or sums over them."""
BITS_OF = 8
"""Packets of a flow whose bits a classifier sees."""
TREES, FOLDS = 100, 3


@dataclass(frozen=True)
class Flows:
    """Flows of one origin: rows, labels (F,), and the bits of their first packets, (F, BITS_OF, columns) int8."""

    rows: FlowRows
    labels: NDArray[np.str_]
    bits: NDArray[np.int8]

    def take(self, chosen: NDArray[np.int64]) -> Flows:
        """Some of them, in their order."""
        marked = np.zeros(len(self.labels), np.bool_)
        marked[chosen] = True
        return Flows(self.rows.select(marked), self.labels[marked], self.bits[marked])

    def sample(self, counts: dict[str, int], rng: np.random.Generator) -> Flows:
        """At most so many of each label."""
        rows = [rng.permutation(np.flatnonzero(self.labels == label))[:n] for label, n in counts.items()]
        return self.take(np.sort(np.concatenate(rows)))

    @property
    def counts(self) -> dict[str, int]:
        """Flows of each label."""
        labels, counts = np.unique(self.labels, return_counts=True)
        return dict(zip(labels.tolist(), counts.tolist(), strict=True))


def bits_of(packets: pl.DataFrame, name: str, ids: list[int]) -> NDArray[np.int8]:
    """The first BITS_OF packets of flows as nPrint bits, -1 past the end; `name` is the column of the flows' ids."""
    kept = packets.filter((pl.col("index") < BITS_OF) & pl.col(name).is_in(ids))
    place = {flow: k for k, flow in enumerate(ids)}
    flow = np.array([place[number] for number in kept[name].to_list()])
    rows = packet_rows(kept)
    lost = np.array([reason is not None for reason in CODEC.lost(rows)])
    assert not lost.any(), "these flows have packets without columns"
    out = np.full((len(ids), BITS_OF, CODEC.columns), -1, np.int8)
    out[flow, kept["index"].to_numpy()] = CODEC.encode(rows)
    return out


def columns(without: tuple[str, ...]) -> NDArray[np.bool_]:
    """The columns of no field named."""
    fields = [name.rpartition("_")[0] for name in CODEC.names]
    return ~np.isin(fields, without)


# --- header fields -----------------------------------------------------------------------------------------------


FIELDS: dict[str, tuple[str, Callable[[FlowRows], NDArray[np.generic]]]] = {
    "TTL": ("KS", lambda r: r.flows["ttl"][r.owner, r.rows["direction"]] + r.rows["ttl_step"]),
    "window": ("KS", lambda r: r.rows["window"][r.flows["protocol"][r.owner] == 6]),
    "size": ("KS", lambda r: r.rows["size"]),
    "gap": ("KS", lambda r: np.delete(r.rows["gap_ns"], r.first)),
    "packets of a flow": ("KS", lambda r: r.counts),
    "bytes of a flow": ("KS", lambda r: np.add.reduceat(r.rows["size"].astype(np.int64), r.first)),
    "duration": ("KS", lambda r: np.add.reduceat(r.rows["gap_ns"], r.first)),
    "flags": ("TVD", lambda r: r.rows["flags"]),
    "server port": ("TVD", lambda r: r.flows["port"][:, SERVER]),
    "option layout": ("TVD", lambda r: np.array(r.layouts, object)[r.rows["layout"]]),
    "protocol": ("TVD", lambda r: r.flows["protocol"]),
}
"""Per field: which distance, and its values in flows of at least one packet."""


def distance(kind: str, a: NDArray[np.generic], b: NDArray[np.generic]) -> float:
    """KS or TVD of two samples; 0 where both are empty, 1 where one is."""
    if not len(a) or not len(b):
        return float(len(a) != len(b))
    return ks(a.astype(np.float64), b.astype(np.float64)) if kind == "KS" else tvd(a.astype(str), b.astype(str))


def field_rows(real: Flows, other: Flows, made: Flows) -> list[tuple[str, ...]]:
    """Per field: mean over labels of real against real and of made against real, and labels within 0.1 of the floor."""
    found = []
    for name, (kind, values) in FIELDS.items():
        floor, value = [], []
        for label in real.counts:
            a, b, c = (values(part.rows.select(part.labels == label)) for part in (real, other, made))
            floor.append(distance(kind, a, b))
            value.append(distance(kind, a, c))
        excess = np.array(value) - np.array(floor)
        worst = list(real.counts)[int(np.argmax(excess))]
        found.append(
            (f"{name} ({kind})", f"{np.mean(floor):.3f}", f"{np.mean(value):.3f}",
             f"{int((excess <= 0.1).sum())} of {len(excess)}", f"{worst} +{excess.max():.2f}")
        )  # fmt: skip
    return found


# --- nPrint bits -------------------------------------------------------------------------------------------------


def bit_distances(a: Flows, b: Flows, without: tuple[str, ...] = ADDRESSES) -> tuple[float, float, float]:
    """Mean JSD (bits), TVD and Hellinger distance of the columns, the mean over labels."""
    kept, found = columns(without), []
    for label in a.counts:
        p, q = (_shares(part.bits[part.labels == label][:, :, kept]) for part in (a, b))
        tvd = np.abs(p - q).sum(axis=-1) / 2
        hellinger = np.sqrt(np.clip(1 - np.sqrt(p * q).sum(axis=-1), 0, 1))
        found.append([np.nanmean(jsd(p, q)), tvd.mean(), hellinger.mean()])
    return tuple(float(value) for value in np.mean(found, axis=0))  # type: ignore[return-value]


def _shares(bits: NDArray[np.int8]) -> NDArray[np.float64]:
    """Shares of -1, 0 and 1 in each column over all packets, (columns, 3)."""
    flat = bits.reshape(-1, bits.shape[-1])
    flat = flat[(flat != -1).any(axis=1)]  # rows past the end of a flow are no packets
    return np.stack([(flat == value).mean(axis=0) for value in (-1, 0, 1)], axis=-1)


def matrix(flows: Flows, without: tuple[str, ...]) -> NDArray[np.float32]:
    """Flows as rows of features."""
    return flows.bits[:, :, columns(without)].reshape(len(flows.labels), -1).astype(np.float32)


def detector_auc(real: Flows, other: Flows, without: tuple[str, ...] = ADDRESSES) -> float:
    """The AUC of a random forest that tells the two apart by their bits, cross-validated; alike many of each label."""
    x = np.concatenate([matrix(real, without), matrix(other, without)])
    y = np.repeat([0, 1], [len(real.labels), len(other.labels)])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    forest = RandomForestClassifier(TREES, random_state=0)
    return float(roc_auc_score(y, cross_val_predict(forest, x, y, cv=folds, method="predict_proba")[:, 1]))


def learned(train: list[Flows], test: Flows) -> tuple[float, dict[str, float]]:
    """Accuracy on test flows of a random forest that learned from `train`, and the F1 of each label."""
    x = np.concatenate([matrix(part, ADDRESSES) for part in train])
    y = np.concatenate([part.labels for part in train])
    said = RandomForestClassifier(TREES, random_state=0).fit(x, y).predict(matrix(test, ADDRESSES))
    names = list(test.counts)
    f1 = f1_score(test.labels, said, labels=names, average=None, zero_division=0.0)
    return float((said == test.labels).mean()), dict(zip(names, f1.tolist(), strict=True))
