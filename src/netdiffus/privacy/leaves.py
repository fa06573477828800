"""Which contexts are counted: a tree over the codes before a code, grown where enough traces are expected.

The tree of a position is a partition: every trace falls into one leaf, the deepest that its codes lead to, and so
changes one count. It is grown by what was found before: traces are drawn from the tables of the positions before, and a
context becomes a leaf where enough of them have it. So the choice looks at no private data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from netdiffus.arrays import Bools, Floats, Ints

BASE = 1 << 20
"""More than there are codes."""


@dataclass
class Leaves:
    """The tree of one position, an order for each code farther back; the first order are the labels.

    Attributes:
        labels: how many. keys: (M,) of each order, parent * BASE + code, ascending.
    """

    labels: int
    keys: list[Ints] = field(default_factory=list)

    @classmethod
    def grow(cls, labels: int, ids: Ints, columns: Sequence[Ints], weight: float, fewest: Sequence[float]) -> Leaves:
        """The tree over drawn traces of labels (M,), each of which stands for `weight` real ones.

        Args:
            columns: (M,) codes of each order. fewest: real traces that a context of each order is expected to have.
        """
        tree = cls(labels)
        leaf, inside = ids.copy(), np.ones(len(ids), dtype=bool)
        for column, enough in zip(columns, fewest, strict=True):
            keys, counts = np.unique((leaf * BASE + column)[inside], return_counts=True)
            keys = keys[counts * weight >= enough]
            if not len(keys):
                break
            tree.keys.append(keys)
            leaf, inside = tree._step(leaf, inside, column, len(tree.keys) - 1)
        return tree

    def __len__(self) -> int:
        return self.labels + sum(map(len, self.keys))

    def start(self, order: int) -> int:
        """The first leaf of an order, 1 or more."""
        return self.labels + sum(map(len, self.keys[: order - 1]))

    @property
    def parents(self) -> Ints:
        """(leaves,) the leaf above each; -1 of labels."""
        return np.concatenate([np.full(self.labels, -1), *(keys // BASE for keys in self.keys)])

    @property
    def codes(self) -> Ints:
        """(leaves,) the code that each adds to the one above; -1 of labels."""
        return np.concatenate([np.full(self.labels, -1), *(keys % BASE for keys in self.keys)])

    @property
    def orders(self) -> Ints:
        """(leaves,) codes in the context of each."""
        sizes = [self.labels, *map(len, self.keys)]
        return np.repeat(np.arange(len(sizes)), sizes)

    @property
    def roots(self) -> Ints:
        """(leaves,) the label of each."""
        found, parents = np.arange(len(self)), self.parents
        for leaf in range(self.labels, len(self)):
            found[leaf] = found[parents[leaf]]
        return found

    def of(self, ids: Ints, columns: Sequence[Ints]) -> Ints:
        """The leaf (N,) of traces of labels (N,) with these codes (N,) of each order."""
        leaf, inside = ids.copy(), np.ones(len(ids), dtype=bool)
        for order in range(len(self.keys)):
            leaf, inside = self._step(leaf, inside, columns[order], order)
        return leaf

    def _step(self, leaf: Ints, inside: Bools, column: Ints, order: int) -> tuple[Ints, Bools]:
        keys, wanted = self.keys[order], leaf * BASE + column
        place = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
        known = inside & (keys[place] == wanted)
        return np.where(known, self.start(order + 1) + place, leaf), known

    def gathered(self, counts: Floats) -> Floats:
        """(leaves, ...) of each leaf and all below it."""
        found, parents = counts.astype(np.float64), self.parents
        for leaf in range(len(self) - 1, self.labels - 1, -1):
            found[parents[leaf]] += found[leaf]
        return found
