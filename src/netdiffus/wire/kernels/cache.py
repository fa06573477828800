"""Where the machine code of kernels is kept, and when it may be used again.

numba's own cache (numba.core.caching), with three differences: code is valid while the kernel's digest is the same
(digest.py), instead of while its file is; nothing touches the disk before the kernel is called; and code that is found
is loaded without numba's implementations of Python and numpy, which only a compilation needs.
"""

from __future__ import annotations

import sys
from functools import cache, cached_property
from types import FunctionType
from typing import Any

from llvmlite import binding
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, NullCache
from numba.core.runtime import _nrt_python  # type: ignore[attr-defined]

from netdiffus.wire.kernels.digest import kernel_digest


@cache
def _say_once() -> None:
    print(
        "netdiffus: compiled code cannot be kept here, so every run compiles again and begins slower; "
        "set NUMBA_CACHE_DIR to a folder that you may write to",
        file=sys.stderr,
    )


@cache
def _find_runtime() -> None:
    """Name the functions of numba's runtime to LLVM, as numba does before it compiles: kernels' arrays need them."""
    for name, address in _nrt_python.c_helpers.items():
        binding.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)


class KernelCache(NullCache):
    """The kept code of one kernel, for each signature that it was called with.

    A folder that cannot be written, or is full, is no reason to stop: it is said once on standard error.
    """

    def __init__(self, function: FunctionType, options: object) -> None:
        self._function, self._options = function, options

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The code for a signature, or None."""
        if self._files is None:
            return None
        try:
            return self._files.load_overload(sig, target_context)
        except OSError:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled for a signature."""
        if self._files is None:
            _say_once()
            return
        try:
            self._files.save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError:
            _say_once()

    @cached_property
    def _files(self) -> _Files | None:
        """None where numba finds no folder that it may write to."""
        try:
            return _Files(self._function, kernel_digest(self._function, self._options))
        except RuntimeError:
            return None


class _Named(CompileResultCacheImpl):
    def get_filename_base(self, fullname: str, abiflags: str) -> str:
        """MODULE.KERNEL.pyXY: numba puts the line number into it, and code would be compiled again when it moves."""
        name = fullname.replace("<", "").replace(">", "")
        return f"{name}.py{sys.version_info[0]}{sys.version_info[1]}{abiflags}"


class _Files(FunctionCache):
    _impl_class = _Named

    def __init__(self, function: FunctionType, digest: str) -> None:
        self._name, self._py_func = repr(function), function
        self._impl = _Named(function)  # type: ignore[no-untyped-call]
        self._cache_path = self._impl.locator.get_cache_path()
        self._cache_file = IndexDataCacheFile(  # type: ignore[no-untyped-call]
            cache_path=self._cache_path, filename_base=self._impl.filename_base, source_stamp=digest
        )
        self.enable()  # type: ignore[no-untyped-call]

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """numba's, but for target_context.refresh(), which imports half of numba and scipy's BLAS: .4 seconds.

        What kernels call at run time is there without it: numba's runtime, C's maths, Python's exceptions. Hashing of
        dicts and sets is not, so kernels do without those.
        """
        _find_runtime()
        return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]
