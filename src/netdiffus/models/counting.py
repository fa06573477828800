"""What workers count together before they train: each counts a part of the traces, and all take the sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from netdiffus.arrays import Floats, Ints
from netdiffus.diffusion.workers import Workers, part_of
from netdiffus.imaging.counting import added

Numbers = TypeVar("Numbers", Floats, Ints)


@dataclass(frozen=True)
class CountingTogether:
    """Counting (imaging/counting.py) by workers that hold the same values; sums of whole numbers are exact.

    Attributes:
        device: of what they exchange.
    """

    workers: Workers
    device: torch.device

    def distinct(self, values: Floats) -> tuple[Floats, Ints]:
        """The distinct values of (M,), ascending, and how often each occurs."""
        known, counts = np.unique(values[part_of(self.workers)], return_counts=True)
        sizes = np.zeros(self.workers.size, np.int64)
        sizes[self.workers.rank] = len(known)
        sizes = self._total(sizes)
        found = np.zeros((2, self.workers.size, int(sizes.max())))
        found[0, self.workers.rank, : len(known)] = known
        found[1, self.workers.rank, : len(known)] = counts
        there = np.arange(found.shape[2]) < sizes[:, None]
        known_by_all, counted_by_all = self._total(found)
        return added(known_by_all[there], counted_by_all[there])

    def summed(self, count: Callable[[slice], Ints]) -> Ints:
        """The counts of all rows, given what counts some of them."""
        return self._total(count(part_of(self.workers)))

    def _total(self, values: Numbers) -> Numbers:
        tensor = torch.from_numpy(values).to(self.device)
        self.workers.total(tensor)
        found: Numbers = tensor.cpu().numpy()
        return found
