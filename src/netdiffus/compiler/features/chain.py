"""Counted chains: which token comes after which, with contexts of different length.

A token is what a packet is, how large, and after which gap (tokens.py). A token is drawn after the longest context that
was counted; how many different tokens came after it says how likely a shorter one is taken instead (the escape of
Witten and Bell 1991, method C). Contexts that few packets or a single flow had are left out, as they would repeat it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from netdiffus.arrays import Bools, Ints
from netdiffus.compiler.features.packed import Packed, pack, unpack
from netdiffus.manifest import Manifest
from netdiffus.wire.kernels.compiled import compiled, i64, u64

ORDER = 3
"""Tokens of a context at most."""
FEW_PACKETS = 4
"""A context of two tokens or more that fewer packets had is left out."""
NO_KEY = -1


@compiled
def mixed(x: Any) -> int:
    """64 bits, each depending on all of x: the finaliser of SplitMix64 (Steele et al. 2014)."""
    x = (x ^ (x >> u64(30))) * u64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> u64(27))) * u64(0x94D049BB133111EB)
    return u64(x ^ (x >> u64(31)))


@compiled
def longer(key: int, token: int) -> int:
    """The key of a context with one token more before it."""
    return i64(mixed(u64(key) * u64(0x9E3779B97F4A7C15) + u64(token + 1)) >> u64(1))


@compiled
def _keys(tokens: Ints, owner: Ints, cells: Ints, order: int) -> Ints:
    """The key of the context before each token (P,), or NO_KEY where it has no `order` tokens of the same flow."""
    found = np.full(tokens.size, NO_KEY)
    for i in range(tokens.size):
        if tokens[i] < 0 or i < order or owner[i - order] != owner[i]:
            continue
        key = longer(i64(order), cells[i])
        for back in range(1, order + 1):
            if tokens[i - back] < 0:
                key = i64(NO_KEY)
                break
            key = longer(key, tokens[i - back])
        found[i] = key
    return found


class ChainManifest(Manifest):
    """Chains in a manifest."""

    keys: Packed
    ends: Packed
    words: Packed
    counts: Packed


@dataclass(frozen=True)
class Chain:
    """Contexts (N,) of all lengths and chains, and the tokens after them.

    Attributes:
        keys: ascending. ends: (N + 1,) where each context's tokens begin, and where the last ones end.
        tokens: (E,). passed: (E,) how often the context's tokens up to this one came.
    """

    keys: Ints
    ends: Ints
    tokens: Ints
    passed: Ints

    @classmethod
    def fit(cls, tokens: Ints, owner: Ints, cells: Ints, alone: Bools, *, order: int = ORDER) -> Chain:
        """The chains of flows' tokens.

        Args:
            tokens: (P,), flow after flow; -1: none that may be drawn, which ends every context.
            owner: the flow of each. cells: which chain each is counted in.
            alone: (cells,) whether a single flow is all that there is.
        """
        parts = []
        for length in range(order + 1):
            keys = _keys(tokens, owner, cells, length)
            there = keys != NO_KEY
            parts.append(_counted(keys[there], tokens[there], owner[there], alone[cells[there]], length))
        keys, found, counts = (np.concatenate(column) for column in zip(*parts, strict=True))
        order_ = np.lexsort((found, keys))
        keys, found, counts = keys[order_], found[order_], counts[order_]
        begin = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1 if len(keys) else 0))
        return cls.of_counts(keys[begin], np.append(begin, len(keys)), found, counts)

    @classmethod
    def of_counts(cls, keys: Ints, ends: Ints, tokens: Ints, counts: Ints) -> Chain:
        """The same of the count of each entry."""
        whole = np.cumsum(counts)
        before = np.repeat(np.append(0, whole)[ends[:-1]], np.diff(ends))
        return cls(keys, ends, tokens, whole - before)

    def __len__(self) -> int:
        return len(self.keys)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        counts = np.diff(self.passed, prepend=0)
        counts[self.ends[:-1]] = self.passed[self.ends[:-1]]
        arrays = {"keys": self.keys, "ends": self.ends, "words": self.tokens, "counts": counts}
        return {name: pack(array) for name, array in arrays.items()}

    @classmethod
    def of_manifest(cls, found: ChainManifest, tokens: int) -> Chain:
        """The way back from `to_json`, of so many tokens.

        Raises:
            ValueError: these are no counted contexts.
        """
        keys, ends, after, counts = (unpack(text, -1) for text in (found.keys, found.ends, found.words, found.counts))
        rising = len(ends) == len(keys) + 1 and ends[0] == 0 and ends[-1] == len(after) and (np.diff(ends) > 0).all()
        if not rising or len(counts) != len(after) or (np.diff(keys) <= 0).any():
            raise ValueError("with contexts in order, each with tokens")
        if len(after) and (after.min() < 0 or after.max() >= tokens or counts.min() < 1 or counts.max() >= 1 << 32):
            raise ValueError(f"with contexts of {tokens} tokens and how often each came")
        return cls.of_counts(keys, ends, after, counts)


def _counted(keys: Ints, tokens: Ints, owner: Ints, alone: Bools, length: int) -> tuple[Ints, Ints, Ints]:
    """Keys, tokens and counts of the pairs whose context is kept."""
    order = np.lexsort((tokens, keys))
    keys, tokens, owner, alone = keys[order], tokens[order], owner[order], alone[order]
    context = np.cumsum(np.diff(keys, prepend=NO_KEY) != 0) - 1
    packets = np.bincount(context)
    flows = np.unique(np.stack([context, owner]), axis=1)[0]
    shared = (np.bincount(flows, minlength=len(packets)) > 1)[context] | alone
    kept = shared & (packets[context] >= FEW_PACKETS) if length > 1 else np.ones(len(keys), np.bool_)
    pairs = np.stack([keys[kept], tokens[kept]])
    new = np.flatnonzero((np.diff(pairs, prepend=NO_KEY) != 0).any(axis=0))
    return pairs[0, new], pairs[1, new], np.diff(np.append(new, pairs.shape[1]))
