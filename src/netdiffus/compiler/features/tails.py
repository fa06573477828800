"""The last packets of connections that go on: sizes, gaps and replies of each kind of packet in an ending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from netdiffus.arrays import Ints
from netdiffus.compiler.features.packed import Packed, pack, unpack
from netdiffus.compiler.features.tape import Tape
from netdiffus.compiler.features.teardown import OPEN
from netdiffus.compiler.features.vocabulary import Vocabulary
from netdiffus.manifest import Manifest

QUANTILES = 9
ODD = np.uint64(0x9E3779B97F4A7C15)
"""Multiplied by it, near numbers have different upper bits (Knuth, The Art of Computer Programming 3, 6.4)."""


class TailsManifest(Manifest):
    """Tails in a manifest."""

    sizes: Packed
    gaps: Packed
    reply: Packed


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
        of_kind = kinds.places(tape.kinds.words)[0][tape.kind]
        sizes, gaps = np.zeros((2, len(kinds), QUANTILES), np.int64)
        reply = np.full(len(kinds), int(np.argmax(tape.replies.counts)), np.int64)
        for place in np.unique(of_kind[tape.tail]).tolist():
            here = tape.tail & (of_kind == place)
            at = (np.arange(QUANTILES) + 0.5) / QUANTILES
            sizes[place] = np.quantile(tape.size[here], at, method="inverted_cdf")
            gaps[place] = np.quantile(tape.gap_ns[here], at)
            reply[place] = np.argmax(np.bincount(tape.reply[here]))
        return cls(sizes, gaps, reply)

    def draw(self, words: Ints, counts: Ints, seeds: Ints) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        """What replaces the last packets of flows that have so many, (F,), and end as words (F, most) say.

        Args:
            seeds: of each flow, below 2^62.

        Returns:
            (N,) each: how far from the flow's end, the flow, the kind, the size and the gap.
        """
        back = np.arange(words.shape[1])
        flow, far = np.nonzero((words != OPEN) & (back < counts[:, None]))
        kind = words[flow, far]
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
