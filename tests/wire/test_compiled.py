"""Compiled kernels work wherever the package lies."""

import numba

from netdiffus.wire.compiled import compiled


def double(x: int) -> int:
    return 2 * x


def test_a_machine_without_any_folder_to_write_to(monkeypatch):
    njit = numba.njit

    def no_cache(**options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'double': no locator available for file")
        return njit(**options)

    monkeypatch.setattr(numba, "njit", no_cache)
    assert compiled(double)(21) == 42
