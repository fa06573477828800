"""Compiled kernels work wherever the package lies, and are compiled again when what they compute changes."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.caching import FunctionCache

import netdiffus
from netdiffus.wire.kernels import cache, compiled

SOURCE = Path(netdiffus.__file__).parents[1]
SAYS = (
    "netdiffus: compiled code cannot be kept here, so every run compiles again and begins slower; set NUMBA_CACHE_DIR"
)
PROGRAM = """
import numpy as np
from netdiffus.imaging.gasf import gasf
from netdiffus.imaging.scale import EmpiricalScale
from netdiffus.wire.kernels.bytes import put_file_u32
print(put_file_u32(np.zeros(8, np.uint8), 0, 7, False))
print(put_file_u32(np.zeros(8, np.uint8), np.int64(0), np.uint8(7), True))
"""


def double(x: int) -> int:
    return 2 * x


@pytest.fixture(autouse=True)
def nothing_said_yet():
    cache._say_once.cache_clear()


def test_a_machine_without_any_folder_to_write_to(monkeypatch, capsys):
    def nowhere(*arguments):
        raise RuntimeError("cannot cache function 'double': no locator available for file")

    monkeypatch.setattr(cache, "_Files", nowhere)
    for _ in range(2):
        assert compiled.compiled(double)(21) == 42
    err = capsys.readouterr().err
    assert err.startswith(SAYS)
    assert len(err.splitlines()) == 1


def test_a_cache_that_cannot_be_written_any_more(monkeypatch, capsys):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("_load_overload", "save_overload"):
        monkeypatch.setattr(FunctionCache, name, full)
    assert compiled.compiled(double)(21) == 42
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


MODULES = {
    "sizes.py": "WORD = 4\nSTEPS = (1, 2)\n",
    "adding.py": (
        "from netdiffus.wire.kernels.compiled import compiled\n\n\n@compiled\ndef add(x):\n    return x + 1\n"
    ),
    "top.py": (
        "from netdiffus.wire.kernels.compiled import compiled\n"
        "from pack import sizes\nfrom pack.adding import add\nfrom pack.sizes import STEPS\n\n\n"
        '@compiled\ndef top(x):\n    """Documented."""\n    return 1000 * add(x) + 10 * sizes.WORD + STEPS[1]\n'
    ),
}
RUN = "from pack.top import top; print(top(1), sum(top.stats.cache_hits.values()))"


class Package:
    """A package of kernels in three files, run in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pack").mkdir()
        for name, text in MODULES.items():
            (folder / "pack" / name).write_text(text)
        self.environment = os.environ | {"PYTHONPATH": f"{folder}:{SOURCE}", "PYTHONDONTWRITEBYTECODE": "1"}

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a file's text; its time stays, and its size where the texts have the same."""
        path = self.folder / "pack" / name
        before, text = path.stat(), path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def run(self) -> tuple[int, bool]:
        """What the kernel returns, and whether its code came from the cache."""
        ended = subprocess.run(
            [sys.executable, "-c", RUN], env=self.environment, capture_output=True, text=True, check=True
        )
        value, hits = ended.stdout.split()
        return int(value), hits == "1"


def test_a_kernel_is_compiled_again_when_what_it_computes_changes_and_only_then(tmp_path):
    package = Package(tmp_path)
    assert package.run() == (2042, False)
    assert package.run() == (2042, True)
    package.edit("adding.py", "x + 1", "x + 2")  # a kernel of another file
    assert package.run() == (3042, False)
    package.edit("sizes.py", "WORD = 4", "WORD = 5")  # a constant, read as an attribute of its module
    assert package.run() == (3052, False)
    package.edit("sizes.py", "(1, 2)", "(1, 3)")  # a constant, imported by name
    assert package.run() == (3053, False)
    package.edit("top.py", "1000", "2000")
    assert package.run() == (6053, False)
    for name in MODULES:
        os.utime(tmp_path / "pack" / name)
    package.edit("top.py", "Documented.", "Documented better,\n    and longer.")
    package.edit("top.py", "@compiled", "# further down\n\n@compiled")
    package.edit("sizes.py", "WORD", "OTHER = 1\nWORD")
    assert package.run() == (6053, True)
