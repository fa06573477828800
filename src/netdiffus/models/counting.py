"""What workers count together before they train: each counts a part of the traces, and all take the sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from netdiffus.arrays import Floats, Ints
from netdiffus.diffusion.workers import Workers, gathered, part_of
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
        mine = torch.from_numpy(np.stack([known, counts.astype(np.float64)])).to(self.device)
        known_by_all, counted_by_all = gathered(self.workers, mine).cpu().numpy()
        return added(known_by_all, counted_by_all)

    def summed(self, count: Callable[[slice], Ints]) -> Ints:
        """The counts of all rows, given what counts some of them."""
        return self._total(count(part_of(self.workers)))

    def _total(self, values: Numbers) -> Numbers:
        tensor = torch.from_numpy(values).to(self.device)
        self.workers.total(tensor)
        found: Numbers = tensor.cpu().numpy()
        return found
