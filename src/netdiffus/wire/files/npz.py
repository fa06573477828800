"""Arrays in .npz files of strangers: how large one is stands at its head, and is bounded before it is unpacked."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from netdiffus import limits
from netdiffus.errors import InputError

Array = NDArray[Any]
Check = Callable[[zipfile.ZipInfo, tuple[int, ...], np.dtype[Any]], None]
"""Raises an error for an array that must not be unpacked, by its part of the archive, its shape and its type."""
DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, KeyError, ValueError, TypeError, OverflowError, OSError,
    NotImplementedError, RuntimeError, SyntaxError,
)  # fmt: skip
"""What reading a damaged archive may raise; RuntimeError stands for an encrypted one."""
MOST_HEADER_BYTES = 10_000
READ_HEADER = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
SUFFIX = ".npy"
KINDS = "fiubU"
"""Kinds of numpy types that are read: numbers, truth values and text."""


def read_arrays(path: Path, names: Sequence[str], what: str) -> dict[str, Array]:
    """Those of the named arrays that an .npz file of `what` holds, at least one.

    Raises:
        InputError: it is no such file, it is damaged, it holds none of them, or an array is larger than
            limits.ARRAY_BYTES and limits.ARRAY_RATIO allow.
    """
    try:
        with zipfile.ZipFile(path) as file:
            inside = [name.removesuffix(SUFFIX) for name in file.namelist()]
            found = arrays_in(file, partial(check_array, path), names)
    except InputError:
        raise
    except DAMAGE as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"a .npz file of {what}", f"{path}: {said[:200]}", "check the file") from None
    if not found:
        there = ", ".join(inside[:5])[:200]
        wanted = " or ".join(map(repr, names))
        raise InputError(f"an array {wanted} of {what}", f"{path} with {there or 'nothing'}", "rename it")
    return found


def arrays_in(file: zipfile.ZipFile, check: Check, names: Sequence[str] | None = None) -> dict[str, Array]:
    """The arrays of an archive by name, or those of the named ones that it holds; each is checked before any is read.

    Raises:
        Exception: one of DAMAGE, the archive is damaged; or what `check` raises.
    """
    parts = {part.filename.removesuffix(SUFFIX): part for part in file.infolist() if part.filename.endswith(SUFFIX)}
    wanted = {name: parts[name] for name in (parts if names is None else names) if name in parts}
    for part in wanted.values():
        with file.open(part) as member:
            check(part, *read_header(member))
    return {name: _array(file, part) for name, part in wanted.items()}


def check_array(path: Path, part: zipfile.ZipInfo, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise InputError for an array of another kind than KINDS, or one that is too large for what is stored of it."""
    size = dtype.itemsize
    for n in shape:
        size *= n
    name = part.filename.removesuffix(SUFFIX)
    if dtype.kind not in KINDS or not dtype.itemsize:
        raise InputError("arrays of numbers", f"{name} of {str(dtype)[:60]} in {path}", "check the file")
    if min(shape, default=1) < 0 or size > part.file_size:
        raise InputError("a whole array", f"{name} of {str(shape)[:60]} in {path}, which is shorter", "check the file")
    if size > max(limits.ARRAY_BYTES, limits.ARRAY_RATIO * part.compress_size):
        raise InputError(
            f"an array of at most {limits.ARRAY_BYTES:,} bytes, or {limits.ARRAY_RATIO} times its compressed size",
            f"{name} of {size:,} bytes in {part.compress_size:,} ({path})",
            "if you trust it, write it uncompressed (numpy.savez)",
        )


def read_header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The shape and type that an array says it has, the first bytes of its file.

    Raises:
        ValueError: its format is unknown, or the header is damaged.
    """
    version = npy.read_magic(member)
    if version not in READ_HEADER:
        raise ValueError(f"array format {version} is unknown")
    try:
        shape, _, dtype = READ_HEADER[version](member, max_header_size=MOST_HEADER_BYTES)
    except (SyntaxError, TypeError, MemoryError, tokenize.TokenError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"header of an array is damaged ({said})") from None
    return shape, dtype


def _array(file: zipfile.ZipFile, part: zipfile.ZipInfo) -> Array:
    with file.open(part) as member:
        array: Array = npy.read_array(member, allow_pickle=False)
    return array
