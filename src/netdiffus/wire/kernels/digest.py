"""What a kernel computes, as a digest: its bytecode, the constants that it reads, and the kernels that it calls.

Machine code from an earlier run may be used again as long as the digest is the same, whatever became of the files. The
bytecode is Python's own, so digests of two versions of Python differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from enum import Enum
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), np.generic, np.dtype, Enum)


def kernel_digest(function: FunctionType, options: object = None) -> str:
    """The digest of a Python function as numba compiles it, in hexadecimal.

    Args:
        function: the function under the decorator. What it refers to is read now, so everything that it calls must
            have been defined.
        options: of the compiler; any value with a stable repr.
    """
    digest = hashlib.sha256(repr(options).encode())
    for part in _function(function, set()):
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _function(function: FunctionType, seen: set[int]) -> Iterator[str]:
    """What goes into the digest: the function's code, then each name that it reads from its module, or encloses."""
    seen.add(id(function))
    yield f"{function.__qualname__}{function.__defaults__!r}{function.__kwdefaults__!r}"
    names: set[str] = set()
    for code in _codes(function.__code__):
        names.update(code.co_names)
        constants = [value for value in code.co_consts if not isinstance(value, CodeType)]
        if constants[:1] == [function.__doc__]:
            constants = constants[1:]
        yield f"{code.co_code.hex()}{code.co_varnames}{code.co_names}{constants!r}{code.co_flags}"
    for name in sorted(names & function.__globals__.keys()):
        yield name
        yield from _value(function.__globals__[name], names, seen)
    for cell in function.__closure__ or ():
        yield from _value(cell.cell_contents, names, seen)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and those of the functions and comprehensions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _value(value: Any, names: set[str], seen: set[int]) -> Iterator[str]:
    """A global: constants by value, kernels by their own code, modules by the attributes that are read."""
    called = getattr(value, "py_func", value)
    if isinstance(called, FunctionType) and (called is not value or called.__module__.partition(".")[0] == "netdiffus"):
        if id(called) not in seen:
            yield repr(getattr(value, "targetoptions", None))
            yield from _function(called, seen)
    elif isinstance(value, ModuleType):
        yield value.__name__
        for name in sorted(names & vars(value).keys()):
            if not isinstance(vars(value)[name], ModuleType):
                yield from _value(vars(value)[name], names, seen)
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype!r}{value.shape}{hashlib.sha256(value.tobytes()).hexdigest()}"
    elif isinstance(value, (tuple, frozenset)):
        for item in sorted(value, key=repr) if isinstance(value, frozenset) else value:
            yield from _value(item, names, seen)
    elif isinstance(value, _PLAIN):
        yield f"{type(value).__name__}{value!r}"
    else:  # functions of libraries, types, and names that are only attributes of something else
        kind = value if hasattr(value, "__qualname__") else type(value)
        yield f"{kind.__module__}.{kind.__qualname__}"
