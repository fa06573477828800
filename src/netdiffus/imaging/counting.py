"""Counting: how often values occur, by this process, or by several that each count a part and then add up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Floats, Ints


class Counting(Protocol):
    """Counts; where several do, all have the counts of all."""

    def distinct(self, values: Floats) -> tuple[Floats, Ints]:
        """The distinct values of (M,), ascending, and how often each occurs."""

    def summed(self, count: Callable[[slice], Ints]) -> Ints:
        """The counts of all rows, given what counts some of them."""


class Here:
    """This process alone."""

    def distinct(self, values: Floats) -> tuple[Floats, Ints]:
        """The distinct values of (M,), ascending, and how often each occurs."""
        known, counts = np.unique(values, return_counts=True)
        return known, counts.astype(np.int64)

    def summed(self, count: Callable[[slice], Ints]) -> Ints:
        """The counts of all rows."""
        return count(slice(None))


HERE = Here()


def added(values: Floats, counts: NDArray[Any]) -> tuple[Floats, Ints]:
    """Distinct values, ascending, of values (M,) that occur so often (M,), and their counts."""
    known, which = np.unique(values, return_inverse=True)
    return known, np.bincount(which, counts, minlength=len(known)).astype(np.int64)
