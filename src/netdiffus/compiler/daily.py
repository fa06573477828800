"""Load over the day: how many sessions begin in each hour, where captures span a day, and times that follow it."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from netdiffus.arrays import Floats, Ints
from netdiffus.manifest import Manifest

HOURS = 24
HOUR_NS = 3_600_000_000_000
DAY_NS = HOURS * HOUR_NS
LEAST = 0.05
"""Of the mean: an hour without sessions is rare, not impossible."""


class Day(Manifest):
    """The shares of an average day, hour by hour (UTC), relative to their mean."""

    hours: Annotated[list[Annotated[float, Field(gt=0, le=HOURS)]], Field(min_length=HOURS, max_length=HOURS)]

    @classmethod
    def fit(cls, starts: Ints) -> Day | None:
        """The day of sessions that begin at `starts` (N,), ns; None if they lie within less than a day."""
        if len(starts) < HOURS or int(starts.max()) - int(starts.min()) < DAY_NS:
            return None
        first, last = int(starts.min()) // HOUR_NS, int(starts.max()) // HOUR_NS
        there = np.bincount(np.arange(first, last + 1) % HOURS, minlength=HOURS)  # how often each hour was captured
        rate = np.bincount(starts // HOUR_NS % HOURS, minlength=HOURS) / np.maximum(there, 1)
        shares = np.maximum(rate / rate.mean(), LEAST)
        return cls(hours=[float(share) for share in shares / shares.mean()])

    def spread(self, starts: Ints) -> Ints:
        """Times (N,), ascending, that follow the day; the first and the last stay (inversion: Devroye 1986, VI.1.3)."""
        if len(starts) < 2 or starts[-1] == starts[0]:
            return starts
        first, last = int(starts[0]), int(starts[-1])
        inside = np.arange(first // HOUR_NS + 1, -(-last // HOUR_NS), dtype=np.int64) * HOUR_NS
        edges = np.concatenate([[first], inside, [last]]).astype(np.float64) - first
        rates = np.array(self.hours)[(np.concatenate([[first], inside]) // HOUR_NS) % HOURS]
        load: Floats = np.concatenate([[0.0], np.cumsum(np.diff(edges) * rates)])
        wanted = (starts - first) / (last - first) * load[-1]
        return np.asarray(first + np.interp(wanted, load, edges).astype(np.int64))
