"""The codec of the sessions of a model of packets: series of flows ↔ codes, and what leads from them to clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.compiler.arrivals import Arrivals
from netdiffus.compiler.daily import Day
from netdiffus.compiler.sessions.codec import CHANNELS, KindsManifest, SessionsCodec
from netdiffus.compiler.sessions.habits import Habits
from netdiffus.imaging.codec import GasfManifest
from netdiffus.manifest import Count, Manifest, Text
from netdiffus.models.series_codec import SeriesCodec

VERSIONS = {4: "IPv4", 6: "IPv6"}


def session_label(label: str, version: int) -> str:
    """What a session is drawn as: the label that leads it, and its client's IP version."""
    return f"{label}/{VERSIONS[version]}"


def version_of(name: str) -> int:
    """The IP version in the name of such a label."""
    return next(number for number, text in VERSIONS.items() if name.endswith(f"/{text}"))


class SessionsManifest(Manifest):
    """Sessions in a manifest.

    Attributes:
        labels, counts: session labels in the order of their ids, and the training sessions of each.
    """

    series: GasfManifest
    kinds: KindsManifest
    labels: list[Text] = Field(min_length=1, max_length=limits.LABELS)
    counts: list[Count] = Field(min_length=1, max_length=limits.LABELS)
    gaps_ns: list[Annotated[int, Field(ge=0, le=1 << 62)]] = Field(max_length=1024)
    gap_breaks: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    habits: Habits
    day: Day | None = None

    @model_validator(mode="after")
    def _fit(self) -> SessionsManifest:
        names, ends = self.labels, tuple(f"/{text}" for text in VERSIONS.values())
        if names != sorted(set(names)) or not all(name.endswith(ends) for name in names):
            raise ValueError(f"with labels that ascend and end in {' or '.join(ends)}")
        if len(self.counts) != len(names) or not all(self.counts):
            raise ValueError(f"with {len(names):,} counts above 0")
        if tuple(self.series.channels) != CHANNELS or self.series.length != self.kinds.length:
            raise ValueError(f"with series of the channels {', '.join(CHANNELS)} and one length")
        if not self.series.alphabets or any(len(each.counts) != len(names) for each in self.series.alphabets):
            raise ValueError(f"with counts of {len(names):,} labels of sessions")
        if self.gaps_ns != sorted(self.gaps_ns):
            raise ValueError("with gaps_ns that ascend")
        return self


@dataclass(frozen=True)
class SessionCodec:
    """Sessions ↔ series ↔ codes.

    Attributes:
        series: series ↔ codes. kinds: flows of sessions ↔ series.
        labels: training sessions by session label, in the order of the label ids.
        arrivals: when sessions begin. day: how many do by hour, where the captures span a day.
        habits: what a client's stack carries from flow to flow.
    """

    series: SeriesCodec
    kinds: SessionsCodec
    labels: dict[str, int]
    arrivals: Arrivals
    habits: Habits
    day: Day | None = None

    def to_json(self) -> dict[str, Any]:
        """Everything that decoding needs, as plain values."""
        return {
            "series": self.series.to_json(),
            "kinds": self.kinds.to_json(),
            "labels": list(self.labels),
            "counts": list(self.labels.values()),
            "gaps_ns": self.arrivals.gaps.tolist(),
            "gap_breaks": self.arrivals.breaks,
            "habits": self.habits.model_dump(mode="json"),
            "day": None if self.day is None else self.day.model_dump(mode="json"),
        }

    @classmethod
    def of_manifest(cls, found: SessionsManifest) -> SessionCodec:
        """The way back from `to_json`, of what was checked."""
        arrivals = Arrivals(np.array(found.gaps_ns, np.int64), found.gap_breaks)
        series, kinds = SeriesCodec.of_manifest(found.series), SessionsCodec.of_manifest(found.kinds)
        labels = dict(zip(found.labels, found.counts, strict=True))
        return cls(series, kinds, labels, arrivals, found.habits, found.day)
