"""A browser at work: chromium, told over its DevTools pipe to open one address after the other.

`browser.py PLAN`, a JSON file: flags of chromium, and steps, each with url and pause_s (after the page has loaded).
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LOAD_S = 40.0  # a page that has not loaded by then is left


class Browser:
    """chromium with one tab, and the pipe to it: JSON messages that end with a zero byte."""

    def __init__(self, flags: list[str]) -> None:
        here_out, there_in = os.pipe()[::-1]
        here_in, there_out = os.pipe()

        def connect() -> None:
            there = os.dup(there_in), os.dup(there_out)  # out of the way: either may be 3 or 4 itself
            os.dup2(there[0], 3)
            os.dup2(there[1], 4)

        words = ["chromium", *flags, "--remote-debugging-pipe", "about:blank"]
        self.process = subprocess.Popen(words, preexec_fn=connect, close_fds=False)
        os.close(there_in)
        os.close(there_out)
        self.read, self.write, self.rest, self.number = here_in, here_out, b"", 0

    def messages(self, until: float) -> Any:
        """What chromium says until then (time.monotonic)."""
        while True:
            while b"\0" in self.rest:
                one, _, self.rest = self.rest.partition(b"\0")
                yield json.loads(one)
            if not select.select([self.read], [], [], max(until - time.monotonic(), 0))[0]:
                raise TimeoutError("chromium is silent")
            more = os.read(self.read, 1 << 16)
            if not more:
                raise ConnectionError("chromium has gone")
            self.rest += more

    def call(self, method: str, tab: str | None = None, **values: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": values} | ({"sessionId": tab} if tab else {})
        os.write(self.write, json.dumps(message).encode() + b"\0")
        for answer in self.messages(time.monotonic() + LOAD_S):
            if answer.get("id") == self.number:
                return dict(answer.get("result", {}))
        raise ConnectionError("unreachable: messages end with an exception")

    def load(self, tab: str, url: str) -> None:
        """Open an address and wait until the page and its objects are there."""
        self.call("Page.navigate", tab, url=url)
        for message in self.messages(time.monotonic() + LOAD_S):
            if message.get("method") == "Page.loadEventFired":
                return


def main() -> None:
    """Follow the plan, then close the browser as a person does."""
    plan = json.loads(Path(sys.argv[1]).read_text())
    browser = Browser(plan["flags"])
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    tab = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    browser.call("Page.enable", tab)
    for step in plan["steps"]:
        try:
            browser.load(tab, step["url"])
        except TimeoutError as error:
            print(f"{step['url']}: {error}", file=sys.stderr)
        time.sleep(step["pause_s"])
    browser.call("Browser.close")
    browser.process.wait(timeout=20)


if __name__ == "__main__":
    main()
