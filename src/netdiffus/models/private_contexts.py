"""Noisy tables as the counted prior and the counted contexts of a causal denoiser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from netdiffus import limits
from netdiffus.arrays import Floats, Ints
from netdiffus.diffusion.contexts import Contexts, ContextSpec, ContextTable, keyed
from netdiffus.diffusion.prior import FEWEST
from netdiffus.privacy.tables import DEPTH, Cell

SURE = 1e4
"""The count of a context's codes together: shorter contexts hardly say anything then."""
LEAST = 1e-6
"""A share below is not kept, in a table that would be too large none below a multiple of it; the largest always is."""


def priors_of(cells: Sequence[Cell], sizes: Sequence[int]) -> list[Tensor]:
    """Log-priors (labels, n, K) of each channel: what the labels alone say."""
    found = []
    for channel in range(len(sizes)):
        mine = sorted((cell for cell in cells if cell.channel == channel), key=lambda cell: cell.row)
        shares = np.stack([cell.shares[: cell.tree.labels] for cell in mine], axis=1)
        found.append(torch.from_numpy(shares).float().clamp(min=FEWEST).log())
    return found


def contexts_of(cells: Sequence[Cell], sizes: Sequence[int]) -> Contexts:
    """The contexts of each channel, from the shortest to the longest; each is of one position.

    What follows the end of a trace is no count: it has ended.
    """
    tables: list[list[ContextTable]] = []
    for channel in range(len(sizes)):
        mine = [cell for cell in cells if cell.channel == channel]
        where = max((cell.places for cell in mine), key=len)
        orders = []
        for order in range(1, min(len(where), DEPTH) + 1):
            parts = [part for cell in mine for part in _of_order(cell, order, sizes)]
            if parts:
                spec = ContextSpec(tuple(where[:order]), 1.0, 0, 0, placed=True)
                orders.append(_table(spec, torch.cat([keys for keys, _ in parts]), [shares for _, shares in parts]))
        tables.append(orders)
    return Contexts(tables)


def _of_order(cell: Cell, order: int, sizes: Sequence[int]) -> Iterator[tuple[Tensor, Floats]]:
    """Keys (M,) and shares (M, K) of a position's contexts of some order."""
    if order > len(cell.places):
        return
    if order == 1:
        ended = np.zeros((cell.tree.labels, sizes[cell.channel]))
        ended[:, -1] = 1.0
        last = np.full(cell.tree.labels, sizes[cell.places[0][0]] - 1)
        yield _keys(cell.row, np.arange(cell.tree.labels), [last]), ended
    rows = np.flatnonzero(cell.tree.orders == order)
    leaf, path = rows, list[Ints]()
    for _ in range(order):
        path.insert(0, cell.tree.codes[leaf])
        leaf = cell.tree.parents[leaf]
    if len(rows):
        yield _keys(cell.row, leaf, path), cell.shares[rows]


def _keys(row: int, labels: Ints, path: Sequence[Ints]) -> Tensor:
    label = torch.from_numpy(labels)
    return keyed(label, [torch.from_numpy(codes) for codes in path], torch.full_like(label, row))


def _table(spec: ContextSpec, keys: Tensor, shares: Sequence[Floats]) -> ContextTable:
    """A table of contexts with shares; of two of one key the first holds."""
    order = torch.from_numpy(np.unique(keys.numpy(), return_index=True)[1])
    every = torch.from_numpy(np.concatenate(shares))[order]
    least, largest = LEAST, every == every.max(dim=1, keepdim=True).values
    while int((kept := (every > least) | largest).sum()) > limits.CONTEXTS and least < 1:
        least *= 2
    rows, codes = kept.nonzero(as_tuple=True)
    table = ContextTable(ContextSpec(spec.places, spec.strength, len(order), len(codes), spec.placed))
    table.keys, table.codes = keys[order], codes
    table.counts = (every[rows, codes] * SURE).float()[:, None]
    table.ends = torch.searchsorted(rows, torch.arange(len(order) + 1))
    table.totals, table.kinds = torch.full((len(order), 1), SURE), torch.full((len(order), 1), LEAST)
    return table
