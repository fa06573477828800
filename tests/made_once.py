"""Artefacts that several tests read: made by one process of a test run, and used by all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The file or folder `name` that `make` writes at the path it is given; the first process that asks makes it.

    Processes of pytest-xdist have folders of their own below that of the run; the artefact lies in the latter.
    """
    root = factory.getbasetemp()
    shared = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / name).exists():
            make(shared / name)
    return shared / name
