"""The last packets of connections that go on: sizes, gaps and replies of each kind of packet in an ending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from netdiffus.arrays import Bools, Floats, Ints
from netdiffus.compiler.features.packed import Packed, pack, unpack
from netdiffus.compiler.features.tape import Tape
from netdiffus.compiler.features.teardown import OPEN
from netdiffus.compiler.features.vocabulary import Vocabulary
from netdiffus.compiler.specs import CLIENT, FlowRows
from netdiffus.manifest import Manifest
from netdiffus.wire.headers.fields import SYN

QUANTILES = 9
UNDER_WAY = 0.9
"""Of a round trip."""
ODD = np.uint64(0x9E3779B97F4A7C15)
"""Multiplied by it, near numbers have different upper bits (Knuth, The Art of Computer Programming 3, 6.4)."""


class TailsManifest(Manifest):
    """Tails in a manifest."""

    sizes: Packed
    gaps: Packed
    reply: Packed


def round_trips(head: FlowRows) -> Ints:
    """(F,) ns from a client's SYN to its next segment; 0 of flows without either."""
    time_ns, packets = np.cumsum(head.rows["gap_ns"], dtype=np.int64), head.rows
    never = np.iinfo(np.int64).max
    ours, syn = packets["direction"] == CLIENT, packets["flags"] & SYN != 0
    begun, answered = np.full((2, len(head)), never)
    np.minimum.at(begun, head.owner[ours & syn], time_ns[ours & syn])
    np.minimum.at(answered, head.owner[ours & ~syn], time_ns[ours & ~syn])
    return np.where((begun < never) & (answered < never), np.maximum(answered - begun, 0), 0)


def under_way(flow: Ints, far: Ints, resets: Bools, gaps: Floats, trips: Ints) -> Floats:
    """Gaps (N,) of last packets, where those after a first reset come within a round trip: they were under way.

    Args:
        flow, far: the flow of each packet, and how far from its end it is. resets: which of them are resets.
        trips: (F,) ns of each flow's round trip.
    """
    first = np.full(len(trips), -1, np.int64)
    np.maximum.at(first, flow[resets], far[resets])
    late = far < first[flow]
    lasts = np.bincount(flow[late], gaps[late], len(trips))
    factor = np.minimum(1, UNDER_WAY * trips / np.maximum(lasts, 1))
    return np.where(late, gaps * factor[flow], gaps)


@dataclass(frozen=True)
class Tails:
    """Of each kind of packet (K,) of the codec of first packets, as it is among the last packets.

    Attributes:
        sizes, gaps: (K, QUANTILES) of its sizes and of its gaps, ns. reply: (K,) place of its most frequent reply.
    """

    sizes: Ints
    gaps: Ints
    reply: Ints

    @classmethod
    def fit(cls, tape: Tape, kinds: Vocabulary) -> Tails:
        """The tails of a tape."""
        of_kind = kinds.places(tape.kinds.tokens)[0][tape.kind]
        sizes, gaps = np.zeros((2, len(kinds), QUANTILES), np.int64)
        reply = np.full(len(kinds), int(np.argmax(tape.replies.counts)), np.int64)
        for place in np.unique(of_kind[tape.tail]).tolist():
            here = tape.tail & (of_kind == place)
            at = (np.arange(QUANTILES) + 0.5) / QUANTILES
            sizes[place] = np.quantile(tape.size[here], at, method="inverted_cdf")
            gaps[place] = np.quantile(tape.gap_ns[here], at)
            reply[place] = np.argmax(np.bincount(tape.reply[here]))
        return cls(sizes, gaps, reply)

    def draw(self, tokens: Ints, counts: Ints, seeds: Ints) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        """What replaces the last packets of flows that have so many, (F,), and end as tokens (F, most) say.

        Args:
            seeds: of each flow, below 2^62.

        Returns:
            (N,) each: how far from the flow's end, the flow, the kind, the size and the gap.
        """
        back = np.arange(tokens.shape[1])
        flow, far = np.nonzero((tokens != OPEN) & (back < counts[:, None]))
        kind = tokens[flow, far]
        bits = ((seeds[flow].astype(np.uint64) + far.astype(np.uint64)) * ODD >> np.uint64(40)).astype(np.int64)
        size, gap = self.sizes[kind, bits % QUANTILES], self.gaps[kind, bits // QUANTILES % QUANTILES]
        return far, flow, kind, size, gap

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"sizes": pack(self.sizes), "gaps": pack(self.gaps), "reply": pack(self.reply)}

    @classmethod
    def of_manifest(cls, found: TailsManifest, kinds: int, replies: int) -> Tails:
        """The way back from `to_json`, of so many kinds and replies.

        Raises:
            ValueError: these are no tails of them.
        """
        sizes, gaps = (unpack(text, kinds, QUANTILES) for text in (found.sizes, found.gaps))
        reply = unpack(found.reply, kinds)
        if sizes.min() < 0 or sizes.max() > 0xFFFF or gaps.min() < 0 or reply.min() < 0 or reply.max() >= replies:
            raise ValueError("with sizes, gaps and replies of each kind of packet")
        return cls(sizes, gaps, reply)
