"""Compiled loops: numba's njit, cached on disk so that only the first run on a machine compiles."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core.caching import FunctionCache, NullCache

Kernel = TypeVar("Kernel", bound=Callable[..., object])

i64 = cast(Callable[[Any], int], np.int64)
u64 = cast(Callable[[Any], int], np.uint64)
"""Widths of numbers, which only matter to the machine: to the type checker a number in a kernel is an int."""

_config: Any = numba.config
if os.path.expanduser("~") == "~" and not _config.CACHE_LOCATOR_CLASSES:
    # A user without a home folder: numba would make a folder named "~" where the command is run.
    _config.CACHE_LOCATOR_CLASSES = "UserProvidedCacheLocator,InTreeCacheLocator"


@cache
def _say_once() -> None:
    print(
        "netdiffus: compiled code cannot be kept here, so every run compiles again and begins slower; "
        "set NUMBA_CACHE_DIR to a folder that you may write to",
        file=sys.stderr,
    )


class _Cache(FunctionCache):
    """numba's cache; a folder that cannot be written any more, or is full, is no reason to stop."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except OSError:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError:
            _say_once()


class _NoCache(NullCache):
    """No cache; says so when something was compiled."""

    def save_overload(self, sig: Any, data: Any) -> None:
        _say_once()


def compiled(function: Kernel) -> Kernel:
    """The function as machine code, with arguments as numba takes them: arrays, numbers, tuples of numbers.

    The code is kept beside the module, or in the user's cache folder where the package cannot be written; where
    neither can be, it is compiled in every process, which is said once on standard error. numba takes code from its
    cache while the kernel's own file is unchanged: when a constant that it imports or a kernel of another file that it
    calls changes, its file must be touched, so kernels call those of their own file where they can.
    """
    return _cached(function, parallel=False)


def compiled_parallel(function: Kernel) -> Kernel:
    """The same; loops over numba.prange run on all cores."""
    return _cached(function, parallel=True)


def _cached(function: Kernel, *, parallel: bool) -> Kernel:
    kernel: Any = numba.njit(nogil=True, parallel=parallel)(function)
    if kernel is not function:  # NUMBA_DISABLE_JIT
        try:
            kernel._cache = _Cache(function)  # type: ignore[no-untyped-call]
        except RuntimeError:  # numba found no folder that it may write to
            kernel._cache = _NoCache()
    return cast(Kernel, kernel)
