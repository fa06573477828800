"""The sessions codec: flows of sessions ↔ series (N, C, n) of a row for each flow.

A row says what the flow is (its kind: class and server port), which event of which earlier flow it follows (link), how
long after it (gap_ns), to which server it goes (server), and how long it takes (duration_ns).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.arrays import Floats, Ints
from netdiffus.compiler.features.codec import living
from netdiffus.compiler.sessions.flows import SessionFlows
from netdiffus.compiler.sessions.servers import NEW, server_ranks, servers_of_ranks
from netdiffus.manifest import Manifest
from netdiffus.traffic.session_links import ENDED, EVENTS, Links, links_of

CHANNELS = ("kind", "link", "gap_ns", "server", "duration_ns")
NAMES = ("kind", "link", "server")
"""Channels whose values are names of things, not quantities."""
MOST_FLOWS = 128
"""Flows of a session that are learned; longer ones are cut."""
ANY_PORT = 0
RARE = 0.01
"""Server ports that no more of a class's flows have are any port, but for those of look-ups."""
LOOKUP_PORTS = (53, 853)  # RFC 1035, RFC 7858


class KindsManifest(Manifest):
    """Kinds in a manifest: classes and server ports."""

    kinds: list[Annotated[list[int], Field(min_length=2, max_length=2)]] = Field(min_length=1, max_length=limits.VALUES)
    length: int = Field(ge=2, le=MOST_FLOWS)

    @model_validator(mode="after")
    def _fit(self) -> KindsManifest:
        rising = all(one < other for one, other in pairwise(self.kinds))
        if not rising or any(kind < 0 or not 0 <= port < 1 << 16 for kind, port in self.kinds):
            raise ValueError("with kinds that ascend, of classes and ports")
        return self


@dataclass(frozen=True)
class Slots:
    """What flows of sessions are to be (F,), sorted by session.

    Attributes:
        session: numbers that ascend from 0. kind: places in the codec's kinds.
        classes, port: of the kinds; ANY_PORT: any but those of the class's other kinds.
        links: what they follow. server: from 0 within each session. duration_ns: how long they take.
    """

    session: Ints
    kind: Ints
    classes: Ints
    port: Ints
    links: Links
    server: Ints
    duration_ns: Floats

    def __len__(self) -> int:
        return len(self.session)

    @property
    def lookup(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which of them go to a name server (F,)."""
        return np.isin(self.port, LOOKUP_PORTS)


@dataclass(frozen=True)
class SessionsCodec:
    """Sessions ↔ series.

    Attributes:
        kinds: (K, 2) class and server port of each kind, ascending. length: flows of a session at most, n.
    """

    kinds: Ints
    length: int

    @classmethod
    def fit(cls, flows: SessionFlows, classes: Ints) -> SessionsCodec:
        """The codec of training flows of classes (F,)."""
        longest = int(np.bincount(flows.session).max())
        kinds = np.unique(np.stack([classes, _kept_ports(classes, flows.port)], axis=1), axis=0)
        return cls(kinds.astype(np.int64), max(2, min(longest, MOST_FLOWS)))

    def encode(self, flows: SessionFlows, classes: Ints) -> Floats:
        """Series (N, C, n), NaN past the end, of the sessions of flows of classes (F,)."""
        kind = self._kinds_of(classes, flows.port)
        lookup = np.isin(flows.port, LOOKUP_PORTS)
        rank = server_ranks(flows.session, flows.server, kind, lookup)
        links = links_of(flows.session, flows.times, lookup, rank == NEW)
        link = np.where(links.back > 0, 1 + (links.back - 1) * EVENTS + links.event, 0)
        first = np.flatnonzero(np.diff(flows.session, prepend=-1))
        place = np.arange(len(flows)) - first[flows.session]
        series = np.full((len(first), len(CHANNELS), self.length), np.nan)
        here = place < self.length
        duration = np.maximum(flows.events[:, ENDED], 0)
        for channel, values in enumerate((kind, link, links.delay_ns, rank, duration)):
            series[flows.session[here], channel, place[here]] = values[here]
        return series

    def decode(self, series: Floats) -> Slots:
        """What the flows of sessions of series (N, C, n) are to be; a session ends where its kinds do."""
        alive = living(series)
        counts = alive.sum(axis=1)
        session = np.repeat(np.arange(len(series)), counts)
        values = np.nan_to_num(series.transpose(0, 2, 1)[alive]).round()  # (F, C)
        kind, link, delay, rank = (values[:, k].astype(np.int64) for k in range(4))
        kind = np.clip(kind, 0, len(self.kinds) - 1)
        place = np.arange(len(session)) - np.repeat(np.cumsum(counts) - counts, counts)
        back = np.clip((np.maximum(link, 1) - 1) // EVENTS + 1, 0, place)  # the first flow follows none
        event = (np.maximum(link, 1) - 1) % EVENTS
        links = Links(back, np.where(back > 0, event, 0), np.where(back > 0, np.maximum(delay, 0), 0))
        classes, port = self.kinds[kind].T
        server = servers_of_ranks(session, rank, kind, np.isin(port, LOOKUP_PORTS))
        return Slots(session, kind, classes, port, links, server, values[:, 4])

    def _kinds_of(self, classes: Ints, port: Ints) -> Ints:
        """Places in kinds (F,); a port that is none of them is any port, a class without it its first kind."""
        code = self.kinds[:, 0] * (1 << 16) + self.kinds[:, 1]
        exact, other = classes * (1 << 16) + port, classes * (1 << 16) + ANY_PORT
        place = np.searchsorted(code, np.where(np.isin(exact, code), exact, other))
        return np.minimum(place, len(code) - 1)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"kinds": self.kinds.tolist(), "length": self.length}

    @classmethod
    def of_manifest(cls, found: KindsManifest) -> SessionsCodec:
        """The way back from `to_json`, of what was checked."""
        return cls(np.array(found.kinds, np.int64).reshape(-1, 2), found.length)


def _kept_ports(classes: Ints, port: Ints) -> Ints:
    """Server ports (F,) where enough flows of the class have them, else ANY_PORT."""
    code = classes * (1 << 16) + port
    _, place, counts = np.unique(code, return_inverse=True, return_counts=True)
    enough = counts[place] > RARE * np.bincount(classes)[classes]
    return np.where(np.isin(port, LOOKUP_PORTS) | enough, port, ANY_PORT)
