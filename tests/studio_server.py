"""A studio that runs as a process of its own, and a real browser to look at it."""

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

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from chromium import NAMES

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
SECONDS = 60


@dataclass
class Running:
    """A studio: where it is, and what lets one in."""

    base: str
    token: str
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        return f"{self.base}/?token={self.token}"


@contextmanager
def studio(folder: Path, *options: str) -> Iterator[Running]:
    """The studio of a folder on a port that was free; it is ended by Ctrl-C."""
    command = [sys.executable, "-m", "netdiffus", "studio", str(folder), "--port", "0", "--no-browser", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.search(r"(http://\S+?)/\?token=(\S+)", line)
    assert match, line + process.stdout.read()
    try:
        yield Running(match[1], match[2], process)
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 0, said
    assert "Traceback" not in said


@contextmanager
def browser() -> Iterator[Browser]:
    """A fresh Chromium; the test skips, visibly, where there is none."""
    binary = next((found for name in NAMES if (found := shutil.which(name))), None)
    if binary is None:
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=binary, args=FLAGS)
        yield opened
        opened.close()


class Watched:
    """A tab of which everything is recorded that it asked for or complained of."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(1000 * SECONDS)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def outside(self, base: str) -> list[str]:
        """What was asked of anyone else than the studio."""
        return [url for url in self.asked if not url.startswith((base + "/", "data:", "about:"))]
