"""Tables in npz files: all arrays of one, checked against the limit of tables before memory is taken for them."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from netdiffus.traffic.tables.limits import MOST_VALUES, TableLimit
from netdiffus.wire.files.npz import Array, arrays_in

VALUE_BYTES = 8
BROKEN = (ValueError, OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error)
"""What zipfile and numpy raise for damaged, encrypted and unknown files."""


def read_arrays(path: Path, most_values: int = MOST_VALUES) -> dict[str, Array]:
    """All arrays of an npz file by name.

    Raises:
        InputError: the arrays declare more than `most_values` (see TableLimit).
        ValueError, OSError, ...: one of BROKEN, the file is no npz file or damaged.
    """
    limit, total = TableLimit(path.name, path.stat().st_size, most_values), 0

    def check(part: zipfile.ZipInfo, shape: tuple[int, ...], kind: np.dtype[Any]) -> None:
        nonlocal total
        total += declared_values(shape, kind, part.file_size)
        limit.check(total, f"an array of {' x '.join(f'{size:,}' for size in shape) or 'one value'}")

    with zipfile.ZipFile(path) as archive:
        return arrays_in(archive, check)


def declared_values(shape: tuple[int, ...], kind: np.dtype[Any], file_bytes: int) -> int:
    """How many values, or eights of bytes, an array of a file of so many bytes has by its header.

    Raises:
        ValueError: it holds objects, or says that it is longer than the file.
    """
    if kind.hasobject:
        raise ValueError("Object arrays cannot be loaded when allow_pickle=False")
    if any(size < 0 for size in shape):
        raise ValueError(f"shape {shape} is negative")
    count = math.prod(shape)
    if count * kind.itemsize > file_bytes:
        raise ValueError(f"array of shape {shape} is longer than what is stored of it ({file_bytes:,} bytes)")
    return max(count, count * kind.itemsize // VALUE_BYTES)


def damage(error: BaseException) -> str:
    """The first line of what is wrong."""
    return (str(error).splitlines() or [type(error).__name__])[0]
