"""Compiled kernels work wherever the package lies."""

from types import SimpleNamespace

import numba

from netdiffus.wire import compiled as module


def double(x: int) -> int:
    return 2 * x


def test_a_machine_without_any_folder_to_write_to(monkeypatch):
    def njit(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function 'double': no locator available for file")
        return numba.njit(**options)

    monkeypatch.setattr(module, "numba", SimpleNamespace(njit=njit))
    assert module.compiled(double)(21) == 42
