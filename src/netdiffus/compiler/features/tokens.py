"""Tokens of the packets of a flow that goes on: what a packet is, how large it is, and after which gap it comes.

Frequent sizes are themselves, rare ones an interval; gaps are intervals of half a decade. Values inside an interval
are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from netdiffus import limits
from netdiffus.arrays import Ints
from netdiffus.compiler.features.packed import Packed, pack, unpack
from netdiffus.compiler.features.tape import Tape
from netdiffus.manifest import Manifest

GAP_EDGES = np.array([k * 10**power for power in range(3, 12) for k in (1, 3)], np.int64)
"""Between the classes of gaps, ns: 1 µs, 3 µs, 10 µs to 300 s."""
OFTEN = 16
"""A size that so many packets have is one of its own."""
PER_OCTAVE = 4
"""Intervals of rare sizes."""
UNKNOWN = -1


class TokensManifest(Manifest):
    """Tokens in a manifest."""

    sizes: Packed
    words: Packed


@dataclass(frozen=True)
class Tokens:
    """The tokens of packets.

    Attributes:
        sizes: (S, 2) the smallest and the largest value of each class of sizes.
        tokens: (W, 4) kind, reply, class of sizes and class of gaps, in lexicographic order.
    """

    sizes: Ints
    tokens: Ints

    @classmethod
    def fit(cls, tape: Tape) -> Tokens:
        """The tokens of the packets of a tape that may be drawn."""
        some = tape.drawn
        value, count = np.unique(tape.size[some], return_counts=True)
        value = value.astype(np.int64)
        octave = -np.ones(len(value), np.int64) - (PER_OCTAVE * np.log2(np.maximum(value, 1))).astype(np.int64)
        number = np.where(count >= OFTEN, value, octave)
        sizes = np.array([(value[number == n].min(), value[number == n].max()) for n in np.unique(number)], np.int64)
        sizes = sizes[np.lexsort((sizes[:, 1], sizes[:, 0]))]
        found = cls(sizes, np.zeros((0, 4), np.int64))
        columns = found._columns(tape.kind, tape.reply, tape.size, tape.gap_ns)[some]
        tokens, counts = np.unique(columns, axis=0, return_counts=True)
        if len(tokens) > limits.WORDS:  # the frequent ones
            tokens = tokens[np.sort(np.argsort(-counts, kind="stable")[: limits.WORDS])]
        return cls(sizes, tokens)

    def __len__(self) -> int:
        return len(self.tokens)

    def places(self, kind: Ints, reply: Ints, size: Ints, gap_ns: Ints) -> Ints:
        """The place of the token of each packet, UNKNOWN where there is none."""
        span = self.tokens.max(axis=0) + 1
        columns = self._columns(kind, reply, size, gap_ns)
        inside = ((columns >= 0) & (columns < span)).all(axis=1)
        known, asked = (
            np.ravel_multi_index(tuple(np.minimum(part, span - 1).T), span)
            for part in (self.tokens, np.maximum(columns, 0))
        )
        place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        return np.where(inside & (known[place] == asked), place, UNKNOWN)

    def _columns(self, kind: Ints, reply: Ints, size: Ints, gap_ns: Ints) -> Ints:
        # an interval of rare sizes may enclose a frequent one: the narrowest that holds the value
        size = np.asarray(size, np.int64)
        exact = self.sizes[:, 0] == self.sizes[:, 1]
        place = np.full(len(size), UNKNOWN, np.int64)
        for chosen in (np.flatnonzero(~exact), np.flatnonzero(exact)):
            if not len(chosen):
                continue
            at = np.maximum(np.searchsorted(self.sizes[chosen, 0], size, side="right") - 1, 0)
            low, high = self.sizes[chosen[at]].T
            place = np.where((low <= size) & (size <= high), chosen[at], place)
        return np.stack([kind, reply, place, np.searchsorted(GAP_EDGES, gap_ns, side="right")], axis=1).astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"sizes": pack(self.sizes), "words": pack(self.tokens)}

    @classmethod
    def of_manifest(cls, found: TokensManifest, kinds: int, replies: int) -> Tokens:
        """The way back from `to_json`, of so many kinds and replies.

        Raises:
            ValueError: these are no tokens.
        """
        sizes, tokens = unpack(found.sizes, -1, 2), unpack(found.words, -1, 4)
        if not len(sizes) or (sizes < 0).any() or (sizes[:, 0] > sizes[:, 1]).any() or sizes.max() > 0xFFFF:
            raise ValueError("with sizes of packets")
        top = np.array([kinds, replies, len(sizes), len(GAP_EDGES) + 1])
        if not 0 < len(tokens) <= limits.WORDS or (tokens < 0).any() or (tokens >= top).any():
            raise ValueError("with tokens of known kinds, replies, sizes and gaps")
        return cls(sizes, tokens)
