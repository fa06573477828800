"""TCP option bytes of drawn packets → the nearest layout that real stacks send, with the values that were drawn."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from netdiffus.arrays import Bools, Bytes
from netdiffus.compiler.tcp_options import END, LENGTHS, NOP, SACK

MOST_BYTES = 40
CHUNK = 1 << 14
"""Rows that are compared at a time."""


def structure(layout: bytes) -> Bools:
    """Which of a layout's bytes say kinds, lengths and padding (40,); the others are values."""
    found = np.zeros(MOST_BYTES, np.bool_)
    found[: len(layout)] = True
    pos = 0
    while pos < len(layout) and layout[pos] != END:
        if layout[pos] == NOP:
            pos += 1
            continue
        length = layout[pos + 1] if pos + 1 < len(layout) else 0
        if length < 2 or pos + length > len(layout):
            break
        if layout[pos] in LENGTHS or layout[pos] == SACK:
            found[pos + 2 : pos + length] = False
        pos += length
    return found


@lru_cache(maxsize=8)
def _table(layouts: tuple[bytes, ...]) -> tuple[Bytes, Bools, Bools]:
    """Bytes (L, 40), which of them are structure, and which are there."""
    data = np.zeros((len(layouts), MOST_BYTES), np.uint8)
    for row, layout in zip(data, layouts, strict=True):
        row[: len(layout)] = np.frombuffer(layout, np.uint8)
    fixed = np.stack([structure(layout) for layout in layouts])
    there = np.arange(MOST_BYTES) < np.array([len(layout) for layout in layouts])[:, None]
    return data, fixed, there


def nearest_options(values: Bytes, there: Bools, layouts: tuple[bytes, ...]) -> tuple[list[bytes], Bools]:
    """Option bytes of each row, and in which rows others were drawn.

    Args:
        values: (n, 40), 0 where absent. there: (n, 320), the bits that are not absent.
        layouts: those that may be; a bit that differs, in presence or in structure, is one step away.
    """
    data, fixed, known = _table(layouts)
    fixed_bits, known_bits = (np.repeat(each, 8, axis=1).astype(np.float32) for each in (fixed, known))
    wanted = np.unpackbits(data, axis=1).astype(np.float32) * fixed_bits
    chosen, distance = [], []
    for start in range(0, len(values), CHUNK):
        bits = np.unpackbits(values[start : start + CHUNK], axis=1).astype(np.float32)
        here = there[start : start + CHUNK].astype(np.float32)
        # Hamming distances as sums of products: |a - b| = a + b - 2ab of zeros and ones
        far = here.sum(1)[:, None] + known_bits.sum(1) - 2 * here @ known_bits.T
        far += bits @ fixed_bits.T + wanted.sum(1) - 2 * bits @ wanted.T
        chosen.append(far.argmin(axis=1))
        distance.append(far.min(axis=1))
    place = np.concatenate(chosen)
    mixed = np.where(fixed[place], data[place], values)
    lengths = known.sum(axis=1)[place].tolist()
    return [bytes(row[:n]) for row, n in zip(mixed, lengths, strict=True)], np.concatenate(distance) > 0.5
