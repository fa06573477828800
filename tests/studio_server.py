"""A real browser that looks at a studio; tests of it skip, visibly, where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from bench import studio_browser
from bench.studio_browser import NAMES, Studio, studio

SECONDS = 60
__all__ = ["Studio", "Watched", "browser", "studio"]


@contextmanager
def browser() -> Iterator[Browser]:
    """A fresh Chromium."""
    if studio_browser.binary() is None:
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    with studio_browser.browser() as opened:
        yield opened


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
