"""Training data of packets: a dataset's training flows as series of packet fields, and when they begin."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from netdiffus.errors import InputError
from netdiffus.imaging.bits import MOST_PACKETS
from netdiffus.imaging.codec import GasfManifest
from netdiffus.store.dataset import read_packets
from netdiffus.traffic.flowframes import PROTOCOLS
from netdiffus.traffic.sessions import FlowRows, arrival_gaps
from netdiffus.traffic.sessions.fields import FieldsCodec
from netdiffus.traffic.sessions.fieldsmanifest import FieldsManifest
from netdiffus.traffic.sessions.tables import rows_of_tables

CLASSES = {
    "kind": 512, "reply": 64, "window": 128, "size": 256, "gap_ns": 128, "hosts": 256, "server_port": 128,
    "ending": 256,
}  # fmt: skip
"""Classes that are enough for a channel: rare neighbours share one, and are told apart by how often a label has them.
With 512 for each, a step takes twice as long."""
NAMES = ("kind", "reply", "hosts", "server_port", "ending")
"""Channels whose values are names of things, not quantities."""
MOST_GAPS = 1024
"""Gaps between flows that a model keeps: quantiles, where there are more."""


class PacketManifest(GasfManifest):
    """What a manifest holds of the codec of a model of packets: that of its series, and what leads to flows."""

    fields: FieldsManifest
    gaps_ns: list[Annotated[int, Field(ge=0, le=1 << 62)]] = Field(max_length=MOST_GAPS)
    gap_breaks: Annotated[int, Field(ge=0, lt=1 << 63)] = 0

    @model_validator(mode="after")
    def _of_one_length(self) -> PacketManifest:
        if self.fields.length != self.length:
            raise ValueError(f"with fields of length {self.length}")
        if self.gaps_ns != sorted(self.gaps_ns):
            raise ValueError("with gaps_ns that ascend")
        return self


@dataclass(frozen=True)
class PacketCodec:
    """What leads from drawn series to flows.

    Attributes:
        fields: rows ↔ series.
        gaps: between the starts of flows, ns, ascending.
        breaks: gaps between recordings, which are not among them.
    """

    fields: FieldsCodec
    gaps: NDArray[np.int64]
    breaks: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values; they stand in model.json beside the codec of the series."""
        return {"fields": self.fields.to_json(), "gaps_ns": self.gaps.tolist(), "gap_breaks": self.breaks}

    @classmethod
    def of_manifest(cls, found: PacketManifest) -> PacketCodec:
        """The way back from `to_json`, of what was checked."""
        return cls(FieldsCodec.of_manifest(found.fields), np.array(found.gaps_ns, np.int64), found.gap_breaks)


@dataclass(frozen=True)
class PacketPart:
    """The training flows that a model of packets learns.

    Attributes:
        series: (N, C, n), NaN past the end; classes: of each flow, see `class_names`.
        left_out: flows that cannot be learned, by reason.
    """

    codec: PacketCodec
    series: NDArray[np.float64]
    classes: list[str]
    left_out: Counter[str]


def packet_part(dataset: Path, part: pl.DataFrame, share: float, length: int | None) -> PacketPart:
    """The flows of the training part of a dataset.

    Args:
        part: their traces. share: of all flows of their sources that these are; the others arrive between them.
        length: packets of a flow that are learned; None: all that were kept.

    Raises:
        InputError: the dataset has no packets, or none of the flows can be learned.
    """
    rows, left_out = rows_of_tables(part, read_packets(dataset))
    if not len(rows):
        reasons = "; ".join(f"{reason}: {count:,}" for reason, count in left_out.items())
        raise InputError("flows of TCP, UDP or ICMP to learn from", reasons or "none", "prepare other captures")
    longest = int(rows.counts.max())
    fields = FieldsCodec.fit(rows, max(2, min(length or MOST_PACKETS, longest)))
    series, _ = fields.encode(rows)
    arrivals = arrival_gaps(starts.to_numpy() for starts in part.group_by("source").agg("start_ns")["start_ns"])
    codec = PacketCodec(fields, _quantiles(arrivals.gaps * share), arrivals.breaks)
    return PacketPart(codec, series, class_names(rows), left_out)


def _quantiles(gaps: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    if len(gaps) > MOST_GAPS:
        gaps = np.quantile(gaps, (np.arange(MOST_GAPS) + 0.5) / MOST_GAPS)
    return gaps.astype(np.int64)


def class_names(rows: FlowRows) -> list[str]:
    """LABEL/PROTOCOL of each flow: what a model of packets tells apart, so that a protocol can be asked for."""
    return [
        f"{label}/{PROTOCOLS[number]}"
        for label, number in zip(rows.labels, rows.flows["protocol"].tolist(), strict=True)
    ]


def label_of(name: str) -> str:
    """The label of a class."""
    return name.rpartition("/")[0]
