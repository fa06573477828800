"""The pictures of docs/studio.md, from the folder of the demo: python tools/studio_pictures.py netdiffus-demo

A short training is started in that folder, which takes some minutes.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

PICTURES = Path(__file__).parents[1] / "docs" / "studio"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
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
    folder = Path(sys.argv[1])
    command = [sys.executable, "-m", "netdiffus", "studio", str(folder), "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline() if process.stdout else ""
    match = re.search(r"(http://\S+?)/\?token=\S+", line)
    if not match:
        raise SystemExit(f"no studio: {line}")
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_context(viewport={"width": 1200, "height": 900}).new_page()
        page.goto(match[0])
        shoot(page, "home", 900)
        page.goto(f"{match[1]}/dataset?path=dataset&label=web&row=6000#flow")
        page.wait_for_selector(".gasfs img")
        shoot(page, "dataset", 1000, "section.flow")
        page.goto(f"{match[1]}/capture?path=synthetic.pcapng&packet=5")
        shoot(page, "capture", 800)
        page.goto(f"{match[1]}/report?path=report")
        page.wait_for_timeout(2000)
        shoot(page, "report", 1000)
        training(page, match[1])
        phone = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark").new_page()
        phone.goto(match[0])
        phone.goto(f"{match[1]}/dataset?path=dataset&label=web&row=6000#flow")
        shoot(phone, "phone", 844, "section.flow")
        browser.close()
    process.send_signal(signal.SIGINT)
    process.wait(60)


if __name__ == "__main__":
    main()
