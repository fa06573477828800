"""A headless Chromium that a test talks to over its debugging pipe; the test skips, visibly, where there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.studio_browser import NAMES, binary

SECONDS = 60
# The pipes under the numbers that Chromium reads and writes: 3 and 4.
LAUNCH = """
import os, sys
ends = [os.dup(int(number)) for number in sys.argv[1:3]]
high = [os.dup2(end, 60 + index) for index, end in enumerate(ends)]
for number, end in zip((3, 4), high): os.dup2(end, number)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Tab:
    """One page: `call` sends a command of the DevTools protocol, `events` holds what the page reported meanwhile."""

    def __init__(self, commands: int, answers: int) -> None:
        self.commands, self.answers = commands, answers
        self.number, self.session, self.pending = 0, "", b""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result

    def wait_for(self, event: str) -> None:
        while not any(found["method"] == event for found in self.events):
            self.read()

    def read(self) -> dict[str, Any]:
        while b"\0" not in self.pending:
            received = os.read(self.answers, 1 << 16)
            assert received, "Chromium ended"
            self.pending += received
        text, _, self.pending = self.pending.partition(b"\0")
        answer: dict[str, Any] = json.loads(text)
        if "method" in answer:
            self.events.append(answer)
        return answer

    def open(self, page: Path) -> None:
        """Show a file, with everything that it does or says recorded in `events`."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=page.as_uri())
        self.wait_for("Page.loadEventFired")

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")


@contextmanager
def chromium(profile: Path) -> Iterator[Tab]:
    """A tab of a fresh Chromium, which is gone afterwards."""
    found = binary()
    if found is None:
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    to_browser, commands = os.pipe()
    answers, from_browser = os.pipe()
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-dev-shm-usage", f"--user-data-dir={profile}", "--remote-debugging-pipe"]  # fmt: skip
    started = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, str(to_browser), str(from_browser), found, *flags],
        pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield Tab(commands, answers)
    finally:
        os.close(commands)  # it ends when nobody can command it
        end = time.monotonic() + SECONDS
        while started.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        if started.poll() is None:
            started.kill()
            started.wait()
        os.close(answers)
