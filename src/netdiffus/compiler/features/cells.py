"""Cells: which chain the packets of a segment are counted in, and drawn from: by its class and its mean sizes.

A class may do different things, as uploading and downloading; what follows what depends on it. A cell that few flows
have would repeat them, so their packets belong to the nearest one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from netdiffus.arrays import Bools, Ints
from netdiffus.compiler.features.course import LEVELS
from netdiffus.compiler.features.packed import pack, unpack

FEW_FLOWS = 3
NONE = -1


@dataclass(frozen=True)
class Cells:
    """Cells of classes.

    Attributes:
        classes: how many there are.
        known: (N, 3) class, level of the mean size upwards and downwards, in lexicographic order.
    """

    classes: int
    known: Ints

    @classmethod
    def fit(cls, kinds: Ints, levels: Ints, owner: Ints, classes: int) -> Cells:
        """The cells of packets (P,) of classes, levels (P, 2) and flows."""
        seen = np.unique(np.column_stack([kinds, levels, owner]), axis=0)
        cells, flows = np.unique(seen[:, :3], axis=0, return_counts=True)
        enough = flows >= FEW_FLOWS
        alone = ~np.isin(cells[:, 0], cells[enough, 0])  # of a class without such a cell all are kept
        return cls(classes, cells[enough | alone])

    @cached_property
    def nearest(self) -> Ints:
        """(classes, LEVELS, LEVELS) the number of the nearest known cell, NONE where the class has none."""
        up, down = np.meshgrid(np.arange(LEVELS), np.arange(LEVELS), indexing="ij")
        found = np.full((self.classes, LEVELS, LEVELS), NONE, np.int64)
        for kind in np.unique(self.known[:, 0]).tolist():
            numbers = np.flatnonzero(self.known[:, 0] == kind)
            _, ups, downs = self.known[numbers].T
            far = np.abs(up[..., None] - ups) + np.abs(down[..., None] - downs)
            far = far + LEVELS * (((up[..., None] == 0) != (ups == 0)) | ((down[..., None] == 0) != (downs == 0)))
            found[kind] = numbers[far.argmin(axis=2)]
        return found

    def of(self, kinds: Ints, levels: Ints) -> Ints:
        """The cell (...) of classes (...) and levels (..., 2)."""
        return np.asarray(self.nearest[kinds, levels[..., 0], levels[..., 1]])

    def alone(self, cells: Ints, owner: Ints) -> Bools:
        """(N,) whether a single flow is all that a cell has, of packets (P,) in cells and flows."""
        pairs = np.unique(np.stack([cells, owner]), axis=1)[0]
        return np.asarray(np.bincount(pairs, minlength=len(self.known)) <= 1)

    def to_json(self) -> str:
        """As text."""
        return pack(self.known)

    @classmethod
    def of_text(cls, text: str, classes: int) -> Cells:
        """The way back from `to_json`.

        Raises:
            ValueError: these are no cells.
        """
        known = unpack(text, -1, 3)
        if not len(known) or (known < 0).any() or (known >= [classes, LEVELS, LEVELS]).any():
            raise ValueError(f"with cells of {classes} classes")
        return cls(classes, known)
