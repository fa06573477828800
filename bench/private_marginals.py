"""Noisy tables with a chosen set of two-way marginals, in the manner of MST (McKenna, Miklau and Sheldon 2021).

Codes by label and position are counted first. Each pair of positions gets a score: the L1 distance between how often
pairs of codes occur and what labels and positions alone expect, which one trace changes by at most 1. The tree of
positions with the largest noisy scores is what is counted: pairs of codes along its edges. MST draws from the graphical
model of its marginals; here labels and an edge expect a code together, as tables of `train --epsilon` have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from bench.private_start import Method, Private, Start, begin, chosen, going, label_cells
from netdiffus.arrays import Floats, Ints
from netdiffus.models.private import CODES, PAIRS
from netdiffus.privacy.findings import kept, normalised
from netdiffus.privacy.noise import noisy

SCORES = "scores of pairs of positions"
SCORED = 0.03
"""The budget of the scores."""
MIXED = 0.1
"""Share of the label's own distribution in what a label and an edge expect together."""


@dataclass(frozen=True)
class Edge:
    """Position `row` given `parent` (-1: none). lift: (K, K) how much likelier a code is after one of the parent."""

    row: int
    parent: int
    lift: Floats


def tree_of(scores: Floats) -> list[tuple[int, int]]:
    """(position, parent) of the spanning tree of the largest scores (n, n), in the order in which they are drawn."""
    heaviest = minimum_spanning_tree(np.triu(scores.max() - scores + 1.0, 1))
    order, parents = breadth_first_order(heaviest, 0, directed=False)
    return [(int(row), max(int(parents[row]), -1)) for row in order]


def scored(start: Start, shares: Sequence[Floats]) -> Floats:
    """(n, n) noisy scores, above the diagonal; the others are 0."""
    n, size = start.codes.shape[1], len(start.book)
    counts = np.zeros((n, n), dtype=np.int64)
    for a in range(n):
        for b in range(a + 1, n):
            expected = np.round((start.traces_of[:, None] * shares[a]).T @ shares[b]).astype(np.int64)
            places = start.codes[:, a] * size + start.codes[:, b]
            counts[a, b] = np.abs(np.bincount(places, minlength=size * size).reshape(size, size) - expected).sum()
    above = np.triu_indices(n, 1)
    found = np.zeros((n, n))
    found[above] = noisy(counts[above], start.sigma(SCORES))
    return found


def unconditional(start: Start) -> list[Floats]:
    """(labels, K) shares of each position's codes, absence being one that stays."""
    left, found = np.ones(len(start.traces_of)), list[Floats]()
    for cell in label_cells(start):
        shares = left[:, None] * cell.shares
        shares[:, -1] += 1 - left
        left = left * (1 - cell.shares[:, -1])
        found.append(normalised(shares))
    return found


def counted_edge(start: Start, shares: Sequence[Floats], row: int, parent: int) -> Edge:
    """The noisy pairs along an edge, relative to what positions alone expect."""
    size = len(start.book)
    if parent < 0:
        return Edge(row, parent, np.ones((1, size)))
    places = start.codes[:, parent] * size + start.codes[:, row]
    sigma = start.sigma(PAIRS)
    counts = noisy(np.bincount(places, minlength=size * size).reshape(size, size), sigma).astype(np.float64)
    expected = (start.traces_of[:, None] * shares[parent]).T @ shares[row]
    alone = normalised(start.traces_of @ shares[row])
    return Edge(row, parent, np.asarray(kept(counts, expected, sigma) / np.maximum(alone, 1e-9)))


def marginals(private: Private, epsilon: float, setting: Mapping[str, float], seed: int) -> Method:
    """Noisy tables by label, and noisy pairs along a tree of positions; `codes` and `pairs` are their weights."""
    n = private.values.shape[1]
    looks = {
        CODES: (n, setting["codes"]),
        SCORES: (n * (n - 1) // 2, SCORED),
        PAIRS: (n - 1, setting["pairs"]),
    }
    start = begin(private, looks, epsilon)
    shares = unconditional(start)
    edges = [counted_edge(start, shares, row, parent) for row, parent in tree_of(scored(start, shares))]
    return Method(lambda ids, rng: start.values(draw_tree(edges, shares, ids, rng), rng), start.spent)


def draw_tree(edges: Sequence[Edge], shares: Sequence[Floats], ids: Ints, rng: np.random.Generator) -> Ints:
    """Codes (M, n) of traces of labels (M,); what follows an end is absent."""
    size = shares[0].shape[1]
    codes = np.full((len(ids), len(shares)), size - 1)
    for edge in edges:
        alone = shares[edge.row][ids]
        if edge.parent >= 0:
            both = normalised(np.minimum(alone * edge.lift[codes[:, edge.parent]], 1.0) + 1e-9)
            alone = (1 - MIXED) * both + MIXED * alone
        codes[:, edge.row] = chosen(alone, rng)
    return np.where(np.logical_and.accumulate(going(codes, size), axis=1), codes, size - 1)
