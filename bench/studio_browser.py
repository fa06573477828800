"""A studio that runs as a process of its own, and a headless Chromium to look at it."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
END_SECONDS = 60


@dataclass
class Studio:
    """A studio: where it is, what lets one in, and its process."""

    base: str
    token: str
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        """The address that the command prints."""
        return f"{self.base}/?token={self.token}"


@contextmanager
def studio(folder: Path, *options: str) -> Iterator[Studio]:
    """The studio of a folder, as a user starts it, on a port that was free; it is ended by Ctrl-C.

    Raises:
        RuntimeError: it did not start, or did not end well; with what it printed.
    """
    command = [sys.executable, "-m", "netdiffus", "studio", str(folder), "--port", "0", "--no-browser", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    line = process.stdout.readline() if process.stdout else ""
    match = re.search(r"(http://\S+?)/\?token=(\S+)", line)
    try:
        if not match:
            raise RuntimeError(f"no studio: {line}")
        yield Studio(match[1], match[2], process)
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=END_SECONDS)[0]
    if process.returncode or "Traceback" in said:
        raise RuntimeError(f"the studio ended with {process.returncode}: {said}")


def binary() -> str | None:
    """The path of Chromium; None where it is not installed."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """A fresh Chromium.

    Raises:
        RuntimeError: it is not installed.
    """
    from playwright.sync_api import sync_playwright

    if binary() is None:
        raise RuntimeError(f"none of {', '.join(NAMES)} is installed")
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=binary(), args=FLAGS)
        yield opened
        opened.close()
