"""Compiled loops: numba's njit, cached on disk so that only the first run on a machine compiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

Kernel = TypeVar("Kernel", bound=Callable[..., object])

i64 = cast(Callable[[Any], int], np.int64)
u64 = cast(Callable[[Any], int], np.uint64)
"""Widths of numbers, which only matter to the machine: to the type checker a number in a kernel is an int."""


def compiled(function: Kernel) -> Kernel:
    """The function as machine code, with arguments as numba takes them: arrays, numbers, tuples of numbers.

    The code is kept beside the module, or in the user's cache folder where the package cannot be written; where
    neither can be, it is compiled in every process. numba takes code from its cache while the kernel's own file is
    unchanged: when a constant that it imports or a kernel of another file that it calls changes, its file must be
    touched, so kernels call those of their own file where they can.
    """
    try:
        return cast(Kernel, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba found no folder that it may write to
        return cast(Kernel, numba.njit(nogil=True)(function))
