"""The pictures of docs/studio.md, from the folder of the demo: python -m tools.studio_pictures netdiffus-demo

A short training is started in that folder, which takes some minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page

from bench.studio_browser import browser, studio

PICTURES = Path(__file__).parents[1] / "docs" / "studio"
WAIT_MS = 900_000


def shoot(page: Page, name: str, height: int, top: str = "") -> None:
    """A picture of the page from an element on."""
    page.wait_for_load_state("networkidle")
    if top:
        page.locator(top).scroll_into_view_if_needed()
        page.evaluate("(top) => document.querySelector(top).scrollIntoView()", top)
    page.set_viewport_size({"width": page.viewport_size["width"] if page.viewport_size else 1200, "height": height})
    page.wait_for_timeout(500)
    page.screenshot(path=PICTURES / f"{name}.png")


def training(page: Page, base: str) -> None:
    """A training with samples, pictured and stopped."""
    page.goto(base + "/train?dataset=dataset")
    page.get_by_role("radio", name="Series sizes").check()
    page.fill("#out", "studio-model")
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_selector(".sample svg", timeout=WAIT_MS)
    page.wait_for_timeout(60_000)
    shoot(page, "train", 1000)
    page.get_by_role("button", name="Stop and save").click()


def main() -> None:
    """Take all pictures."""
    PICTURES.mkdir(exist_ok=True)
    with studio(Path(sys.argv[1])) as running, browser() as opened:
        page = opened.new_context(viewport={"width": 1200, "height": 900}).new_page()
        page.goto(running.address)
        shoot(page, "home", 900)
        page.goto(f"{running.base}/dataset?path=dataset&label=web&row=6000#flow")
        page.wait_for_selector(".gasfs img")
        shoot(page, "dataset", 1000, "section.flow")
        page.goto(f"{running.base}/capture?path=synthetic.pcapng&packet=5")
        shoot(page, "capture", 800)
        page.goto(f"{running.base}/report?path=report")
        page.wait_for_timeout(2000)
        shoot(page, "report", 1000)
        training(page, running.base)
        phone = opened.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark").new_page()
        phone.goto(running.address)
        phone.goto(f"{running.base}/dataset?path=dataset&label=web&row=6000#flow")
        shoot(phone, "phone", 844, "section.flow")


if __name__ == "__main__":
    main()
