"""Marks: how far a capture was read, in packets and in bytes of its file."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class Mark(NamedTuple):
    """How many packets of a capture end up to a byte of its file, and of several files the number of this one."""

    packets: int
    position: int
    file: int = 0


def note(marks: deque[Mark], mark: Mark) -> None:
    """Add a mark, in the place of the last one if it is of the same block."""
    if marks and marks[-1][1:] == mark[1:]:
        marks.pop()
    marks.append(mark)
