"""Every page in a real browser: nothing complained of, nothing asked of others, named, by keyboard, from 360 px on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext

from bench.small_traffic import two_labels
from netdiffus.api.verbs import evaluate
from netdiffus.metrics import METRICS
from netdiffus.steps import evaluate as evaluating
from quick_metrics import quick_metrics
from studio_server import Studio, Watched, browser, studio

HOSTILE = "<img src=x onerror=alert(1)>'\"&\u202e"
SPOKEN = {"image", "img", "link", "button", "textbox", "combobox", "checkbox", "radio", "slider", "spinbutton", "table",
          "region", "progressbar", "heading", "navigation", "figure"}  # fmt: skip
UNNAMED = {"table", "navigation", "figure"}
"""Roles that may go without a name of their own: what stands beside them names them."""
PAGES = {
    "home": "/", "prepare": "/prepare", "train": "/train", "generate": "/generate?model=model",
    "evaluate": "/evaluate?synthetic=synthetic.parquet", "reports": "/reports", "jobs": "/jobs",
    "dataset": "/dataset?path=dataset&row=1", "packets": "/dataset?path=packets&row=0",
    "hostile": f"/dataset?path={quote('set ' + HOSTILE)}&row=1",
    "capture": "/capture?path=captures/dns.pcap.xz&packet=2", "check": "/check?capture=captures/dns.pcap.xz",
    "report": "/report?path=report&with=report2", "refused": "/dataset?path=broken",
}  # fmt: skip
LEFT_OUT = {"lowdata", "boosting", "balance"}  # of the report: they train the forests of `utility` again
PAGE_BYTES, FOREIGN = 300_000, "https://example.org/x.js"


@pytest.fixture(scope="module")
def running(filled: Path) -> Iterator[Studio]:
    if not (filled / "report").exists():
        two_labels(120, seed=5).write_parquet(filled / "drawn.parquet")
        with pytest.MonkeyPatch.context() as patch, quick_metrics():
            chosen = {name: metric for name, metric in METRICS.items() if name not in LEFT_OUT}
            patch.setattr(evaluating, "METRICS", chosen)
            evaluate(filled / "dataset", filled / "drawn.parquet", filled / "report", baselines=False)
        shutil.copytree(filled / "report", filled / "report2")
    with studio(filled) as started:
        yield started


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture
def context(opened: Browser) -> Iterator[BrowserContext]:
    made = opened.new_context(viewport={"width": 360, "height": 800})
    yield made
    made.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_sound(name: str, running: Studio, context: BrowserContext) -> None:
    tab = Watched(context)
    weights: list[int] = []
    tab.page.goto(running.address)
    tab.said.clear()
    tab.page.on("response", lambda answer: weights.append(int(answer.headers.get("content-length") or 0)))
    tab.page.goto(running.base + PAGES[name])
    tab.page.wait_for_load_state("networkidle")
    refused = [line for line in tab.said if "400 (Bad Request)" in line]
    assert [line for line in tab.said if line not in refused] == []
    assert bool(refused) == (name == "refused")
    assert tab.outside(running.base) == []
    assert 0 < sum(weights) < PAGE_BYTES
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360
    nodes = context.new_cdp_session(tab.page).send("Accessibility.getFullAXTree")["nodes"]
    spoken = [node for node in nodes if not node["ignored"] and node["role"]["value"] in SPOKEN - UNNAMED]
    assert len(spoken) > 8
    assert [node["role"] for node in spoken if not node.get("name", {}).get("value", "").strip()] == []
    assert tab.page.evaluate("document.querySelectorAll('h1').length") == 1
    assert tab.page.evaluate("new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size") == (
        tab.page.evaluate("document.querySelectorAll('[id]').length")
    )


def test_the_policy_stops_what_a_page_should_not_have(running: Studio, context: BrowserContext) -> None:
    tab = Watched(context)
    tab.page.goto(running.address)
    tab.page.evaluate(
        "(url) => { const s = document.createElement('script'); s.src = url; document.body.append(s);"
        "const i = document.createElement('script'); i.textContent = 'window.ran = 1'; document.body.append(i) }",
        FOREIGN,
    )
    tab.page.wait_for_timeout(200)
    assert len([line for line in tab.said if "Content Security Policy" in line]) >= 2
    assert tab.page.evaluate("window.ran") is None


def test_hostile_labels_do_nothing(running: Studio, context: BrowserContext) -> None:
    tab = Watched(context)
    tab.page.on("dialog", lambda dialog: tab.said.append(dialog.message))
    tab.page.goto(running.address)
    for path in ("/", "/prepare", "/train", PAGES["hostile"]):
        tab.page.goto(running.base + path)
        assert tab.page.evaluate("[...document.images].filter((i) => i.src.endsWith('/x')).length") == 0
    tab.page.goto(running.base + "/train?dataset=" + quote("set " + HOSTILE))
    tab.page.wait_for_selector("#command:has-text('onerror')")
    assert tab.said == []


def test_a_flow_is_read_by_mouse_and_by_keyboard(running: Studio, context: BrowserContext) -> None:
    page = Watched(context).page
    page.set_viewport_size({"width": 1200, "height": 900})
    page.goto(running.address)
    page.goto(running.base + PAGES["packets"])
    page.focus("[data-flow]")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#readout").startswith("2: ")
    page.hover("g[data-text] >> nth=0", force=True)
    assert page.inner_text("#readout").startswith("1: ")
    page.hover("[data-gasf] img >> nth=0")
    assert " with " in page.inner_text("#readout")


def test_a_form_is_filled_in_by_keyboard_alone(running: Studio, context: BrowserContext) -> None:
    page = Watched(context).page
    page.goto(running.address)
    page.goto(running.base + "/prepare?source=captures/ntp.pcap.xz")
    reached: set[str] = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()"))
        if page.evaluate("document.activeElement.textContent.trim()") == "Prepare" and "out" in reached:
            break
    assert {"To the content", "source", "labels", "out", "Copy", "Prepare"} <= reached
    page.focus("summary")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("16")
    page.wait_for_selector("#command:has-text('--packets 16')")


def test_a_capture_is_checked_and_repaired(running: Studio, context: BrowserContext, tmp_path: Path) -> None:
    page = Watched(context).page
    page.goto(running.address)
    page.goto(running.base + "/check?capture=captures/ntp.pcap.xz")
    page.get_by_role("button", name="Check", exact=True).click()
    page.wait_for_selector("section[data-state=done], section[data-state='faults found']")
    assert "packets" in page.inner_text(".big")
    links = page.eval_on_selector_all("td a[target]", "(all) => all.map((a) => a.href)")
    assert all(link.startswith("https://www.rfc-editor.org/rfc/rfc") for link in links)
    page.get_by_role("button", name="Repair captures/ntp.pcap.xz").click()
    page.wait_for_selector("a[download]")
    with page.expect_download() as download:
        page.click("a[download]")
    download.value.save_as(tmp_path / "repaired.pcap")
    assert (tmp_path / "repaired.pcap").stat().st_size > 1000


def test_what_is_no_capture_is_refused_by_name(running: Studio, context: BrowserContext, tmp_path: Path) -> None:
    page = Watched(context).page
    page.goto(running.address)
    page.goto(running.base + "/prepare")
    (tmp_path / "notes.pcap").write_text("Dear reader")
    page.set_input_files("#file", tmp_path / "notes.pcap")
    page.wait_for_selector(".uploads .error")
    assert "expected a capture" in page.inner_text(".uploads .error")
