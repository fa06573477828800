"""Compiled kernels work wherever the package lies."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netdiffus.wire.kernels import compiled as module

SOURCE = Path(module.__file__).parents[3]
SAYS = (
    "netdiffus: compiled code cannot be kept here, so every run compiles again and begins slower; set NUMBA_CACHE_DIR"
)
PROGRAM = """
import numpy as np
from netdiffus.imaging.gasf import gasf
from netdiffus.imaging.scale import EmpiricalScale
from netdiffus.wire.files.records import _put
print(_put(np.zeros(8, np.uint8), 0, 7))
print(_put(np.zeros(8, np.uint8), np.int64(0), np.uint8(7)))
"""


def double(x: int) -> int:
    return 2 * x


@pytest.fixture(autouse=True)
def nothing_said_yet():
    module._say_once.cache_clear()


def test_a_machine_without_any_folder_to_write_to(monkeypatch, capsys):
    def nowhere(function):
        raise RuntimeError("cannot cache function 'double': no locator available for file")

    monkeypatch.setattr(module, "_Cache", nowhere)
    for _ in range(2):
        assert module.compiled(double)(21) == 42
    err = capsys.readouterr().err
    assert err.startswith(SAYS)
    assert len(err.splitlines()) == 1


def test_a_cache_that_cannot_be_written_any_more(monkeypatch, capsys):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("load_overload", "save_overload"):
        monkeypatch.setattr(module.FunctionCache, name, full)
    assert module.compiled(double)(21) == 42
    assert capsys.readouterr().err.startswith(SAYS)


def test_a_user_without_a_home_on_an_install_that_cannot_be_written(tmp_path):
    """Every kernel of the package, with folders in the place of which lie files: root may write anywhere else."""
    package = tmp_path / "site" / "netdiffus"
    shutil.copytree(SOURCE / "netdiffus", package, ignore=shutil.ignore_patterns("__pycache__", "data"))
    for folder in {path.parent for path in package.rglob("*.py")}:
        (folder / "__pycache__").write_text("in the way")
    (tmp_path / "home").write_text("no folder")
    away = tmp_path / "away"
    away.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "PYTHONPATH": str(tmp_path / "site")}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, cwd=away, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "4\n4\n"
    assert ended.stderr.startswith(SAYS)
    assert len(ended.stderr.splitlines()) == 1
    assert not list(away.iterdir())
