"""The unit of privacy: which rows count, so that no unit counts for more than was paid for."""

from __future__ import annotations

import math

import numpy as np

from netdiffus.arrays import Ints
from netdiffus.errors import InputError
from netdiffus.privacy.noise import uniform

MOST_PER_GROUP = 4
"""Rows of one group that are counted, unless asked otherwise: few, since noise grows with them."""
LARGEST_GROUP = 100_000
"""Rows of a group: one that is larger is no host, session or user."""


def default_delta(units: int) -> float:
    """1 / (10 n) with n rounded up to a power of ten, so that it says no more of n than its order of magnitude."""
    return 10.0 ** -(1 + math.ceil(math.log10(max(units, 2))))


def check_delta(delta: float, units: int) -> None:
    """Raise InputError for a delta of 1 / n or more: it would allow to publish one unit as it is."""
    if delta >= 1 / units:
        raise InputError(f"--delta below 1/n = {1 / units:.1e} for n = {units:,}", f"{delta:g}", "leave --delta out")


def counted_rows(groups: Ints, most: int) -> Ints:
    """Ascending places of the rows that count: of each group (N,) at most `most`, chosen at random.

    Raises:
        InputError: a group has more rows than a unit can have.
    """
    largest = int(np.unique(groups, return_counts=True)[1].max())
    if largest > LARGEST_GROUP:
        raise InputError(
            f"groups of at most {LARGEST_GROUP:,} rows for --unit group", f"one of {largest:,}",
            "name a column that says which host, session or user a row belongs to",
        )  # fmt: skip
    order = np.lexsort((uniform(len(groups)), groups))
    first = np.searchsorted(groups[order], groups[order])
    return np.sort(order[np.arange(len(groups)) - first < most])
