"""netdiffus twice in one process: its kernels compiled, and as plain Python whose numbers have no width.

Coverage is seen in the plain form only, and machine arithmetic happens in the compiled form only. A number that wraps
round, a read before or behind an array or a type that numba chose otherwise makes the two differ.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

KERNELS: dict[str, dict[str, set[str]]] = {
    "wire.files.pcap": {"_scan": {"data"}},
    "wire.files.pcapng": {"_scan": {"data"}},
    "wire.headers.fields": {"_odd": {"fields"}},
    "wire.headers.tunnels": {"_enter": {"data", "ends", "fields"}},
    "wire.headers.tunnel_names": {"_name": {"data", "ends", "fields"}},
    "wire.files.order": {"gather": {"data", "offset", "captured", "place"}, "_find_moved": {"time_ns"}},
    "wire.headers.dissect": {"_dissect": {"data", "offset", "captured", "length", "link"}},
    "traffic.flows.table": {"track": {"fields", "time_ns", "data"}, "fill_slots": set(), "retain": {"numbers"}},
    "traffic.flows.frames": {"_place": {"rank"}, "_place_headers": {"headers", "rank"}},
}
"""Kernels that are called with arrays, by module, and which of their parameters they only read."""


class Octets(bytes):
    """Bytes with the one attribute of an array that kernels use; an index past the end raises."""

    size = property(len)


class Column(list[int]):
    """A column that is only read."""

    size = property(len)


class Rows:
    """A structured array whose rows have attributes, as numba's have; `keep` writes them back.

    A number that does not fit its field raises OverflowError.
    """

    def __init__(self, array: np.ndarray) -> None:
        assert array.dtype.names is not None
        self.array, self.size, self._names = array, array.size, array.dtype.names
        self._rows: dict[int, SimpleNamespace] = {}

    def __getitem__(self, i: int) -> SimpleNamespace:
        i = int(i)
        row = self._rows.get(i)
        if row is None:
            if not 0 <= i < self.size:
                raise IndexError(f"row {i} of {self.size}")
            row = self._rows[i] = SimpleNamespace(**dict(zip(self._names, self.array[i].item(), strict=True)))
        return row

    def __setitem__(self, i: int, row: SimpleNamespace) -> None:
        vars(self[i]).update(vars(row))

    def keep(self) -> None:
        for i, row in self._rows.items():
            self.array[i] = tuple(vars(row).values())


class Form:
    """A set of netdiffus' modules that see only each other, e.g. form["wire.files.reader"]."""

    def __init__(self, modules: dict[str, ModuleType]) -> None:
        self._modules = modules

    def __getitem__(self, name: str) -> Any:
        return self._modules[f"netdiffus.{name}"]

    @property
    def files(self) -> list[str]:
        """The files that the modules were read from."""
        return sorted(str(module.__file__) for module in self._modules.values())


def compiled_form(*names: str) -> Form:
    """The named modules and what they import, as they are."""
    with _set_aside():
        return _imported(names)


def plain_form(*names: str, instrument: AbstractContextManager[object] | None = None) -> Form:
    """The named modules and what they import with kernels as plain Python; imported inside `instrument`."""
    with _set_aside(), instrument or nullcontext():
        door = importlib.import_module("netdiffus.wire.kernels.compiled")
        vars(door).update(compiled=lambda function: function, i64=int, u64=int)
        form = _imported(names)
    for name, kernels in KERNELS.items():
        module = form._modules.get(f"netdiffus.{name}")
        for kernel, read in kernels.items() if module else ():
            setattr(module, kernel, _taking_arrays(getattr(module, kernel), read))
    for name in ("wire.kernels.flowkey", "traffic.flows.kernels"):  # where numbers are meant to wrap round
        if f"netdiffus.{name}" in form._modules:
            form[name].mix = mix
    return form


def mix(h: int, value: int) -> int:
    """What flowkey.mix computes in 64 bits."""
    h = ((h ^ value) * 0xFF51AFD7ED558CCD) & (2**64 - 1)
    return h ^ (h >> 32)


def _imported(names: tuple[str, ...]) -> Form:
    for name in names:
        importlib.import_module(f"netdiffus.{name}")
    return Form({name: module for name, module in sys.modules.items() if _ours(name)})


def _ours(name: str) -> bool:
    return name == "netdiffus" or name.startswith("netdiffus.")


@contextmanager
def _set_aside() -> Iterator[None]:
    """Imports inside make modules of their own; outside, all is as before."""
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _ours(name)}
    try:
        yield
    finally:
        for name in [name for name in sys.modules if _ours(name)]:
            del sys.modules[name]
        sys.modules.update(before)


def _taking_arrays(kernel: Callable[..., object], read: set[str]) -> Callable[..., object]:
    """The plain kernel for callers with numpy arrays."""
    names = list(inspect.signature(kernel).parameters)
    reads = [name in read for name in names]

    def run(*values: Any) -> object:
        rows = []
        arguments = []
        for value, only_read in zip(values, reads, strict=True):
            if isinstance(value, np.ndarray):
                if value.dtype.names is not None:
                    value = Rows(value)
                    if not only_read:
                        rows.append(value)
                elif only_read:
                    value = Octets(value.tobytes()) if value.dtype == np.uint8 else Column(value.tolist())
            elif isinstance(value, np.integer):
                value = int(value)
            arguments.append(value)
        result = kernel(*arguments)
        for row in rows:
            row.keep()
        return result

    return run
