"""Compiled loops: numba's njit, cached on disk so that only the first run on a machine compiles."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

from netdiffus.wire.kernels.cache import KernelCache

Kernel = TypeVar("Kernel", bound=Callable[..., object])

i64 = cast(Callable[[Any], int], np.int64)
u64 = cast(Callable[[Any], int], np.uint64)
"""Widths of numbers, which only matter to the machine: to the type checker a number in a kernel is an int."""

_config: Any = numba.config
if os.path.expanduser("~") == "~" and not _config.CACHE_LOCATOR_CLASSES:
    # A user without a home folder: numba would make a folder named "~" where the command is run.
    _config.CACHE_LOCATOR_CLASSES = "UserProvidedCacheLocator,InTreeCacheLocator"


def compiled(function: Kernel) -> Kernel:
    """The function as machine code, with arguments as numba takes them: arrays, numbers, tuples of numbers.

    The code is kept beside the module, or in the user's cache folder where the package cannot be written; where
    neither can be, it is compiled in every process, which is said once on standard error. It is compiled again when
    the kernel, a constant that it reads or a kernel that it calls changes, in whichever file (digest.py).
    """
    return _cached(function, nogil=True)


def compiled_parallel(function: Kernel) -> Kernel:
    """The same; loops over numba.prange run on all cores."""
    return _cached(function, nogil=True, parallel=True)


def _cached(function: Kernel, **options: bool) -> Kernel:
    jit: Any = numba.njit
    kernel = jit(**options)(function)
    if kernel is not function:  # NUMBA_DISABLE_JIT
        kernel._cache = KernelCache(cast(Any, function), (options, _config.BOUNDSCHECK, _config.OPT))
    return cast(Kernel, kernel)
