"""The codec of a model of packets: flows ↔ series of packet fields ↔ codes, and when flows begin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from netdiffus.compiler import FlowRows
from netdiffus.compiler.arrivals import Arrivals
from netdiffus.compiler.features.bodies import BodiesManifest, BodyCodec
from netdiffus.compiler.features.codec import CHANNELS, FieldsCodec
from netdiffus.compiler.features.course import QUANTITIES, ROWS
from netdiffus.compiler.features.manifest import FieldsManifest
from netdiffus.errors import InputError
from netdiffus.imaging.codec import SeriesManifest
from netdiffus.imaging.course import CourseCodebook, CourseManifest
from netdiffus.manifest import JsonObject
from netdiffus.models.series_codec import ACTION, TIMES, SeriesCodec, check_values
from netdiffus.models.session_codec import SessionCodec, SessionsManifest
from netdiffus.traffic.flows.frames import PROTOCOLS

OF_FIELDS = -(1 << 31), (1 << 31) - 1
"""Values of a field."""
MOST_GAPS = 1024
"""Gaps between flows that a model keeps: quantiles, where there are more."""


class PacketManifest(SeriesManifest):
    """What a manifest holds of the codec of a model of packets: that of its series, and what leads to flows."""

    codec: Literal["packets"]
    fields: FieldsManifest
    gaps_ns: list[Annotated[int, Field(ge=0, le=1 << 62)]] = Field(max_length=MOST_GAPS)
    gap_breaks: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    course: CourseManifest | None = None
    bodies: BodiesManifest | None = None
    sessions: SessionsManifest | None = None

    @model_validator(mode="after")
    def _of_one_length(self) -> PacketManifest:
        if self.fields.length != self.length:
            raise ValueError(f"with fields of length {self.length}")
        if self.gaps_ns != sorted(self.gaps_ns):
            raise ValueError("with gaps_ns that ascend")
        if self.fields.whole != (self.course is not None) or (self.bodies is not None and self.course is None):
            raise ValueError("with a course where flows are whole")
        if self.sessions is not None and not self.fields.whole:
            raise ValueError("with sessions of whole flows alone")
        if self.course is not None and (self.course.rows != ROWS or len(self.course.alphabets) != len(QUANTITIES)):
            raise ValueError(f"with a course of {ROWS} rows of {', '.join(QUANTITIES)}")
        return self


@dataclass(frozen=True)
class PacketCodec:
    """Flows ↔ series of their packets' fields ↔ codes.

    Attributes:
        series: series ↔ codes. fields: flows ↔ series. arrivals: when flows begin.
        bodies: of a model of whole flows the packets behind their first ones; None: no flow went on.
        sessions: what the flows are part of; None: no sessions were learned.
    """

    kind: ClassVar[str] = "packets"

    series: SeriesCodec
    fields: FieldsCodec
    arrivals: Arrivals
    bodies: BodyCodec | None = None
    sessions: SessionCodec | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """C of the series."""
        return self.series.channels

    @property
    def image_channels(self) -> list[str]:
        """The same: no field is folded."""
        return self.series.image_channels

    @property
    def length(self) -> int:
        """Packets of a flow, n."""
        return self.series.length

    def to_json(self) -> dict[str, Any]:
        """Everything that decoding needs, as plain values."""
        parts = {"course": self.series.course, "bodies": self.bodies, "sessions": self.sessions}
        return self.series.to_json() | {
            "codec": self.kind, "fields": self.fields.to_json(), "gaps_ns": self.arrivals.gaps.tolist(),
            "gap_breaks": self.arrivals.breaks,
        } | {name: part.to_json() for name, part in parts.items() if part is not None}  # fmt: skip

    @classmethod
    def from_json(cls, data: JsonObject, name: str = "model.json.codec") -> PacketCodec:
        """The way back from `to_json`.

        Args:
            name: of the data in errors.

        Raises:
            InputError: it is no such codec, or not of the channels that packets have.
        """
        found = PacketManifest.of(data, name, ACTION)
        if tuple(found.channels) != CHANNELS:
            raise InputError(f"{name}.channels {', '.join(CHANNELS)}", ", ".join(found.channels)[:60], ACTION)
        check_values(found, {"gap_ns": TIMES}, OF_FIELDS)
        arrivals = Arrivals(np.array(found.gaps_ns, np.int64), found.gap_breaks)
        series, fields = SeriesCodec.of_manifest(found), FieldsCodec.of_manifest(found.fields)
        if found.course is not None:
            series = replace(series, course=CourseCodebook.of_manifest(found.course))
        sessions = None if found.sessions is None else SessionCodec.of_manifest(found.sessions)
        return cls(series, fields, arrivals, _bodies(found, fields, name), sessions)


def _bodies(found: PacketManifest, fields: FieldsCodec, name: str) -> BodyCodec | None:
    if found.bodies is None:
        return None
    try:
        return BodyCodec.of_manifest(found.bodies, fields)
    except ValueError as error:
        raise InputError(f"{name}.bodies {error}", "other values", ACTION) from None


def class_names(rows: FlowRows) -> list[str]:
    """LABEL/PROTOCOL of each flow: what a model of packets tells apart, so that a protocol can be asked for."""
    return [
        f"{label}/{PROTOCOLS[number]}"
        for label, number in zip(rows.labels, rows.flows["protocol"].tolist(), strict=True)
    ]
