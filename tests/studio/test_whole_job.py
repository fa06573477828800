"""The whole job in a real browser: two captures are dropped, and a pcap is downloaded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page

from netdiffus import recordings
from netdiffus.wire.conformance.check import check_capture
from studio_server import Studio, Watched, browser, studio

LABELS = ("ntp", "dns")
MOST_CLICKS = 12
DROP = """async ([selector, files]) => {
  const transfer = new DataTransfer();
  for (const [name, bytes] of files) transfer.items.add(new File([new Uint8Array(bytes)], name));
  const target = document.querySelector(selector);
  for (const type of ["dragover", "drop"])
    target.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
}"""


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A capture for each of two labels."""
    folder = tmp_path_factory.mktemp("dropped")
    found = [folder / f"{label}.pcap.xz" for label in LABELS]
    for path in found:
        (source,) = recordings.captures()[path.name.split(".")[0]]
        shutil.copy(source, path)
    return found


class Mouse:
    """Clicks, counted; nothing else is used."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def click(self, role: str, name: str) -> None:
        self.page.get_by_role(role, name=name, exact=True).first.click()  # type: ignore[arg-type]
        self.clicks += 1

    def follow(self, name: str) -> None:
        """Follow a link, and wait for its page: a script that runs at once would run on the page that is left."""
        with self.page.expect_navigation():
            self.click("link", name)

    def ends(self, state: str) -> None:
        """Wait until the job of the page has ended."""
        self.page.wait_for_selector(f"#state:text-is('{state}')")


def drop(page: Page, selector: str, files: list[Path]) -> None:
    """Drop files on an element."""
    page.evaluate(DROP, [selector, [[path.name, list(path.read_bytes())] for path in files]])


def test_from_two_captures_to_a_pcap(captures: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    with browser() as opened, studio(folder) as running:
        tab = Watched(opened.new_context(accept_downloads=True))
        mouse = Mouse(tab.page)
        tab.page.goto(running.address)
        mouse.follow("Add traffic")
        drop(tab.page, "[data-drop]", captures)
        for label in LABELS:
            tab.page.wait_for_selector(f"#guess .tag:text-is('{label}')")
        tab.page.wait_for_selector("#command:has-text('--labels file')")
        mouse.click("button", "Prepare")
        mouse.ends("done")
        mouse.follow("Train a model on it")
        tab.page.evaluate(  # what a user would enter to be quicker; the defaults take ten minutes
            "for (const [name, value] of [['steps', 20]]) document.querySelector(`[name=${name}]`).value = value;"
            "document.querySelector('[name=preset][value=tiny]').checked = true"
        )
        mouse.click("button", "Train")
        _training_is_watched(tab, running, opened.new_context().new_page())
        mouse.ends("done")
        mouse.follow("Generate from it")
        assert tab.page.input_value("#out") == "synthetic.pcap"
        mouse.click("button", "Draw a few first")
        tab.page.wait_for_selector("#preview table.packets tbody tr")
        mouse.click("button", "Generate")
        mouse.ends("done")
        with tab.page.expect_download() as download:
            mouse.click("link", "Download")
        download.value.save_as(tmp_path / "got.pcap")
        assert tab.said == []
        assert tab.outside(running.base) == []
    checked = check_capture(tmp_path / "got.pcap")
    assert checked.packets > 100
    assert checked.clean
    assert (tmp_path / "got.pcap").read_bytes() == (folder / "synthetic.pcap").read_bytes()
    assert mouse.clicks <= MOST_CLICKS


def _training_is_watched(tab: Watched, running: Studio, other: Page) -> None:
    """A reload and a second tab find the training again, and a second one is refused meanwhile."""
    tab.page.wait_for_selector("[data-job]")
    tab.page.reload()
    assert tab.page.inner_text("#command").startswith("netdiffus train dataset --out model")
    other.goto(running.address)
    other.goto(running.base + "/jobs")
    assert other.get_by_role("link", name="train model").count() == 1
    if tab.page.inner_text("#state") == "running":
        other.goto(running.base + "/train")
        with other.expect_navigation():
            other.get_by_role("button", name="Train", exact=True).click()
        if tab.page.inner_text("#state") == "running":
            assert "one training at a time" in other.inner_text("[role=alert]")
    tab.page.wait_for_selector(".curve .smooth[d^='M']", state="attached")
    tab.page.wait_for_selector(".sample .real svg")
    assert tab.page.locator(".sample .synthetic svg").count() >= 2
