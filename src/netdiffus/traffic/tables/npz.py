"""Tables in npz files: all arrays of one, checked against the limit of tables before memory is taken for them."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from netdiffus.traffic.tables.limits import MOST_VALUES, TableLimit
from netdiffus.wire.files.npz import read_header

VALUE_BYTES = 8
BROKEN = (ValueError, OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error)
"""What zipfile and numpy raise for damaged, encrypted and unknown files."""


def read_arrays(path: Path, most_values: int = MOST_VALUES) -> dict[str, NDArray[Any]]:
    """All arrays of an npz file by name.

    Raises:
        InputError: the arrays declare more than `most_values` (see TableLimit).
        ValueError, OSError, ...: one of BROKEN, the file is no npz file or damaged.
    """
    limit = TableLimit(path.name, path.stat().st_size, most_values)
    with zipfile.ZipFile(path) as archive:
        total = 0
        for member in archive.infolist():
            if member.filename.endswith(".npy"):
                with archive.open(member) as file:
                    values, shape = _declared(file, member.file_size)
                total += values
                limit.check(total, f"an array of {' x '.join(f'{size:,}' for size in shape) or 'one value'}")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _declared(file: IO[bytes], file_bytes: int) -> tuple[int, tuple[int, ...]]:
    """How many values, or eights of bytes, an array has by its header, and its shape."""
    shape, kind = read_header(file)
    if kind.hasobject:
        raise ValueError("Object arrays cannot be loaded when allow_pickle=False")
    if any(size < 0 for size in shape):
        raise ValueError(f"shape {shape} is negative")
    count = math.prod(shape)
    values = max(count, count * kind.itemsize // VALUE_BYTES)
    if count * kind.itemsize > file_bytes:
        raise ValueError(f"array of shape {shape} is longer than what is stored of it ({file_bytes:,} bytes)")
    return values, shape


def damage(error: BaseException) -> str:
    """The first line of what is wrong."""
    return (str(error).splitlines() or [type(error).__name__])[0]
