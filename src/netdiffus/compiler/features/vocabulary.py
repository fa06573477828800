"""Vocabularies: the combinations of several small numbers that training traffic has, each one token with a place.

Whatever place a model names, the combination is one that a real stack sent. Tokens lie in lexicographic order, so
neighbours share their first numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from netdiffus import limits
from netdiffus.arrays import Ints
from netdiffus.manifest import Manifest

WIDEST = 16
"""Numbers of a token at most."""
MOST_PACKED = 1 << 62
Number = Annotated[int, Field(ge=-(1 << 31), lt=1 << 31)]


class VocabularyManifest(Manifest):
    """What a manifest holds of a vocabulary."""

    words: list[Annotated[list[Number], Field(min_length=1, max_length=WIDEST)]] = Field(
        min_length=1, max_length=limits.WORDS
    )
    counts: list[Annotated[int, Field(ge=1, lt=1 << 53)]]

    @model_validator(mode="after")
    def _fit(self) -> VocabularyManifest:
        if len({len(word) for word in self.words}) > 1 or len(self.counts) != len(self.words):
            raise ValueError("with tokens of one width and a count of each")
        if any(a >= b for a, b in pairwise(self.words)):
            raise ValueError("with tokens in lexicographic order, each once")
        return self


@dataclass(frozen=True)
class Vocabulary:
    """Tokens of W numbers.

    Attributes:
        tokens: (K, W) int64, in lexicographic order, each once.
        counts: how often each was seen in training, (K,).
    """

    tokens: Ints
    counts: Ints

    @classmethod
    def fit(cls, seen: Ints) -> Vocabulary:
        """The tokens among (N, W) numbers, N at least 1."""
        tokens, _, counts = _distinct(seen)
        return cls(tokens, counts)

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def _place(self) -> dict[tuple[int, ...], int]:
        return {token: place for place, token in enumerate(map(tuple, self.tokens.tolist()))}

    def places(self, asked: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """The place of each of (N, W) numbers, and whether it is exactly that token.

        An unknown token gets the place of the one that agrees with it in the most numbers from the left on.
        """
        distinct, back, _ = _distinct(asked)
        places = self._exact(distinct)
        exact = places >= 0
        for k in np.flatnonzero(~exact):
            agree = np.logical_and.accumulate(self.tokens == distinct[k], axis=1).sum(axis=1)
            most = np.flatnonzero(agree == agree.max())
            places[k] = most[np.argmax(self.counts[most])]
        return places[back], exact[back]

    def exact_places(self, asked: Ints) -> Ints:
        """The same, without the nearest: -1 for an unknown token."""
        distinct, back, _ = _distinct(asked)
        return self._exact(distinct)[back]

    def _exact(self, distinct: Ints) -> Ints:
        return np.array([self._place.get(token, -1) for token in map(tuple, distinct.tolist())], np.int64)

    def usual(self, columns: Sequence[int], numbers: Sequence[int]) -> int:
        """The place of the most frequent token whose `columns` are `numbers`; -1 if there is none."""
        fits = (self.tokens[:, list(columns)] == np.array(numbers)).all(axis=1)
        return int(np.argmax(np.where(fits, self.counts, -1))) if fits.any() else -1

    def to_json(self) -> dict[str, Any]:
        """Plain lists."""
        return {"words": self.tokens.tolist(), "counts": self.counts.tolist()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Vocabulary:
        """The way back from `to_json`.

        Raises:
            InputError: it is no vocabulary.
        """
        return cls.of_manifest(VocabularyManifest.of(data, "vocabulary"))

    @classmethod
    def of_manifest(cls, found: VocabularyManifest) -> Vocabulary:
        """The same of what was checked."""
        return cls(np.array(found.words, np.int64), np.array(found.counts, np.int64))


def _distinct(rows: Ints) -> tuple[Ints, Ints, Ints]:
    """The distinct rows (K, W) of (N, W) numbers in lexicographic order; which of them each is (N,), counts (K,).

    A row is packed into one number, whose parts are renumbered where 62 bits do not hold it: sorting rows takes longer.
    """
    key, span = np.zeros(len(rows), np.int64), 1
    for column in rows.T if len(rows) else ():
        low, wide = int(column.min()), int(column.max()) - int(column.min()) + 1
        if span * wide > MOST_PACKED:
            there, key = np.unique(key, return_inverse=True)
            span = len(there)
        key = key * wide + (column - low)
        span *= wide
    _, first, which, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    return rows[first], which.astype(np.int64), counts.astype(np.int64)
