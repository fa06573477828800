"""Bins for comparing traffic values: one for each common value, equal shares of the rest for what lies between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netdiffus.arrays import Floats

ATOM_SHARE = 1 / 128
FEW_VALUES = 128
FEWEST = 5  # real occurrences that a bin of its own takes
QUANTILES = 32
PER_BIN = 10  # real values in a quantile bin, at least


def fit_edges(real: Floats) -> Floats:
    """Bin edges (ascending) fitted on real values; NaN is ignored.

    Traffic has atoms: a value that holds at least 1/128 of the mass gets a bin of its own, which 514 instead of 517
    misses. The other values are cut at their quantiles into at most 32 bins of equal real mass, so that gaps, which
    span nine decades, need no scale. With at most 128 distinct values every one that occurs five times has its own bin.
    What lies between two such bins falls into a bin between them, with little or no real mass.
    """
    values, counts = np.unique(real[~np.isnan(real)], return_counts=True)
    least = 0 if len(values) <= FEW_VALUES else ATOM_SHARE * counts.sum()
    is_atom = counts >= max(FEWEST, least)
    atoms = values[is_atom]
    rest = np.repeat(values, np.where(is_atom, 0, counts))
    bins = min(QUANTILES, len(rest) // PER_BIN)
    cuts = np.quantile(rest, np.arange(1, bins) / bins) if bins else np.zeros(0)
    return np.unique(np.concatenate([atoms, np.nextafter(atoms, np.inf), cuts]))


def bin_of(values: Floats, edges: Floats) -> NDArray[np.intp]:
    """The bin of each value, 0 to len(edges); absent values (NaN) get the bin len(edges) + 1."""
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
