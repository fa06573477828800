"""How connections end, as tokens: the kinds of a TCP flow's last packets, together.

Real connections end in few ways, and each is a dance of both sides (FIN, its acknowledgement, the other FIN, a reset).
A token names the whole of it, from the first FIN or RST on, so that a model chooses among endings that connections had,
not a packet at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Ints
from netdiffus.compiler.features.vocabulary import Vocabulary

ENDING = 16  # packets that a token holds, at most
FORMER = (5, 8)  # the same of older models
MOST_ENDINGS = 4096  # tokens at most: of more, those that few flows have are known by their last packets alone
OPEN = -1  # in a token: no packet; a token of nothing else leaves the end as it is


def last_kinds(kind: Ints, counts: Ints, known: NDArray[np.bool_]) -> Ints:
    """(F, ENDING) places of the kinds of each flow's last packets, the very last first, OPEN past what is known.

    Args:
        kind: of all packets (P,), flow after flow. counts: packets of each flow (F,).
        known: (P,) whether a packet can be part of an ending.
    """
    last, more = np.cumsum(counts) - 1, np.ones(len(counts), np.bool_)
    found = np.full((len(counts), ENDING), OPEN, np.int64)
    for back in range(ENDING):
        at = np.maximum(last - back, 0)
        more = more & (back < counts) & known[at]
        found[:, back] = np.where(more, kind[at], OPEN)
    return found


def fit_endings(seen: Ints, most: int = MOST_ENDINGS) -> Vocabulary:
    """The endings (F, ENDING) that flows have, and the open one; of more than `most`, those that enough flows share."""
    found, few = _shared(seen, 1), 1
    while len(found) > most:
        few *= 2
        found = _shared(seen, few)
    return found


def _shared(seen: Ints, few: int) -> Vocabulary:
    """The endings that at least so many flows share, each as long as it can be, and the open one."""
    shared = np.full_like(seen, OPEN)
    for packets in range(1, seen.shape[1] + 1):
        cut = _cut(seen, packets)
        _, back, flows = np.unique(cut, axis=0, return_inverse=True, return_counts=True)
        enough = (flows[back.reshape(-1)] >= few) & (seen[:, packets - 1] != OPEN)
        shared[enough] = cut[enough]
    return Vocabulary.fit(np.concatenate([shared, np.full((1, seen.shape[1]), OPEN, np.int64)]))


def ending_places(endings: Vocabulary, seen: Ints) -> Ints:
    """The place (F,) of the longest known token that each flow ends with; `seen` may have more packets than tokens."""
    seen = seen[:, : endings.tokens.shape[1]]
    found: Ints = np.full(len(seen), -1, np.int64)
    for packets in range(seen.shape[1], -1, -1):
        left = np.flatnonzero(found < 0)
        found[left] = endings.exact_places(_cut(seen[left], packets))
    found[found < 0] = 0
    return found


def before_the_end(counts: Ints, tokens: Ints) -> NDArray[np.bool_]:
    """Which packets (P,) of flows of so many (F,) come before those that their tokens (F, most) name."""
    left = np.repeat(np.cumsum(counts), counts) - np.arange(counts.sum())
    found: NDArray[np.bool_] = left > np.repeat((tokens != OPEN).sum(axis=1), counts)
    return found


def with_endings(kind: Ints, counts: Ints, tokens: Ints, closed: NDArray[np.bool_], fixed: NDArray[np.bool_]) -> Ints:
    """The kinds (P,) with the last ones of each closed flow (F,) as its token (F, most) has them.

    A flow that is shorter than its token keeps its first packet, and every one keeps those that are `fixed` (P,).
    """
    kind, last = kind.copy(), np.cumsum(counts) - 1
    for back in range(tokens.shape[1]):
        flows = closed & (tokens[:, back] != OPEN) & (back < counts - 1)
        flows[flows] = ~fixed[last[flows] - back]
        kind[last[flows] - back] = tokens[flows, back]
    return kind


def _cut(seen: Ints, packets: int) -> Ints:
    return np.where(np.arange(seen.shape[1]) < packets, seen, OPEN)
